"""The server's services: started at every start of the container, with a cheap look afterwards."""

from __future__ import annotations

from states.ubuntu import processes
from states.zimbra import codes, services
from zflow.api import Context, Evidence, Scope, Step, TransientError, counted


def probe(ctx: Context) -> Evidence | None:
    """See whether the server recorded in this boot still runs completely."""
    found = services.recorded(ctx)
    if found is None or services.missing(ctx, found):
        return None
    return Evidence(f"{len(found.services)} services, {len(found.pid_files)} processes, {len(found.ports)} ports")


def apply(ctx: Context) -> None:
    """Start what does not run, and write down what does. Raises TransientError(SERVICES)."""
    before, adopted = services.recorded(ctx), []
    if before is not None:
        ctx.log(f"gone: {', '.join(services.missing(ctx, before)) or 'nothing'}")
        adopted = services.adopt(ctx, before)
    if services.stopped(ctx):
        _start_afresh(ctx)
        if adopted and services.stopped(ctx):  # such as postfix: its lock is on the file that was lost
            ctx.log(f"ending {counted(len(adopted), 'process', 'processes')} that had lost the file")
            processes.end(ctx, adopted, services.PATIENCE)
            _start_afresh(ctx)
    if down := services.stopped(ctx):
        raise TransientError(codes.SERVICES, ", ".join(down))
    services.record(ctx)


def _start_afresh(ctx: Context) -> None:
    ctx.log(f"removed {counted(services.drop_stale_pid_files(ctx), 'stale pid file')}")
    services.start(ctx)


STEP = Step(
    name="install.services",
    title="Start the server's services",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    retry="local",
    timeout=1800,
    weight=60,
)
