"""The live table: loaded by one `nft`, and compared with its listing right after the load.

nft does not print what it was given: it replaces words and sorts sets, depending on the version. So the listing right
after the load is recorded in /run, and any later listing that differs is drift. The record names the start of the
container: a network may outlive it (a pod's, the host's), and then still has the table of the earlier start.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from states.firewall import codes
from states.firewall.render import FAMILY, TABLE, first
from zflow.api import CommandError, Context, OperatorError, TransientError, read_json, write_atomic

RUN = Path("/run/zflow")
RECORD = "firewall.json"
LIST = ("nft", "--stateless", "--terse", "list", "table", FAMILY, TABLE)
"""Without counts and without the sources in the meters: the rest changes only when somebody changes it."""
REHEARSAL = f"nft --file - && {' '.join(LIST)}"
NO_RIGHTS = ("Operation not permitted", "Permission denied")
NO_NFTABLES = ("Protocol not supported", "Operation not supported", "Address family not supported")
"""strerror(3) of the kernel's answers to netlink messages that it does not know."""
EXISTS = "File exists"

Mode = Literal["closed", "open"]


@dataclass(frozen=True)
class Record:
    """What was loaded: in which start of the container, closed or open, the hash of the text, and its listing."""

    boot: str
    mode: Mode
    text: str
    listing: str


def digest(text: str) -> str:
    """Return the hash of a loaded text for its record."""
    return hashlib.sha256(text.encode()).hexdigest()


def recorded(ctx: Context) -> Record | None:
    """Return what was loaded in this start of the container, if anything."""
    found = read_json(RUN / RECORD, lambda each: Record(**each))
    return found if found is not None and found.boot == ctx.boot else None


def live(ctx: Context) -> str | None:
    """Return the live table's listing; None without a table, or when nft fails."""
    try:
        return ctx.shell.run(*LIST, quiet=True).output
    except CommandError as error:
        ctx.log(f"{error}")
        return None


def intact(ctx: Context) -> Record | None:
    """Return the record of this start when the live table is as it was loaded, else None."""
    found = recorded(ctx)
    return found if found is not None and live(ctx) == found.listing else None


def load(ctx: Context, mode: Mode, text: str) -> None:
    """Replace the live table by this text in one transaction, and record its listing.

    Raises OperatorError(KERNEL, RIGHTS) and TransientError(REFUSED); the live table is then unchanged.
    """
    before = recorded(ctx)
    log_drift(ctx, before)
    try:
        _transact(ctx, text, fresh=before is None)
    except CommandError as error:
        raise explained(error) from error
    RUN.mkdir(mode=0o755, parents=True, exist_ok=True)
    record = Record(ctx.boot, mode, digest(text), live(ctx) or "")
    write_atomic(RUN / RECORD, json.dumps(asdict(record)) + "\n", mode=0o600)


def _transact(ctx: Context, text: str, *, fresh: bool) -> None:
    """Load in one transaction; at the first of a start there is no table, unless the network is older."""
    if fresh:
        try:
            ctx.shell.run("nft", "--file", "-", stdin=first(text))
        except CommandError as error:
            if EXISTS not in error.tail:
                raise
        else:
            return
    ctx.shell.run("nft", "--file", "-", stdin=text)


def explained(error: CommandError) -> OperatorError | TransientError:
    """Return the coded error for nft's message."""
    lines = [line.strip() for line in error.tail.splitlines() if line.strip()]
    said = next((line for line in lines if "rror:" in line), lines[0] if lines else error.detail)
    if any(word in error.tail for word in NO_RIGHTS):
        return OperatorError(codes.RIGHTS, said)
    if any(word in error.tail for word in NO_NFTABLES):
        return OperatorError(codes.KERNEL, said)
    return TransientError(codes.REFUSED, said)


def log_drift(ctx: Context, loaded: Record | None) -> None:
    """Write the differences between the live table and the one loaded in this start to the step's log."""
    if loaded is not None:
        for line in drift(loaded.listing, live(ctx) or ""):
            ctx.log(f"drift: {line}")


def drift(loaded: str, found: str) -> list[str]:
    """Return the lines by which two listings differ: `-` is missing, `+` was added."""
    lines = difflib.unified_diff(loaded.splitlines(), found.splitlines(), n=0, lineterm="")
    return [" ".join(line.split()) for line in lines if line[:3] not in {"---", "+++"} and line[:2] != "@@"]


def rehearsed(ctx: Context, text: str) -> str | None:
    """Return the listing of this text, loaded into a network namespace that exists only for it."""
    try:
        return ctx.shell.run("unshare", "--net", "sh", "-c", REHEARSAL, stdin=text).output
    except CommandError:
        return None
