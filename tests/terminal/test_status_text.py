"""The status as a person sees it, in every stage, on every kind of screen."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import jsonschema
import pytest

from tests.engine.where import ROOT
from tests.terminal.golden import FOLDER, SCREENS, looked_at, page, shown
from tests.terminal.stages import STAGES
from zflow.exits import Exit
from zflow.journal.layout import home
from zflow.status.document import exit_code, gather
from zflow.status.view import as_text, headline
from zflow.terminal.screen import Screen
from zflow.terminal.signs import prepare

SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", SCREENS)
def test_every_stage_reads_as_it_was_found_good(name: str) -> None:
    """The text is the one in the repository, and no line is longer than the screen."""
    found = page(SCREENS[name])
    assert found == (FOLDER / f"status-{name}.txt").read_text()
    width = SCREENS[name].width
    if width is not None:
        assert [line for line in found.splitlines() if len(line) > width and not line.startswith("===")] == []


@pytest.mark.parametrize("stage", ["building", "blocked"])
def test_colour_adds_nothing_but_colour(stage: str) -> None:
    """Without its colours the text is the plain one; each colour ends on its line."""
    coloured = shown(stage, Screen(80, colour=True))
    assert SGR.sub("", coloured) == shown(stage, Screen(80)) != coloured
    for line in coloured.splitlines():
        codes = SGR.findall(line)
        assert all(code == "\x1b[0m" for code in codes[1::2])
        assert len(codes) % 2 == 0


def test_ascii_keeps_every_column() -> None:
    """Where the terminal knows no Unicode each sign has one stand-in, and none is a question mark."""
    text = shown("building", Screen(80))
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    prepare(stream)
    stream.write(text)
    stream.flush()
    found = raw.getvalue().decode("ascii")
    assert [len(line) for line in found.splitlines()] == [len(line) for line in text.splitlines()]
    assert "?" not in found
    assert "> Build Ubuntu in a staging folder" in found


@pytest.mark.parametrize("stage", STAGES)
def test_all_steps_are_listed_on_request(stage: str) -> None:
    """With `--steps` every step has its line, whatever the stage."""
    text = shown(stage, Screen(80), steps=True)
    listed = "Close the firewall" in text, "Use the Diffie-Hellman parameters" in text
    assert listed == ((False, False) if stage in {"none", "starting", "unreadable"} else (True, True))
    assert all(len(line) <= 80 for line in text.splitlines())


def test_what_is_to_come_tells_how_long_it_is_estimated_to_take() -> None:
    """The weights that the steps declare are shown, at this machine's pace."""
    assert re.search(r"· Configure the server +estimated 1\d min", shown("building", Screen(80), steps=True))


def test_a_step_that_is_waited_for_is_told_in_its_own_state() -> None:
    """The machine stands in bootstrap while the walk waits for the download, which belongs to install."""
    document, _ = looked_at("building")
    assert headline(document | {"step": "install.archive"}) == (
        "first start, at work in install: Fetch the Zimbra release"
    )


@pytest.mark.parametrize("stage", ["serving", "paused", "looking"])
def test_a_whole_server_shows_nothing_left_to_do(stage: str) -> None:
    """Below the headline of a server that serves every state is as whole as it says."""
    assert {state["status"] for state in looked_at(stage)[0]["states"]} == {"valid"}


def test_a_report_of_other_types_is_passed_over(tmp_path: Path) -> None:
    """A report that cannot be reckoned with is none, and is no damage of the journal; what else one holds is left."""
    now, place = STAGES["building"](tmp_path), home(tmp_path) / "progress/bootstrap.build.json"
    report = json.loads(place.read_text())
    for content, seen in ((report | {"done": []}, None), (report | {"more": 1}, report)):
        place.write_text(json.dumps(content))
        steps = {step["name"]: step for step in gather(tmp_path, lambda: now)["steps"]}
        assert steps["bootstrap.build"]["progress"] == seen


@pytest.mark.parametrize(
    ("stage", "code"),
    [
        ("none", Exit.STOPPED),
        ("starting", Exit.IN_PROGRESS),
        ("waiting", Exit.IN_PROGRESS),
        ("failed", Exit.STOPPED),
        ("blocked", Exit.STOPPED),
        ("serving", Exit.VALID),
        ("looking", Exit.IN_PROGRESS),
        ("alone", Exit.IN_PROGRESS),
        ("stopped", Exit.STOPPED),
        ("unreadable", Exit.STOPPED),
    ],
)
def test_the_exit_code_says_what_the_headline_says(stage: str, code: Exit) -> None:
    """What a script hears by the exit code is what a person reads."""
    assert exit_code(looked_at(stage)[0]) == code


@pytest.mark.parametrize("stage", STAGES)
def test_every_document_is_as_published(stage: str) -> None:
    """The document of every stage holds to the schema."""
    schema = json.loads((ROOT / "zflow/status/schema.json").read_text())
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(looked_at(stage)[0])


def test_what_stops_nothing_is_told_all_the_same() -> None:
    """A notice among the evidence stands below the states, whole, on every kind of screen."""
    document, now = looked_at("serving")
    assert "NOTICE" not in as_text(document, now=now)
    told = "NOTICE: this volume is a copy; where the original still serves, stop one of the two; written down again"
    steps = [step | {"evidence": told} if step["name"] == "install.origin" else step for step in document["steps"]]
    for screen in SCREENS.values():
        assert " ".join(as_text(document | {"steps": steps}, screen, now=now).split()).count(told) == 1
