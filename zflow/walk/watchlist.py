"""What a walk leaves to the light processes, as plain JSON, so that they need not load the states."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from zflow.context import Context
from zflow.errors import ZflowError
from zflow.status.health import serves_file, shields_file
from zflow.step import Product, Watch
from zflow.supervise.inputs import signature
from zflow.walk.surroundings import Surroundings


class Watching:
    """The watched files as a walk found them, and the list of watches that it leaves to the supervisor."""

    def __init__(self, product: Product, around: Surroundings) -> None:
        self._product = product
        self._around = around
        self._before: dict[tuple[str, ...], str] = {}
        self._left: list[Watch] = []

    def begin(self) -> None:
        """Note what the watched files are now; later looks compare with that."""
        self._before = self._signatures()

    def changed(self) -> bool:
        """Tell whether watched files have changed since."""
        return self._signatures() != self._before

    def leave(self) -> None:
        """Leave the list of watches, at the end of a walk."""
        watches = [*self._files(), *self._asked(self._product.watches)]
        self._left = [replace(each, answer=self._before.get(each.paths, "")) for each in watches]
        leave(self._around.home, self._left)

    def news(self) -> str | None:
        """Return the name of a watch in that list whose files have changed since the walk began."""
        changed = (each for each in self._left if each.answer and signature(each.paths) != each.answer)
        return next((each.name for each in changed), None)

    def _signatures(self) -> dict[tuple[str, ...], str]:
        return {each.paths: signature(each.paths) for each in self._files()}

    def _files(self) -> list[Watch]:
        return [settings_watch(self._around.settings.files), *self._asked(self._product.watched_files)]

    def _asked(self, watches: Callable[[Context], Sequence[Watch]]) -> Sequence[Watch]:
        with suppress(ZflowError, OSError):
            return watches(self._around.look())
        return ()


def settings_watch(files: Iterable[Path]) -> Watch:
    """Return the engine's own watch: the files that settings come from."""
    return Watch("settings", paths=tuple(map(str, files)))


def leave(home: Path, watches: Sequence[Watch]) -> None:
    """Replace the list of what the supervisor watches; on a volume that cannot be written the old one stays."""
    _replace(home / "watches.json", [asdict(watch) for watch in watches])


def leave_names(volume: Path, product: Product) -> None:
    """Replace the lists of the steps that readiness needs, and of those that must hold before the endpoint listens."""
    _replace(serves_file(volume), list(product.serves))
    _replace(shields_file(volume), list(product.shields))


def _replace(path: Path, content: object) -> None:
    beside = path.with_suffix(".new")
    with suppress(OSError):
        beside.write_text(json.dumps(content))
        beside.rename(path)
