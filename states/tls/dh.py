"""4096-bit Diffie-Hellman parameters, generated ahead of time by all cores at the lowest priority.

The time of one search is random (seconds to a quarter of an hour): each core runs one, and the first result is used.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from states.tls import codes, group
from states.tls.settings import DH
from states.zimbra import marks
from zflow.api import Context, Evidence, Step, TransientError, counted, make_folder, remove_tree, sha256, write_atomic

RACE = """\
for file; do nice -n 19 openssl dhparam -out "$file" 4096 2>/dev/null & done
until wait -n; do [ $? = 127 ] && exit 1; done
kill $(jobs -pr) 2>/dev/null
wait
exit 0
"""
"""One openssl for each file named; ends when the first succeeded, or with 1 when all failed. Needs bash (wait -n)."""
FFDHE4096 = ("openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe4096")
"""Prints the public group as PKCS#3; RFC 7919, appendix A.3."""


@dataclass(frozen=True)
class Made:
    """The mark: how the parameters were made, and the SHA-256 of their file."""

    origin: str
    sha256: str


def _mark(ctx: Context) -> Path:
    return group.folder(ctx) / "dhparam-4096.json"


def probe(ctx: Context) -> Evidence | None:
    """See the finished file with the content and origin that its mark, written last, has on record."""
    made = marks.load(_mark(ctx), Made)
    with suppress(OSError):
        if made is not None and made == Made(ctx.settings[DH], sha256(group.file(ctx))):
            return Evidence(f"{group.BITS} bits, {made.origin}, SHA-256 {made.sha256[:16]}")
    return None


def apply(ctx: Context) -> None:
    """Generate, or take the public group; check; install. Raises TransientError(DH_BROKEN)."""
    make_folder(group.folder(ctx), 0o700)
    origin = ctx.settings[DH]
    text = ctx.shell.run(*FFDHE4096, quiet=True).output if origin == "ffdhe4096" else _search(ctx)
    _check(ctx, text)
    write_atomic(group.file(ctx), text, mode=0o644)
    marks.save(_mark(ctx), Made(origin, sha256(group.file(ctx))))


def _search(ctx: Context) -> str:
    cores = len(os.sched_getaffinity(0))
    racers = _racers(ctx)
    remove_tree(racers)
    racers.mkdir()
    files = [racers / f"{number}.pem" for number in range(cores)]
    ctx.progress.report(note=f"searching {group.BITS}-bit Diffie-Hellman parameters on {counted(cores, 'core')}")
    ctx.shell.run("bash", "-c", RACE, "race", *map(str, files))
    finished = [text for path in files if path.exists() and group.body(text := path.read_text())]
    remove_tree(racers)
    if not finished:
        raise TransientError(codes.DH_BROKEN, "openssl ended without a result")
    return finished[0]


def _racers(ctx: Context) -> Path:
    return group.folder(ctx) / "search"


def _check(ctx: Context, text: str) -> None:
    """Check by openssl that it is a safe prime of the right size; takes some seconds."""
    checked = ctx.shell.run("openssl", "dhparam", "-check", "-text", "-noout", stdin=text, ok=range(256), quiet=True)
    if checked.code or f"({group.BITS} bit)" not in checked.output:
        raise TransientError(codes.DH_BROKEN, f"openssl dhparam -check says: {' '.join(checked.output.split())[:200]}")


def cleanup(ctx: Context) -> None:
    """Remove what a killed search left."""
    remove_tree(_racers(ctx))


STEP = Step(
    name="tls.dh",
    title="Generate Diffie-Hellman parameters",
    probe=probe,
    apply=apply,
    cleanup=cleanup,
    inputs=lambda ctx: ctx.settings[DH],
    timeout=4 * 3600,
    weight=120,
    ahead=True,
)
