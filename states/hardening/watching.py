"""Starts the login monitor at every start of the container, with the vendor's tool, and sees that it keeps running.

zmauditswatchctl prints `done` as soon as it has started the program, which may end a moment later; and it takes any
process with the number in its file for the program (docs/zimbra.md §3.7).
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from states.hardening import codes, monitor
from states.ubuntu import processes
from states.ubuntu.processes import ALIVE
from states.zimbra import files
from states.zimbra.proof import proven
from states.zimbra.tools import as_zimbra
from zflow.api import Context, Drift, Evidence, OperatorError, Scope, Step, TransientError, Watch

CONTROL = "zmauditswatchctl"
PID_FILE = "/opt/zimbra/log/auditswatch.pid"
OUTPUT = "/opt/zimbra/log/zmauditswatch.out"
RENDERED = "/opt/zimbra/conf/auditswatchrc"
READY = "watching "
"""Our program prints this once it reads the log."""
PATIENCE = 20.0
EVERY = 30.0
"""Seconds between two checks that the process lives."""


def running(ctx: Context) -> int | None:
    """Return the process id of the login monitor when it runs inside the Ubuntu on the volume."""
    pid = processes.from_file(files.on_volume(ctx, PID_FILE))
    if pid is None or not processes.inside(ctx, pid) or monitor.PATH not in processes.command_of(pid):
        return None
    return pid


def inputs(_ctx: Context) -> str:
    """Return what makes the step due: another program. A changed threshold restarts it in `hardening.values`."""
    return monitor.digest(monitor.program())


def probe(ctx: Context) -> Evidence | None:
    """See the process."""
    pid = running(ctx)
    return Evidence(f"process {pid}") if pid else None


def audit(ctx: Context) -> Evidence | Drift | None:
    """See the process, and that the vendor's tool sees it."""
    if (found := probe(ctx)) is None:
        return Drift("the login monitor does not run")
    return found if _status(ctx) else Drift(f"{CONTROL} reports that the login monitor does not run")


def recipient(ctx: Context) -> str:
    """Return the recipient of alerts in the login monitor's configuration; empty without one."""
    found = re.search(r"^\s*mail\s+addresses=([^,\s]+)", files.text(ctx, RENDERED), re.MULTILINE)
    return found[1].replace("\\", "") if found else ""


def _status(ctx: Context) -> bool:
    return as_zimbra(ctx, CONTROL, "status", ok=range(256), timeout=60).code == 0


def apply(ctx: Context) -> None:
    """Start it again and wait until it reads the log. Raises TransientError(WATCHER)."""
    if running(ctx):
        as_zimbra(ctx, CONTROL, "stop", ok=range(256), timeout=120)
    # A process whose file was lost would send every alert a second time.
    processes.end(
        ctx, processes.found(ctx, lambda pid: f"{monitor.PATH} --config-file" in processes.command_of(pid)), PATIENCE
    )
    # An old number may belong to another process by now, which the vendor's tool would take for it, or end.
    files.drop(ctx, PID_FILE)
    as_zimbra(ctx, CONTROL, "start", ok=range(256), timeout=120, daemon=True)
    deadline = time.monotonic() + PATIENCE
    while not _ready(ctx):
        if time.monotonic() > deadline:
            line = files.text(ctx, OUTPUT).strip().rsplit("\n", 1)[-1]
            raise TransientError(codes.WATCHER, line or f"no process after {PATIENCE:.0f} s")
        ctx.pause(0.2)


def _ready(ctx: Context) -> bool:
    return running(ctx) is not None and (monitor.foreign(ctx) or READY in files.text(ctx, OUTPUT)) and _status(ctx)


def test_alert(ctx: Context) -> str:
    """Send a test alert, and return its recipient. Raises OperatorError(NO_WATCHER), CommandError."""
    if monitor.foreign(ctx) or not files.text(ctx, monitor.PATH):
        raise OperatorError(codes.NO_WATCHER, monitor.PATH)
    as_zimbra(ctx, monitor.PATH, f"--config-file={RENDERED}", "--test", timeout=60)
    return recipient(ctx)


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the process, once there is a server."""
    if proven(ctx) is None:
        return ()
    file = str(files.on_volume(ctx, PID_FILE))
    return (Watch("alerts", argv=("sh", "-c", ALIVE, "alive", file), every=EVERY),)


STEP = Step(
    name="hardening.watching",
    title="Start the login monitor",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=inputs,
    scope=Scope.BOOT,
    timeout=300,
    weight=5,
)
