"""What an orchestrator asks: has the start begun, is it alive, does it serve. Standard library and reader only.

* `startup`: a walk has begun in this start of the container. For Kubernetes' startupProbe.
* `live`: the supervisor is alive, also while it installs or is blocked. For a livenessProbe, the HEALTHCHECK.
* `ready`: everything was valid once, and the steps that make the server serve were proven in this start and have not
  been lost since. A walk in progress or a refused certificate does not end that. For a readinessProbe.

There is no heartbeat: a supervisor that hangs does so on its volume, where each of these questions hangs too, and the
orchestrator counts its time limit as no.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from zflow.errors import OperatorError
from zflow.host.boot import boot_identity
from zflow.host.files import read_json
from zflow.journal.layout import home
from zflow.journal.reader import Row, last_whole, position, reading, steps
from zflow.journal.record import of_row
from zflow.supervise.lock import RUNNER, holder


class Verdict(NamedTuple):
    """The answer to one question, and a line that says why."""

    good: bool
    words: str


NO_RUNNER = Verdict(good=False, words="no supervisor")
ELSEWHERE = Verdict(good=False, words="held by another container")


def live(volume: Path) -> Verdict:
    """Say whether the supervisor is alive; installing and being blocked are healthy: a restart would not help."""
    found = holder(volume, RUNNER)
    if found is None:
        return NO_RUNNER
    return Verdict(good=True, words="live") if found.alive else ELSEWHERE


def startup(volume: Path) -> Verdict:
    """Say whether a walk has begun in this start of the container."""
    if not (alive := live(volume)).good:
        return alive
    try:
        with reading(volume) as journal:
            row = position(journal)
    except OperatorError as error:
        return Verdict(good=False, words=str(error))
    begun = row is not None and row["boot"] == boot_identity()
    return Verdict(good=True, words="started") if begun else Verdict(good=False, words="no walk has begun yet")


def ready(volume: Path) -> Verdict:
    """Say whether the server serves, by the journal: a walk in progress or a refused certificate does not end that."""
    if not (alive := live(volume)).good:
        return alive
    try:
        with reading(volume) as journal:
            listed, whole = steps(journal), last_whole(journal)
    except OperatorError as error:
        return Verdict(good=False, words=str(error))
    if whole is None:
        return Verdict(good=False, words="the first start has not ended")
    boot = boot_identity()
    missing = [row["name"] for row in serving_steps(listed, volume) if not of_row(row).proven(row["scope"], boot)]
    if missing or not listed:
        return Verdict(good=False, words=f"not yet in this start: {', '.join(missing) or 'the walk'}")
    return Verdict(good=True, words="ready")


QUESTIONS: dict[str, Callable[[Path], Verdict]] = {"startup": startup, "live": live, "ready": ready}


def serving_steps(listed: Sequence[Row], volume: Path) -> list[Row]:
    """Return the rows of the steps that the product says make the server serve; by default all of the boot's."""
    names = read_json(serves_file(volume), set) or set()
    return [row for row in listed if row["name"] in names] or [row for row in listed if row["scope"] == "boot"]


def serves_file(volume: Path) -> Path:
    """Return the file in which the walker leaves the names of the steps that serve."""
    return home(volume) / "serves.json"


def shields_file(volume: Path) -> Path:
    """Return the file in which the walker leaves the names of the steps that shield what listens."""
    return home(volume) / "shields.json"


def proven(row: Row, boot: str) -> bool:
    """Tell whether a step was proven in that start of the container, and neither lost nor given up since."""
    return of_row(row).proven("boot", boot)
