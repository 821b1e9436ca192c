"""Removes old events and old logs of steps, at the end of a walk, when nothing waits for it.

Of each step the logs of the newest `LOGS` attempts are kept, and as many from the first start and from each walk that
was a turning point, as in the journal (`zflow.journal.pruning`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from zflow.errors import OperatorError
from zflow.journal.layout import log_name
from zflow.journal.writer import Journal

LOGS = 10
MOST = 2_000
"""Logs removed after one walk."""
LARGE = 1 << 20
"""Bytes from which on the product's log is replaced by a new one; the one before is kept."""
NAME = re.compile(r"(.+)\.\d+\.log")


def tidy(journal: Journal, logs: Path, turns: Sequence[str]) -> None:
    """Prune journal and logs by their rules; what fails is left to the next walk.

    `turns` are the names of the steps that make a walk a turning point.
    """
    with suppress(OperatorError):
        journal.prune(turns)
    with suppress(OperatorError, OSError):
        _prune_logs(journal, logs, turns)
    with suppress(OSError):
        common = logs / "product/product.log"
        if common.stat().st_size > LARGE:
            common.replace(common.with_name("product.before.log"))


def _prune_logs(journal: Journal, logs: Path, turns: Sequence[str]) -> None:
    attempts: dict[tuple[str, str], list[tuple[int, Path]]] = {}
    for path in logs.glob("*/*.log"):
        if match := NAME.fullmatch(path.name):
            made = path.lstat().st_mtime_ns
            attempts.setdefault((path.parent.name, match[1]), []).append((made, path))
    old = {name: sorted(found)[:-LOGS] for name, found in attempts.items() if len(found) > LOGS}
    if not old:
        return
    apart = {log_name(step, number) for _, step, number in journal.attempts_apart(turns, LOGS)}
    surplus = (path for found in old.values() for _, path in found if str(path.relative_to(logs.parent)) not in apart)
    for path in islice(surplus, MOST):
        path.unlink()
