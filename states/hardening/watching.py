"""The watcher of failed logins at work, at every boot: started the vendor's way, and seen to live after that.

zmauditswatchctl says `done` as soon as it has started the program, which may have ended a moment later; and it takes
any process with the number in its file for the program (docs/zimbra.md §3.7).
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence

from states.hardening import codes, watcher
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
"""What our program prints once it reads the log."""
PATIENCE = 20.0
EVERY = 30.0
"""Seconds between two looks at whether the process lives."""


def running(ctx: Context) -> int | None:
    """Return the process id of the watcher when it lives inside the volume's Ubuntu."""
    pid = processes.from_file(files.on_volume(ctx, PID_FILE))
    if pid is None or not processes.inside(ctx, pid) or watcher.PLACE not in processes.command_of(pid):
        return None
    return pid


def inputs(_ctx: Context) -> str:
    """Return what makes the step due: another program. A changed threshold restarts it in `hardening.values`."""
    return hashlib.sha256(watcher.program().encode()).hexdigest()


def probe(ctx: Context) -> Evidence | None:
    """See the process."""
    pid = running(ctx)
    return Evidence(f"process {pid}") if pid else None


def audit(ctx: Context) -> Evidence | Drift | None:
    """See the process, and hear the vendor's tool say so."""
    if (found := probe(ctx)) is None:
        return Drift("the watcher of failed logins does not run")
    return found if _status(ctx) else Drift(f"{CONTROL} says that the watcher of failed logins does not run")


def recipient(ctx: Context) -> str:
    """Return whom alerts are written to, as the watcher was told; empty when it was told nothing."""
    found = re.search(r"^\s*mail\s+addresses=([^,\s]+)", files.text(ctx, RENDERED), re.MULTILINE)
    return found[1].replace("\\", "") if found else ""


def _status(ctx: Context) -> bool:
    return as_zimbra(ctx, CONTROL, "status", ok=range(256), timeout=60).code == 0


def apply(ctx: Context) -> None:
    """Start it anew and wait until it watches. Raises TransientError(WATCHER)."""
    if running(ctx):
        as_zimbra(ctx, CONTROL, "stop", ok=range(256), timeout=120)
    # One whose file was lost would write every alert a second time.
    processes.end(
        ctx, processes.found(ctx, lambda pid: f"{watcher.PLACE} --config-file" in processes.command_of(pid)), PATIENCE
    )
    # A number left behind may be any process's by now: the vendor's tool would believe, or even end it.
    files.drop(ctx, PID_FILE)
    as_zimbra(ctx, CONTROL, "start", ok=range(256), timeout=120, daemon=True)
    deadline = time.monotonic() + PATIENCE
    while not _ready(ctx):
        if time.monotonic() > deadline:
            words = files.text(ctx, OUTPUT).strip().rsplit("\n", 1)[-1]
            raise TransientError(codes.WATCHER, words or f"no process after {PATIENCE:.0f} s")
        ctx.pause(0.2)


def _ready(ctx: Context) -> bool:
    return running(ctx) is not None and (watcher.foreign(ctx) or READY in files.text(ctx, OUTPUT)) and _status(ctx)


def test_alert(ctx: Context) -> str:
    """Have the watcher write one test message, and return to whom. Raises OperatorError(NO_WATCHER), CommandError."""
    if watcher.foreign(ctx) or not files.text(ctx, watcher.PLACE):
        raise OperatorError(codes.NO_WATCHER, watcher.PLACE)
    as_zimbra(ctx, watcher.PLACE, f"--config-file={RENDERED}", "--test", timeout=60)
    return recipient(ctx)


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the process, once there is a server."""
    if proven(ctx) is None:
        return ()
    file = str(files.on_volume(ctx, PID_FILE))
    return (Watch("alerts", argv=("sh", "-c", ALIVE, "alive", file), every=EVERY),)


STEP = Step(
    name="hardening.watching",
    title="Watch for failed logins",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=inputs,
    scope=Scope.BOOT,
    timeout=300,
    weight=5,
)
