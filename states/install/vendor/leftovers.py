"""Ends what a vendor's installer left running: the installer itself, what it started, and the server's processes."""

from __future__ import annotations

import re

from states.install.machine import processes
from zflow.api import Context

WORDS = ("/opt/zimbra/", "zmsetup.pl", "./install.sh", "zmcontrol")
"""Any of these in a command line marks a process of the installers or of the server."""
PATIENCE = 20.0
"""Seconds between TERM and KILL: a database or a directory in the middle of a write."""


def end_all(ctx: Context) -> None:
    """End them all; cron, the system log and an operator's shell stay."""
    account = zimbra_user(ctx)
    alive = processes.all_inside(ctx)
    marked = {pid for pid in alive if _belongs(pid, account)}
    while more := {pid for pid in alive if processes.parent_of(pid) in marked} - marked:
        marked |= more
    if marked:
        ctx.log(f"ending {len(marked)} processes of the installer and the server")
        processes.end(ctx, sorted(marked), PATIENCE)


def _belongs(pid: int, account: int | None) -> bool:
    owner = processes.owner_of(pid)
    command = processes.command_of(pid)
    return (account is not None and owner == account) or any(word in command for word in WORDS)


def zimbra_user(ctx: Context) -> int | None:
    """Return the number of user zimbra inside the Ubuntu; None while there is no such user."""
    match = re.search(r"^zimbra:[^:]*:(\d+):", (ctx.volume / "etc/passwd").read_text(), re.MULTILINE)
    return int(match[1]) if match else None
