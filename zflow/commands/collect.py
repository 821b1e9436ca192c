"""`zflow collect`: all that somebody who helps needs to see, in one file, without secrets."""

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

from zflow.commands.bundle import Bundle, Known
from zflow.commands.light import volume
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.secret import Secret
from zflow.settings import Setting, passwords

NEWEST = 2_000_000
"""Bytes of each log that are taken, from its end."""
LOGS = 16 * NEWEST
"""Bytes of all logs together, the newest first."""
EVENTS = 20_000
"""Events that are taken, the newest; of a journal that holds more there is no copy. Pruned, it holds far fewer."""
COMMANDS_RUN: dict[str, tuple[str, ...]] = {"df.txt": ("df", "-h"), "addresses.txt": ("ip", "address")}
FILES_READ = {
    "mounts.txt": "/proc/self/mountinfo", "memory.txt": "/proc/meminfo", "limit.txt": "/sys/fs/cgroup/memory.max",
    "load.txt": "/proc/loadavg",
}  # fmt: skip


@click.command()
@click.argument("file", default="-", type=click.Path(path_type=Path, dir_okay=False))
def collect(file: Path) -> int:
    """Pack what somebody who helps needs, without secrets.

    Status, history, journal, logs, settings and surroundings go to FILE as tar.gz, or to standard output. Secrets are
    taken out, and what was taken out is listed; mail is never in it.
    """
    to_output = str(file) == "-"
    if to_output and sys.stdout.isatty():
        raise click.UsageError("name a FILE, or redirect the output: zflow collect > zflow.tar.gz")
    if not to_output and file.exists():
        raise click.UsageError(f"{file} exists and is left as it is; name another FILE")
    bundle = gathered(volume())
    packed = bundle.pack()
    if to_output:
        sys.stdout.buffer.write(packed)
    else:
        from zflow.host.files import write_atomic

        write_atomic(file, packed, mode=0o600)
    click.echo(bundle.listing(), err=True, nl=False)
    click.echo(f"{len(bundle.parts)} parts, {len(packed)} bytes; searched again after packing: no secret.", err=True)
    return Exit.VALID


def gathered(place: Path) -> Bundle:
    """Return the bundle of a volume; what cannot be had is noted in it and stops nothing."""
    from zflow.commands.product import environment, product

    bundle = Bundle(list(secrets_of(product().settings, environment(), place)))
    _add_status(bundle, place)
    _add_journal(bundle, place)
    _add_settings(bundle, place)
    _add_logs(bundle, place / ".zflow/logs")
    bundle.add("versions.txt", "\n".join(_versions(place)))
    for name, source in FILES_READ.items():
        bundle.add(name, _text_of(Path(source)))
    for name, argv in {**COMMANDS_RUN, **product().collects}.items():
        bundle.add(name, _output(argv))
    return bundle


def secrets_of(table: Iterable[Setting[Any]], environment: Mapping[str, str], place: Path) -> Iterator[Known]:
    """Yield every secret there is: of settings, right or wrong, from every source, and those kept on the volume."""
    for setting in table:
        secret = isinstance(setting.parse(setting.example), Secret)
        for text in _given(setting, environment, place):
            if secret:
                yield Known(setting.name, text)
                continue
            for password in sorted(passwords(text)):
                yield Known(f"the password in {setting.name}", password)
    for path in sorted((place / ".zflow/secrets").rglob("*")):
        with suppress(FileNotFoundError):  # one that a walk has just removed
            if path.is_file():
                yield Known(f"secrets/{path.name}", path.read_text(errors="replace"))


def _given(setting: Setting[Any], environment: Mapping[str, str], place: Path) -> Iterator[str]:
    from zflow.settings import SETTINGS_FILE, content, toml

    if setting.variable in environment:
        yield environment[setting.variable]
    if (named := environment.get(f"{setting.variable}_FILE")) is not None:
        with suppress(OSError, ValueError):
            yield content(Path(named))
    with suppress(OSError, ValueError):
        found = toml(Path(environment.get(SETTINGS_FILE, place / "app/settings.toml")))
        if setting.name in found:
            yield str(found[setting.name])


def _add_status(bundle: Bundle, place: Path) -> None:
    from zflow.status.document import as_json, gather
    from zflow.status.view import as_text

    document = gather(place)
    bundle.add("status.json", as_json(document))
    bundle.add("status.txt", as_text(document, steps=True))


def _add_journal(bundle: Bundle, place: Path) -> None:
    """Add the events as text, and a copy of the journal made by SQLite itself, beside a writer."""
    from zflow.journal.reader import reading, stream

    try:
        with tempfile.TemporaryDirectory() as folder, reading(place) as journal:
            history = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in stream(journal, last=EVENTS))
            bundle.add("history.jsonl", history)
            if journal.execute("SELECT count(*) AS held FROM event").fetchone()["held"] > EVENTS:
                bundle.notes.append(
                    f"history.jsonl: only the newest {EVENTS} events; journal.sqlite3: left out, too long"
                )
                return
            copy = Path(folder) / "journal.sqlite3"
            journal.execute("VACUUM INTO ?", (str(copy),))
            bundle.add_whole("journal.sqlite3", copy.read_bytes(), history)
    except (OperatorError, sqlite3.Error, OSError) as error:
        bundle.notes.append(f"journal.sqlite3: cannot be copied: {error}")


def _add_logs(bundle: Bundle, folder: Path) -> None:
    """Add the end of each log, the newest first, as long as there is room for all of it."""
    room, left = LOGS, 0
    for path, found in sorted(_there(folder), key=lambda each: -each[1].st_mtime_ns):
        size = min(found.st_size, NEWEST)
        if size > room:
            left += 1
            continue
        with suppress(OSError):
            bundle.add(f"logs/{path.parent.name}/{path.name}", _end_of(path))
            room -= size
    if left:
        bundle.notes.append(f"logs: {left} older ones left out, beyond {LOGS} bytes in all")


def _there(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the logs; the walker removes old ones meanwhile."""
    for path in folder.rglob("*.log"):
        with suppress(OSError):
            yield path, path.lstat()


def _add_settings(bundle: Bundle, place: Path) -> None:
    from zflow.commands.config import effective
    from zflow.commands.product import environment, product
    from zflow.settings import load

    table = product().settings
    try:
        rows = effective(table, load(table, environment(), place))
    except OperatorError as error:
        bundle.add("settings.json", str(error))
    else:
        bundle.add("settings.json", json.dumps(rows, indent=2))


def _versions(place: Path) -> Iterator[str]:
    from zflow import __version__

    yield f"zflow {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    yield f"kernel {platform.release()} {platform.machine()}"
    for name, path in (("image", Path("/etc/os-release")), ("volume", place / "etc/os-release")):
        found = re.search(r'^PRETTY_NAME="?([^"\n]*)', _text_of(path), re.MULTILINE)
        yield f"{name}: {found[1] if found else 'none'}"


def _end_of(path: Path) -> str:
    """Return the end of a log from a line's beginning on: the end of a secret that was cut would not be known."""
    with path.open("rb") as file:
        if (size := path.stat().st_size) > NEWEST:
            file.seek(size - NEWEST)
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


COMMANDS = (collect,)
