"""The page's text: what it says at each stage, and what it does with what others wrote."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from tests.engine.toy import Bench, again, file_step, hold_as, product
from tests.terminal.stages import building
from zflow import codes
from zflow.context import Context
from zflow.endpoint import page
from zflow.errors import OperatorError
from zflow.host.boot import boot_identity
from zflow.supervise.lock import RUNNER


class Words(HTMLParser):
    """Collects what a reader sees, and every place that the page names."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.tags: list[str] = []
        self.places: list[str] = []
        self._hidden = False
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._hidden = tag in {"script", "style"}
        self.places += [value or "" for name, value in attrs if name in {"href", "src", "action"}]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.seen.append(data.strip())


def shown(volume: Path) -> Words:
    """Return what the page shows."""
    return Words(page.render(volume))


def test_each_stage_has_its_headline(tmp_path: Path) -> None:
    """No runner, starting, blocked with what to do, serving."""
    assert f"No supervisor is running on {tmp_path}." in shown(tmp_path).seen
    hold_as(tmp_path, RUNNER)
    assert "Starting." in shown(tmp_path).seen
    bench = Bench(tmp_path, boot_identity())

    def refuse(_ctx: Context) -> None:
        raise OperatorError(codes.SETTINGS, "no password")

    bench.walk(product(file_step("one.a"), again(file_step("two.b"), apply=refuse)))
    blocked = shown(tmp_path).seen
    assert "Blocked in two: needs your action." in blocked
    advice = f"What to do: {codes.SETTINGS.remedy} Its log: `zflow logs two.b`."
    assert {"ZF-1001", "no password", advice, "1 of 2 steps valid."} <= {*blocked}
    bench.walk(product(file_step("one.a"), file_step("two.b")))
    serving = shown(tmp_path).seen
    assert "Serving: every state is valid." in serving
    assert serving.count("done") == 2


def test_a_first_start_tells_what_it_does_and_how_long_still(tmp_path: Path) -> None:
    """What it does in the words of `zflow status`, and below it the time that is left."""
    building(tmp_path)
    seen = shown(tmp_path).seen
    assert "First start, at work in bootstrap: Build Ubuntu in a staging folder." in seen
    assert any(re.fullmatch(r"\d+ of \d+ steps valid, about \d+ min left\.", words) for words in seen)


def test_what_others_wrote_is_text(tmp_path: Path) -> None:
    """Markup in a detail or a title stays text, a control character or a reversal of direction is not passed on."""
    hold_as(tmp_path, RUNNER)
    hostile = "</p><script>alert(1)</script><img src=//x.test onerror=alert(2)>\x1b]0;x\x07\u202e\udc80"

    def refuse(_ctx: Context) -> None:
        raise OperatorError(codes.SETTINGS, hostile.replace("\udc80", ""))

    step = again(file_step("one.a"), title=f"make {hostile[:30]}", apply=refuse)
    Bench(tmp_path, boot_identity()).walk(product(step))
    found = shown(tmp_path)
    assert found.tags.count("script") == 1
    assert "img" not in found.tags
    assert any("<script>alert(1)</script>" in words for words in found.seen)
    assert not {"\x1b", "\x07", "\u202e"} & set(page.render(tmp_path))


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    """The page names no place but its own empty icon."""
    assert shown(tmp_path).places == ["data:,"]
