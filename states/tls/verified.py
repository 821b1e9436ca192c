"""The operator's files made into a pair that passed all checks, by asking `judge` in a process that can be ended.

The library for certificates is loaded there alone: it takes long to load, and most starts have nothing new to check.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from states.tls import codes, fetch, supply
from states.tls.files import content
from states.tls.pair import Pair
from states.tls.settings import AIA, AIA_NETWORKS, PASSPHRASE, PRIVATE_CA
from states.tls.supply import Supplied
from states.zimbra import files
from zflow.api import COMMAND, CommandError, Context, OperatorError, TransientError

if TYPE_CHECKING:
    from zflow.api import Code

SYSTEM_ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")
"""Debian's ca-certificates in this image."""
SECONDS = 120.0
"""For one judgement; it waits for CAs' servers, and for a processor that others use."""
PROCESSOR = 20
"""Seconds of the processor: what is done in earnest takes one or two."""
MEMORY = 1 << 30
"""Bytes of address space; scrypt may ask for any number."""
COMPARES_MODULI = "rsa -noout -modulus"
"""How zmcertmgr compares key and certificate, which EC keys do not have, in 8.8.15, 9.0 and 10.0 before their late
patches (docs/zimbra.md §3.4)."""


class Checked(NamedTuple):
    """A pair that passed, what to call it, and whether its key is an elliptic one."""

    pair: Pair
    about: str
    elliptic: bool


def make(ctx: Context, supplied: Supplied, now: datetime) -> Checked | None:
    """Check and complete what the operator supplies; None when that is nothing.

    Raises OperatorError, TransientError(ISSUER_AWAY) and Interrupted.
    """
    if not supplied.contents:
        return None
    answer = _ask(ctx, _question(ctx, supplied, now), " and ".join(map(str, supplied.contents)))
    if (error := answer.get("error")) is not None:
        kind = TransientError if error["transient"] else OperatorError
        raise kind(_code(error["code"]), error["detail"])
    found = answer["checked"]
    return Checked(Pair(found["key"], found["leaf"], found["chain"]), found["about"], found["elliptic"])


def _question(ctx: Context, supplied: Supplied, now: datetime) -> dict[str, object]:
    settings, private = ctx.settings, ctx.settings.get(PRIVATE_CA)
    word = settings.get(PASSPHRASE)
    return {
        "contents": {str(path): _packed(data) for path, data in supplied.readable().items()},
        "passphrase": word.reveal() if word is not None else None,
        "private": [str(private), _packed(content(private, named=True) or b"")] if private else None,
        "roots": str(SYSTEM_ROOTS),
        "hosts": supply.hosts(ctx),
        "now": now.timestamp(),
        "aia": settings[AIA],
        "networks": [str(each) for each in settings[AIA_NETWORKS]],
        "cache": str(ctx.cache / "aia"),
        "seconds": fetch.SECONDS,
        "processor": PROCESSOR,
        "memory": MEMORY,
        "rsa_only": COMPARES_MODULI in files.text(ctx, files.ZMCERTMGR),
    }


def _packed(data: bytes) -> str:
    return b64encode(data).decode()


def _ask(ctx: Context, question: dict[str, object], where: str) -> dict[str, Any]:
    """Return the judge's last message, the others passed on. Raises OperatorError(COSTLY) where the kernel ended it."""

    def pass_on(line: str) -> None:
        message = _message(line)
        if "note" in message:
            ctx.progress.report(note=message["note"])
        if "log" in message:
            ctx.log(message["log"])

    argv = (sys.executable, "-I", "-m", "states.tls.judge")
    try:
        ended = ctx.shell.run(*argv, stdin=json.dumps(question), quiet=True, timeout=SECONDS, on_line=pass_on)
    except CommandError as error:
        if error.exit_code >= 0 or error.code != COMMAND:
            raise
        raise OperatorError(codes.COSTLY, f"{where}: ended by signal {-error.exit_code}") from None
    return next(each for line in reversed(ended.lines) if (each := _message(line)).keys() & {"checked", "error"})


def _message(line: str) -> dict[str, Any]:
    """Return one message; what the library itself says is none, nor is a part of a line too long to pass on."""
    try:
        found = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _code(name: str) -> Code:
    return next(each for each in codes.CODES if each.id == name)
