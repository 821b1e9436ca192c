"""What the light processes are told until the next walk: left as plain JSON, so that they load no states."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from zflow.status.health import serves_file, shields_file
from zflow.step import Product, Watch


def settings_watch(files: Iterable[Path]) -> Watch:
    """Return the engine's own watch: the files that settings come from."""
    return Watch("settings", paths=tuple(map(str, files)))


def leave(home: Path, watches: Sequence[Watch]) -> None:
    """Replace the list of what the supervisor watches; on a volume that cannot be written the former one stays."""
    _replace(home / "watches.json", [asdict(watch) for watch in watches])


def leave_names(volume: Path, product: Product) -> None:
    """Replace the lists of the steps that readiness asks for, and of those without which nobody outside is answered."""
    _replace(serves_file(volume), list(product.serves))
    _replace(shields_file(volume), list(product.shields))


def _replace(path: Path, content: object) -> None:
    beside = path.with_suffix(".new")
    with suppress(OSError):
        beside.write_text(json.dumps(content))
        beside.rename(path)
