"""The list of what the supervisor watches until the next walk: left as plain JSON, so that it loads no states."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from zflow.step import Watch


def settings_watch(files: Iterable[Path]) -> Watch:
    """Return the engine's own watch: the files that settings come from."""
    return Watch("settings", paths=tuple(map(str, files)))


def leave(home: Path, watches: Sequence[Watch]) -> None:
    """Replace the list; on a volume that cannot be written the former one stays."""
    beside = home / "watches.new"
    with suppress(OSError):
        beside.write_text(json.dumps([asdict(watch) for watch in watches]))
        beside.rename(home / "watches.json")
