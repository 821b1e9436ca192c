"""Times, sizes and estimates as a person reads them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from tests.terminal.golden import looked_at
from zflow.progress import Progress
from zflow.status.outlook import left, outlook, pace
from zflow.terminal.screen import PIPED, Screen, screen, shortened
from zflow.terminal.signs import ascii_locale
from zflow.terminal.words import amount, counted, duration, moment, roughly, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"), (0, "0 s"), (59.4, "59 s"), (60, "1 min"), (64, "1 min 4 s"), (3599.6, "1 h"), (3605, "1 h"),
        (7380, "2 h 3 min"), (86400, "1 d"), (99999, "1 d 3 h"),
    ],
)  # fmt: skip
def test_a_measured_time_has_two_units_at_most(seconds: float, words: str) -> None:
    """The largest unit and the one below it."""
    assert duration(seconds) == words


def test_a_noun_has_the_number_of_what_is_counted() -> None:
    """One is singular; all others, none among them, are plural."""
    assert [counted(number, "day") for number in (0, 1, 2)] == ["0 days", "1 day", "2 days"]
    assert [counted(number, "entry", "entries") for number in (1, 2)] == ["1 entry", "2 entries"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "less than a minute"), (60, "about a minute"), (100, "about 2 min"), (3599, "about 60 min"),
     (3600, "about 1 h"), (5000, "about 1 h 25 min")],
)  # fmt: skip
def test_an_estimate_claims_no_seconds(seconds: float, words: str) -> None:
    """What is guessed is told as a guess."""
    assert roughly(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (99_960, "100 kB"), (999_600, "1.0 MB"), (1.24e9, "1.2 GB"),
     (5e15, "5000 TB")],
)  # fmt: skip
def test_sizes_have_the_figures_that_matter(number: float, words: str) -> None:
    """Decimal units, as downloads are shown everywhere."""
    assert size(number) == words


def test_a_time_of_another_day_has_its_date() -> None:
    """Today's needs none."""
    assert moment(1_800_000_000, 1_800_000_060) == "08:00:00 UTC"
    assert moment(1_800_000_000, 1_800_100_000) == "2027-01-15 08:00 UTC"


def test_a_slow_machine_is_expected_to_stay_slow() -> None:
    """The pace is the declared one before anything is measured, and nears what was measured."""
    assert pace([]) == 1
    assert pace([{"duration": None, "weight": 900}]) == 1
    assert 1.8 < pace([{"duration": 1200, "weight": 600}]) < 2


def test_work_in_the_background_costs_only_what_it_outlasts() -> None:
    """The download beside the build is not added to the walk's own steps, and a search longer than all of them is."""
    document, _ = looked_at("building")
    steps: list[dict[str, Any]] = document["steps"]
    own = sum(each["remaining"] for each in steps if each["name"] not in {"install.archive", "tls.dh"})
    assert document["outlook"]["remaining"] == round(own)
    longer = [each | {"remaining": 9999} if each["name"] == "tls.dh" else each for each in steps]
    found = outlook(longer, document["step"])
    assert found is not None
    assert found["remaining"] == 9999


@pytest.mark.parametrize(("elapsed", "remaining"), [(0, 120), (90, 30), (118, 6), (130, 6), (240, 60), (600, 240)])
def test_what_is_late_is_not_said_to_end_at_once(elapsed: float, remaining: float) -> None:
    """A step that takes longer than usual and says nothing of how far it is, is expected to go on in proportion."""
    step = {"status": "running", "elapsed": elapsed, "expected": 120.0, "progress": None}
    assert left(step, 0.0, None) == remaining


def test_a_download_is_judged_by_its_rate() -> None:
    """What is left of it is bytes over rate, whatever it usually takes."""
    step = next(each for each in looked_at("building")[0]["steps"] if each["name"] == "install.archive")
    assert step["remaining"] == pytest.approx((1_240e6 - 312e6) / 8.4e6, abs=0.1)


class Ticking:
    """A progress whose clock the test moves, and what it announced."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self.said: list[str] = []
        self.progress = Progress(folder / "p.json", "install.archive", self.said.append, lambda: self.now)

    def report(self, after: float, done: float, total: float, unit: str = "bytes", note: str = "downloading") -> None:
        """Report after so many seconds."""
        self.now += after
        self.progress.report(done, total, unit, note)


def test_a_download_gets_a_line_now_and_then(tmp_path: Path) -> None:
    """The tenths that go by are told with size, rate and time left, not each report."""
    ticking = Ticking(tmp_path)
    for number in range(251):
        ticking.report(0.5, number * 4e6, 1e9)
    assert ticking.said[0] == "install.archive: downloading"
    assert ticking.said[1] == ("install.archive: downloading, 10%, 100 MB of 1.0 GB, 8.0 MB/s, about 2 min left")
    assert len(ticking.said) == 11


def test_what_goes_fast_is_not_told_tenth_by_tenth(tmp_path: Path) -> None:
    """A file that is there in a second costs one line."""
    ticking = Ticking(tmp_path)
    for number in range(11):
        ticking.report(0.1, number, 10)
    assert ticking.said == ["install.archive: downloading"]


def test_a_resumed_download_does_not_boast(tmp_path: Path) -> None:
    """The rate counts from where this attempt began."""
    ticking = Ticking(tmp_path)
    ticking.report(0, 890e6, 1e9)
    ticking.report(30, 960e6, 1e9)
    assert ticking.said[-1] == "install.archive: downloading, 96%, 960 MB of 1.0 GB, 2.3 MB/s, less than a minute left"


def test_slow_work_of_unknown_length_is_told_once_in_a_while(tmp_path: Path) -> None:
    """A line a minute while it moves, and none while nothing does."""
    ticking = Ticking(tmp_path)
    for number in range(13):
        ticking.report(10, number, 0, "packages", "unpacking")
    assert ticking.said == [
        "install.archive: unpacking",
        "install.archive: unpacking, 6 packages",
        "install.archive: unpacking, 12 packages",
    ]
    for _ in range(13):
        ticking.report(10, 12, 0, "packages", "unpacking")
    assert len(ticking.said) == 3


def test_an_amount_without_a_unit_is_none() -> None:
    """What is not counted is not shown as a number."""
    assert amount({"done": 0, "total": 0, "unit": "", "rate": 0}) == ""


@pytest.mark.parametrize(
    ("environment", "plain"),
    [
        ({}, False), ({"LANG": "C.UTF-8"}, False), ({"LANG": "C"}, True), ({"LC_ALL": "POSIX"}, True),
        ({"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, True), ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, True),
        ({"LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, False), ({"LC_ALL": "", "LANG": "en_US.UTF-8"}, False),
    ],
)  # fmt: skip
def test_the_first_variable_that_is_set_decides_the_locale(environment: dict[str, str], plain: bool) -> None:
    """C and POSIX mean ASCII, also where Python has coerced LC_CTYPE meanwhile."""
    assert ascii_locale(environment) == plain


def test_a_screen_cuts_and_wraps_and_a_pipe_does_not() -> None:
    """On a terminal nothing is longer than the line; in a pipe every text stays whole."""
    long = "word " * 40
    assert len(Screen(80).cut(long, used=4)) <= 76
    assert max(map(len, Screen(80).wrap(long, "    ").splitlines())) <= 80
    assert PIPED.cut(long) == long
    assert shortened("abcdef", 4) == "abc…"
    assert screen() == PIPED


@pytest.mark.parametrize(
    ("environment", "wish", "colour"),
    [
        ({"TERM": "xterm"}, None, True), ({"TERM": "xterm"}, False, False), ({"TERM": "dumb"}, None, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, None, False), ({"TERM": "xterm", "NO_COLOR": ""}, None, True),
        ({}, None, False),
    ],
)  # fmt: skip
def test_colour_is_a_matter_of_the_terminal_and_of_taste(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], wish: bool | None, colour: bool
) -> None:
    """A dumb or unknown terminal, NO_COLOR with any value, and `--no-color` are each enough to have none."""
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    assert screen(terminal, colour=wish) == Screen(80, colour=colour)
