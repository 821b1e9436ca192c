"""`zflow collect`: a support bundle in one file, without secrets."""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from zflow import __version__
from zflow.commands.bundle import Bundle, Known
from zflow.commands.config import effective
from zflow.commands.light import volume
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.host.files import write_atomic
from zflow.journal.reader import reading, stream
from zflow.secret import Secret
from zflow.settings import SETTINGS_FILE, Setting, content, load, passwords, toml
from zflow.status.document import as_json, gather
from zflow.status.view import as_text
from zflow.terminal.words import counted, size

NEWEST = 2_000_000
"""Bytes of each log that the bundle contains, from its end."""
LOGS = 16 * NEWEST
"""Bytes of all logs together, the newest first."""
EVENTS = 20_000
"""The newest events, which the bundle contains; of a journal that holds more it has no copy. Pruned, it has fewer."""
COMMANDS_RUN: dict[str, tuple[str, ...]] = {"df.txt": ("df", "-h"), "addresses.txt": ("ip", "address")}
FILES_READ = {
    "mounts.txt": "/proc/self/mountinfo", "memory.txt": "/proc/meminfo", "limit.txt": "/sys/fs/cgroup/memory.max",
    "load.txt": "/proc/loadavg",
}  # fmt: skip


@click.command()
@click.argument("file", default="-", type=click.Path(path_type=Path, dir_okay=False))
def collect(file: Path) -> int:
    """Collect a support bundle without secrets.

    Status, history, journal, logs, settings and system information go to FILE as tar.gz, or to standard output. zflow
    removes secrets and lists what it removed. The bundle never contains mail.
    """
    to_output = str(file) == "-"
    if to_output and sys.stdout.isatty():
        raise click.UsageError("name a FILE, or redirect the output: zflow collect > zflow.tar.gz")
    if not to_output and file.exists():
        raise click.UsageError(f"{file} exists already; name another FILE")
    bundle = gathered(volume())
    packed = bundle.pack()
    if to_output:
        sys.stdout.buffer.write(packed)
    else:
        write_atomic(file, packed, mode=0o600)
    click.echo(bundle.listing(), err=True, nl=False)
    click.echo(f"{counted(len(bundle.parts), 'file')}, {size(len(packed))}; no secret in it.", err=True)
    return Exit.VALID


def gathered(root: Path) -> Bundle:
    """Return the bundle of a volume; it notes what cannot be read, and nothing stops it."""
    from zflow.commands.product import environment, product

    bundle = Bundle(list(secrets_of(product().settings, environment(), root)))
    _add_status(bundle, root)
    _add_journal(bundle, root)
    _add_settings(bundle, root)
    _add_logs(bundle, root / ".zflow/logs")
    bundle.add("versions.txt", "\n".join(_versions(root)))
    for name, source in FILES_READ.items():
        bundle.add(name, _text_of(Path(source)))
    for name, argv in {**COMMANDS_RUN, **product().collects}.items():
        bundle.add(name, _output(argv))
    return bundle


def secrets_of(table: Iterable[Setting[Any]], environment: Mapping[str, str], root: Path) -> Iterator[Known]:
    """Yield every secret: of settings, valid or not, from every source, and those on the volume."""
    for setting in table:
        secret = isinstance(setting.parse(setting.example), Secret)
        for text in _given(setting, environment, root):
            if secret:
                yield Known(setting.name, text)
                continue
            for password in sorted(passwords(text)):
                yield Known(f"password in {setting.name}", password)
    for path in sorted((root / ".zflow/secrets").rglob("*")):
        with suppress(FileNotFoundError):  # one that a walk has just removed
            if path.is_file():
                yield Known(f"secrets/{path.name}", path.read_text(errors="replace"))


def _given(setting: Setting[Any], environment: Mapping[str, str], root: Path) -> Iterator[str]:
    if setting.variable in environment:
        yield environment[setting.variable]
    if (named := environment.get(f"{setting.variable}_FILE")) is not None:
        with suppress(OSError, ValueError):
            yield content(Path(named))
    with suppress(OSError, ValueError):
        found = toml(Path(environment.get(SETTINGS_FILE, root / "app/settings.toml")))
        if setting.name in found:
            yield str(found[setting.name])


def _add_status(bundle: Bundle, root: Path) -> None:
    document = gather(root)
    bundle.add("status.json", as_json(document))
    bundle.add("status.txt", as_text(document, steps=True))


def _add_journal(bundle: Bundle, root: Path) -> None:
    """Add the events as text, and a copy of the journal made by SQLite itself, beside a writer."""
    try:
        with tempfile.TemporaryDirectory() as folder, reading(root) as journal:
            history = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in stream(journal, last=EVENTS))
            bundle.add("history.jsonl", history)
            if journal.execute("SELECT count(*) AS held FROM event").fetchone()["held"] > EVENTS:
                bundle.notes.append(
                    f"history.jsonl: only the newest {EVENTS} events; journal.sqlite3: not included, too large"
                )
                return
            copy = Path(folder) / "journal.sqlite3"
            journal.execute("VACUUM INTO ?", (str(copy),))
            bundle.add_whole("journal.sqlite3", copy.read_bytes(), history)
    except (OperatorError, sqlite3.Error, OSError) as error:
        bundle.notes.append(f"journal.sqlite3: not included: {error}")


def _add_logs(bundle: Bundle, folder: Path) -> None:
    """Add the end of each log, the newest first, up to the limit."""
    room, left = LOGS, 0
    for path, found in sorted(_there(folder), key=lambda each: -each[1].st_mtime_ns):
        taken = min(found.st_size, NEWEST)
        if taken > room:
            left += 1
            continue
        with suppress(OSError):
            bundle.add(f"logs/{path.parent.name}/{path.name}", _end_of(path))
            room -= taken
    if left:
        bundle.notes.append(f"logs: {counted(left, 'older log')} not included; the limit is {size(LOGS)} in total")


def _there(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the logs; the walker may remove old ones meanwhile."""
    for path in folder.rglob("*.log"):
        with suppress(OSError):
            yield path, path.lstat()


def _add_settings(bundle: Bundle, root: Path) -> None:
    from zflow.commands.product import environment, product

    table = product().settings
    try:
        rows = effective(table, load(table, environment(), root))
    except OperatorError as error:
        bundle.add("settings.json", str(error))
    else:
        bundle.add("settings.json", json.dumps(rows, indent=2))


def _versions(root: Path) -> Iterator[str]:
    yield f"zflow {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    yield f"kernel {platform.release()} {platform.machine()}"
    for name, path in (("image", Path("/etc/os-release")), ("volume", root / "etc/os-release")):
        found = re.search(r'^PRETTY_NAME="?([^"\n]*)', _text_of(path), re.MULTILINE)
        yield f"{name}: {found[1] if found else 'none'}"


def _end_of(path: Path) -> str:
    """Return the end of a log from the start of a line: half a secret would not be recognised."""
    with path.open("rb") as file:
        if (length := path.stat().st_size) > NEWEST:
            file.seek(length - NEWEST)
            file.readline()
        return file.read().decode(errors="replace")


def _text_of(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError as error:
        return f"{error}\n"


def _output(argv: tuple[str, ...]) -> str:
    try:
        ended = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}\n"
    return ended.stdout + ended.stderr
