"""What a person or a probe waits for: `zflow status` and `zflow health` beside the import of click alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.figures import Figure, Row, within
from tests.bench.measure import PYTHON, ZFLOW, answer, side_by_side, taken
from tests.bench.place import Place
from tests.engine.toy import hold_as
from zflow.supervise.lock import RUNNER

STEPS = 40
"""About as many as the product has."""


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Look at a finished volume whose runner lives."""
    volume = place.new("finished")
    answer("zflow_walk", volume, str(STEPS), "run", "volume")
    hold_as(volume, RUNNER)
    click, status, health = side_by_side(
        rounds * 4, lambda: taken(PYTHON, "-c", "import click"), lambda: zflow(volume, "status"),
        lambda: zflow(volume, "health"),
    )  # fmt: skip
    bare = side_by_side(rounds * 4, lambda: taken(PYTHON, "-c", "pass"))[0]
    limit = f"{bare * 1e3:.0f} ms: python -c pass"
    yield within("zflow status", status, click, 'python -c "import click"', most=1, limit=limit)
    yield within("zflow health", health, click, 'python -c "import click"', most=1, limit=limit)


def zflow(volume: Path, command: str, ok: Sequence[int] = (0,)) -> float:
    """Return the seconds that one command takes."""
    return taken(ZFLOW, command, environment={**os.environ, "ZFLOW_VOLUME": str(volume)}, ok=ok)


ROW = Row("status", measure)
