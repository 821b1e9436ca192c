"""Ends what an earlier attempt left running: installers at once, a server by zmcontrol, the rest by force."""

from __future__ import annotations

from states.ubuntu import processes
from states.ubuntu.tree import ids
from states.zimbra import services
from states.zimbra.proof import data
from zflow.api import Context, counted, proc

INSTALLERS = ("zmsetup.pl", "./install.sh")
SERVERS = ("/opt/zimbra/", "zmcontrol")
"""In the command line of a process of an installer, or of the server."""
PATIENCE = 20.0
"""Seconds between TERM and KILL: a database or a directory in the middle of a write."""


def end_installers(ctx: Context) -> None:
    """End an installer and its children; services continue."""
    _end(ctx, [pid for pid in processes.all_inside(ctx) if _has(pid, INSTALLERS)], "the installer")


def end_all(ctx: Context) -> None:
    """End installers and the server; cron, the system log and an operator's shell continue."""
    end_installers(ctx)
    if data(ctx) and servers(ctx):
        ctx.progress.report(note="stopping the services")
        services.stop(ctx)
    _end(ctx, servers(ctx), "the server")


def servers(ctx: Context) -> list[int]:
    """Return the server's processes in the Ubuntu: user zimbra's, those with the vendor's folder in their command, and
    the recorded ones, wherever their files are now."""
    account, record = zimbra_user(ctx), services.recorded(ctx)
    known = set(record.pid_files.values()) - {""} if record else set()
    return [
        pid
        for pid in processes.all_inside(ctx)
        if (account is not None and proc.user(pid) == account)
        or _has(pid, SERVERS)
        or processes.command_of(pid) in known
    ]


def _has(pid: int, words: tuple[str, ...]) -> bool:
    command = processes.command_of(pid)
    return any(word in command for word in words)


def _end(ctx: Context, pids: list[int], whose: str) -> None:
    marked, alive = set(pids), processes.all_inside(ctx)
    while more := {pid for pid in alive if proc.parent(pid) in marked} - marked:
        marked |= more
    if marked:
        ctx.log(f"ending {counted(len(marked), 'process', 'processes')} of {whose}")
        processes.end(ctx, sorted(marked), PATIENCE)


def zimbra_user(ctx: Context) -> int | None:
    """Return the number of user zimbra inside the Ubuntu; None while there is no such user."""
    return ids(ctx.volume, "etc/passwd").get("zimbra")
