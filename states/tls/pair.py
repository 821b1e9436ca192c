"""The supplied pair, checked before anything is touched, and kept ready as a snapshot.

A later step deploys the snapshot: a file that the operator replaces meanwhile is the next change, not half of this one.
The checks run in a process that can be ended (`check`). The library for certificates is loaded there alone: it takes
long to load, and most starts have nothing new to check.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from states.tls import codes, exchange, read
from states.tls.exchange import CANDIDATES, Pair
from states.tls.read import Supplied
from states.zimbra import files
from states.zimbra.tools import as_zimbra
from zflow.api import COMMAND, CommandError, Context, Evidence, OperatorError, Step, TransientError

if TYPE_CHECKING:
    from zflow.api import Code

SYSTEM_ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")
"""Debian's ca-certificates in this image."""
SECONDS = 120.0
"""For one check; it waits for CAs' servers, and for a processor that others use."""
FETCHING = 20.0
"""Seconds for all requests to CAs' servers together."""
PROCESSOR = 20
"""Seconds of the processor: an honest file takes one or two."""
MEMORY = 1 << 30
"""Bytes of address space; scrypt may ask for any number."""
COMPARES_MODULI = "rsa -noout -modulus"
"""How zmcertmgr compares key and certificate, which EC keys do not have, in 8.8.15, 9.0 and 10.0 before their late
patches (docs/zimbra.md §3.4)."""
MOUNT = "mount its folder instead, and create the container again"


class Checked(NamedTuple):
    """A pair that passed, what to call it, and whether its key is an elliptic one."""

    pair: Pair
    about: str
    elliptic: bool


def probe(ctx: Context) -> Evidence | None:
    """See a snapshot of what the operator supplies now; report files that were replaced out of sight."""
    found = exchange.snapshot(ctx)
    if found is None or found[0].source != read.read(ctx).source:
        return None
    told = (f"{path} was replaced, but that single file is mounted, and the container still sees the old one: {MOUNT}"
            for path in read.replaced_files(ctx))  # fmt: skip
    return Evidence(found[0].about, tuple(told))


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other files, and one replaced where it comes from, which is then reported."""
    return "\n".join([read.read(ctx).source, *map(str, read.replaced_files(ctx))])


def apply(ctx: Context) -> None:
    """Check the pair, ask the vendor's tool for its opinion, and keep a snapshot.

    Raises OperatorError and TransientError(ISSUER_AWAY).
    """
    supplied, found = read.settled(ctx, lambda each: check(ctx, each, datetime.fromtimestamp(ctx.clock(), UTC)))
    if found is None:
        exchange.save_snapshot(ctx, supplied.source, "no pair supplied: the server keeps the certificate it has", None)
    else:
        _ask_vendor(ctx, found.pair, codes.EC_REFUSED if found.elliptic else codes.VENDOR_REFUSED)
        exchange.save_snapshot(ctx, supplied.source, found.about, found.pair)


def check(ctx: Context, supplied: Supplied, now: datetime) -> Checked | None:
    """Check and complete what the operator supplies, in a process that can be ended; None when that is nothing.

    Raises OperatorError, TransientError(ISSUER_AWAY) and Interrupted.
    """
    if not supplied.contents:
        return None
    question = {
        "contents": _packed(supplied.contents),
        "passphrase": supplied.passphrase.reveal() if supplied.passphrase is not None else None,
        "private": _packed(supplied.roots),
        "roots": str(SYSTEM_ROOTS),
        "hosts": supplied.hosts,
        "now": now.timestamp(),
        "networks": supplied.networks,
        "cache": str(ctx.cache / "aia"),
        "seconds": FETCHING,
        "processor": PROCESSOR,
        "memory": MEMORY,
        "rsa_only": COMPARES_MODULI in files.text(ctx, files.ZMCERTMGR),
    }
    answer = _ask(ctx, question, " and ".join(map(str, supplied.contents)))
    if (error := answer.get("error")) is not None:
        kind = TransientError if error["transient"] else OperatorError
        raise kind(next(each for each in codes.CODES if each.id == error["code"]), error["detail"])
    found = answer["checked"]
    return Checked(Pair(found["key"], found["leaf"], found["chain"]), found["about"], found["elliptic"])


def _packed(contents: Mapping[Path, bytes | OperatorError]) -> dict[str, str]:
    return {str(path): b64encode(data).decode() for path, data in read.readable(contents).items()}


def _ask(ctx: Context, question: Mapping[str, object], where: str) -> dict[str, Any]:
    """Return the last message of `check`, pass on the others. Raises OperatorError(COSTLY) if the kernel ended it."""

    def pass_on(line: str) -> None:
        message = _message(line)
        if "note" in message:
            ctx.progress.report(note=message["note"])
        if "log" in message:
            ctx.log(message["log"])

    argv = (sys.executable, "-I", "-m", "states.tls.check")
    try:
        ended = ctx.shell.run(*argv, stdin=json.dumps(question), quiet=True, timeout=SECONDS, on_line=pass_on)
    except CommandError as error:
        if error.exit_code >= 0 or error.code != COMMAND:
            raise
        raise OperatorError(codes.COSTLY, f"{where}: ended by signal {-error.exit_code}") from None
    return next(each for line in reversed(ended.lines) if (each := _message(line)).keys() & {"checked", "error"})


def _message(line: str) -> dict[str, Any]:
    """Return one message; what the library prints is not one, nor is a part of a line too long to pass on."""
    try:
        found = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _ask_vendor(ctx: Context, pair: Pair, code: Code) -> None:
    for path, content in zip(CANDIDATES, (pair.key, pair.leaf, pair.chain), strict=True):
        files.put(ctx, path, content)
    answer = as_zimbra(ctx, "zmcertmgr", "verifycrt", "comm", *CANDIDATES, ok=(0, 1))
    files.drop(ctx, files.CANDIDATE)
    if answer.code:
        reason = next((line for line in answer.lines if "ERROR" in line), "no reason given")
        raise OperatorError(code, reason)


def cleanup(ctx: Context) -> None:
    """Remove the files for the vendor's tool that a killed attempt left."""
    files.drop(ctx, files.CANDIDATE)


STEP = Step(
    name="tls.pair",
    title="Check the supplied key and certificate",
    probe=probe,
    apply=apply,
    cleanup=cleanup,
    inputs=inputs,
    weight=5,
)
