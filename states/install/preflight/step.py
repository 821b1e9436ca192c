"""Everything that can be known to fail later, found at once before the first write of the vendor's installer.

The unattended installer skips the vendor's own checks of space, platform and ports, and never looks at memory or
limits (zimbra-facts §1.2, §1.3).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from states.identity import admin_address, mail_domain, server_name
from states.install import codes
from states.install.archive import wanted
from states.install.history import last
from states.install.limits import LEAST, open_files
from states.install.memory import memory
from states.install.proof import finished
from states.install.settings import MINIMUM_DISK, MINIMUM_MEMORY
from zflow.api import Context, Evidence, OperatorError, Step

PORTS = (25, 80, 110, 143, 389, 443, 465, 587, 993, 995, 7025, 7071, 7110, 7143, 7306, 7780, 7993, 7995, 8080, 8443,
         11211)  # fmt: skip
"""What the vendor's servers listen on; zimbraAdminPort and friends in zm-mailbox's zimbra-attrs.xml."""
LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp; include/net/tcp_states.h."""


def full_name(ctx: Context) -> str:
    """Return what `hostname --fqdn` says inside the Ubuntu, which is what the vendor goes by; empty when it fails."""
    return ctx.shell.chroot("hostname", "--fqdn", ok=range(256)).output.strip().lower()


def findings(ctx: Context) -> list[str]:
    """Return everything that is in the way, one sentence each."""
    return [*_names(ctx), *_release(ctx), *_sizes(ctx), *_ports(ctx)]


def _names(ctx: Context) -> Iterator[str]:
    name, found = server_name(ctx), full_name(ctx)
    if found != name:
        yield (
            f"the container calls itself {found or 'nothing'!r} (hostname --fqdn), the server is to be {name!r}: start "
            f"the container with --hostname {name}"
        )
    if admin_address(ctx).rpartition("@")[2] != mail_domain(ctx):
        yield f"the administrator {admin_address(ctx)} is not of the first mail domain {mail_domain(ctx)}"


def _release(ctx: Context) -> Iterator[str]:
    try:
        wanted(ctx)
    except OperatorError as error:
        yield error.detail


def _sizes(ctx: Context) -> Iterator[str]:
    have, least = memory().limit / (1 << 30), ctx.settings[MINIMUM_MEMORY]
    # Kernels keep some of the memory for themselves: "8 GB" are 7.7 GiB to a program.
    if have < least * 0.94:
        yield f"{have:.1f} GiB of memory, at least {least} are wanted ({MINIMUM_MEMORY.variable} for rehearsals)"
    if open_files() < LEAST:
        yield f"only {open_files()} open files are allowed, at least {LEAST} are wanted: --ulimit nofile=524288:524288"
    if last(ctx) is not None:
        return
    room = os.statvfs(ctx.volume)
    free, wants = room.f_bavail * room.f_frsize / (1 << 30), ctx.settings[MINIMUM_DISK]
    if free < wants:
        yield f"{free:.1f} GiB free on the volume, at least {wants} are wanted ({MINIMUM_DISK.variable} for rehearsals)"


def _ports(ctx: Context) -> Iterator[str]:
    if last(ctx) is None and (taken := sorted(set(PORTS) & listening())):
        yield f"TCP ports already in use: {', '.join(map(str, taken))}; give the container a network of its own"


def listening(tables: tuple[Path, ...] = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))) -> set[int]:
    """Return the TCP ports that something listens on here; proc(5), /proc/net/tcp."""
    pattern = re.compile(rf"^\s*\d+: [0-9A-F]+:([0-9A-F]{{4}}) [0-9A-F]+:[0-9A-F]{{4}} {LISTENING} ", re.MULTILINE)
    texts = [path.read_text() for path in tables if path.exists()]
    return {int(port, 16) for text in texts for port in pattern.findall(text)}


def probe(ctx: Context) -> Evidence | None:
    """See whether nothing is in the way, or the server is installed already."""
    if (done := finished(ctx)) is not None:
        return done
    if findings(ctx):
        return None
    found = memory()
    return Evidence(f"{server_name(ctx)}, {found.limit / (1 << 30):.1f} GiB of memory, {open_files()} open files")


def apply(ctx: Context) -> None:
    """Say everything that is in the way; raises OperatorError(PREFLIGHT)."""
    if found := findings(ctx):
        raise OperatorError(codes.PREFLIGHT, "; ".join(found))


STEP = Step(
    name="install.preflight",
    title="Check that the server can be installed here",
    probe=probe,
    apply=apply,
    inputs=server_name,
    retry="never",
    timeout=30,
)
