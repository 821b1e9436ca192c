"""Ends what an earlier attempt left running: installers at once, a server the vendor's own way, the rest by force."""

from __future__ import annotations

from states.ubuntu import processes
from states.ubuntu.tree import ids
from states.zimbra import services
from states.zimbra.proof import data
from zflow.api import Context, proc

INSTALLERS = ("zmsetup.pl", "./install.sh")
SERVERS = ("/opt/zimbra/", "zmcontrol")
"""Any of these in a command line marks a process of an installer, or of the server."""
PATIENCE = 20.0
"""Seconds between TERM and KILL: a database or a directory in the middle of a write."""


def end_installers(ctx: Context) -> None:
    """End an installer with all that it started and did not let go of; what serves goes on."""
    _end(ctx, [pid for pid in processes.all_inside(ctx) if _says(pid, INSTALLERS)], "the installer")


def end_all(ctx: Context) -> None:
    """End installers and the server; cron, the system log and an operator's shell stay."""
    end_installers(ctx)
    if data(ctx) and servers(ctx):
        ctx.progress.report(note="stopping the services")
        services.stop(ctx)
    _end(ctx, servers(ctx), "the server")


def servers(ctx: Context) -> list[int]:
    """Return the processes of the server inside the Ubuntu: user zimbra's, those that name the vendor's folder, and
    those that are on record, wherever their files are by now."""
    account, record = zimbra_user(ctx), services.recorded(ctx)
    known = set(record.pid_files.values()) - {""} if record else set()
    return [
        pid
        for pid in processes.all_inside(ctx)
        if (account is not None and proc.user(pid) == account)
        or _says(pid, SERVERS)
        or processes.command_of(pid) in known
    ]


def _says(pid: int, words: tuple[str, ...]) -> bool:
    command = processes.command_of(pid)
    return any(word in command for word in words)


def _end(ctx: Context, pids: list[int], whose: str) -> None:
    marked, alive = set(pids), processes.all_inside(ctx)
    while more := {pid for pid in alive if proc.parent(pid) in marked} - marked:
        marked |= more
    if marked:
        ctx.log(f"ending {len(marked)} processes of {whose}")
        processes.end(ctx, sorted(marked), PATIENCE)


def zimbra_user(ctx: Context) -> int | None:
    """Return the number of user zimbra inside the Ubuntu; None while there is no such user."""
    return ids(ctx.volume, "etc/passwd").get("zimbra")
