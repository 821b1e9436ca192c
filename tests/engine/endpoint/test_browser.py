"""The page in headless Chromium at three stages: accessible by axe, whole at 320 pixels, up to date by itself."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, expect, sync_playwright

from tests.engine.endpoint.conftest import Listening
from tests.engine.toy import again, file_step, hold_as, product
from tests.engine.where import wait_for
from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.supervise.lock import WALKER

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium")
STEPS = (file_step("one.a"), file_step("one.b"), file_step("two.c"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def stage(request: pytest.FixtureRequest, listening: Listening) -> Iterator[str]:
    """Bring the volume to a stage and hold it there."""
    bench, over = listening.bench, threading.Event()

    def refuse(_ctx: Context) -> None:
        raise OperatorError(codes.SETTINGS, "ZFLOW_ADMIN_PASSWORD_FILE: there is no file /run/secrets/" + "x" * 90)

    def work(ctx: Context) -> None:
        ctx.progress.report(30, 120, "MiB", "unpacking")
        over.wait(60)

    match request.param:
        case "running":
            hold_as(bench.volume, WALKER)
            steps = (STEPS[0], file_step("one.b", before=work), STEPS[2])
            thread = threading.Thread(target=bench.walk, args=(product(*steps),))
            thread.start()
            wait_for(lambda: "unpacking" in listening.ask("/")[2], "the step")
            yield "First start, at work in one: make one.b."
            over.set()
            thread.join()
        case "blocked":
            bench.walk(product(*STEPS[:2], again(STEPS[2], apply=refuse)))
            yield "Blocked in two: needs your action."
        case _:
            bench.walk(product(*STEPS))
            yield "Serving: every state is valid."


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("stage", ["running", "blocked", "serving"], indirect=True)
def test_the_page_is_accessible_and_fits_a_narrow_screen(
    browser: Browser, listening: Listening, stage: str, scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    """No finding by axe at all, nothing refused by the policy, no sideways scrolling at 320 pixels (WCAG 1.4.10)."""
    with browser.new_context(color_scheme=scheme, viewport={"width": 320, "height": 640}) as context:
        tab, said = context.new_page(), []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("request", lambda request: said.append(request.url))
        tab.goto(listening.url)
        assert tab.locator("#headline").inner_text() == stage
        assert said == [listening.url]
        assert tab.evaluate("document.documentElement.scrollWidth") == 320
        tab.screenshot(path=tmp_path / "page.png", full_page=True)
    with browser.new_context(color_scheme=scheme, bypass_csp=True) as context:  # the judge itself is a foreign script
        tab = context.new_page()
        tab.goto(listening.url)
        found = Axe().run(tab)
        assert found.violations_count == 0, found.generate_report()


def test_the_page_follows_until_it_is_stopped(browser: Browser, listening: Listening) -> None:
    """Its own script brings another headline; once stopped by the keyboard nothing changes until it may again."""
    with browser.new_context() as context:
        tab = context.new_page()
        tab.clock.install()
        tab.goto(listening.url)
        headline, button = tab.locator("#headline"), tab.get_by_role("button")
        assert headline.inner_text() == "Starting."
        button.press("Enter")
        assert button.inner_text() == "Continue updating"
        listening.bench.walk(product(*STEPS))
        tab.clock.run_for(20_000)
        assert headline.inner_text() == "Starting."
        button.press("Enter")
        expect(headline).to_have_text("Serving: every state is valid.")
        assert tab.title().startswith("serving")
        assert button.inner_text() == "Stop updating"


def test_without_scripts_the_page_is_whole(browser: Browser, listening: Listening) -> None:
    """Nothing that cannot work is shown, and the reader is told how to look again."""
    listening.bench.walk(product(*STEPS))
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(listening.url)
        assert tab.get_by_role("button").count() == 0
        assert tab.get_by_text("Reload the page to update it.").is_visible()
        assert tab.get_by_role("listitem").count() == 5
