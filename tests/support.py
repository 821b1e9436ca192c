"""Builds what the product's code needs to run in a test: a context over a temporary volume."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zflow.context import Context
from zflow.host.shell import Shell
from zflow.progress import Progress
from zflow.secret import Redactor, SecretStore
from zflow.settings import Setting, load


def make_context(
    volume: Path,
    table: Iterable[Setting[Any]] = (),
    environment: Mapping[str, str] | None = None,
    *,
    shell: Shell | None = None,
    boot: str = "test-boot",
) -> Context:
    """Return a context over `volume` with the settings of `environment`."""
    home = volume / ".zflow"
    for folder in ("cache", "stage", "secrets", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    return Context(
        volume=volume,
        settings=load(table, environment or {}, volume),
        secrets=SecretStore(home / "secrets", Redactor()),
        shell=shell or Shell(root=volume, tag="test", log=lambda _line: None),
        log=lambda _line: None,
        progress=Progress(home / "progress.json", "test", lambda _line: None),
        clock=time.time,
        boot=boot,
        stopping=threading.Event(),
    )


@contextmanager
def few_inodes(place: Path, number: int) -> Iterator[Path]:
    """Make a folder and mount a file system there that holds so many files and folders, and has room for bytes."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"nr_inodes={number},size=2g", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
