"""Stands in for the `zflow` that a supervisor calls: notes each call, and behaves as the volume's `behaviour` says.

Run as `python fake_zflow.py VOLUME VERB ...`; `behaviour` is a word: ok, stopped, held, refused, trace, die,
wait, bound or deaf.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

PATIENCE = 60.0
"""Seconds after which a stand-in ends by itself: its supervisor may be killed before it could note who that is."""


def note(volume: Path, words: str) -> None:
    """Append a line to the volume's `calls`."""
    with (volume / "calls").open("a") as file:
        file.write(f"{words}\n")


def main() -> int:
    """Behave."""
    volume, verb = Path(sys.argv[1]), sys.argv[2]
    behaviour = (volume / "behaviour").read_text().strip()
    if verb == "admit":
        (volume / ".zflow").mkdir(mode=0o700, exist_ok=True)
        note(volume, "admit")
        return 5 if behaviour == "refuse" else 0
    if verb == "shut-down":
        note(volume, "shut-down")
        return 0
    if verb == "endpoint":
        return endpoint(volume)
    if behaviour == "deaf":
        return deaf(volume)
    if behaviour in {"wait", "bound"}:
        return wait(volume, bound=behaviour == "bound")
    note(volume, " ".join(sys.argv[2:]))
    return {"ok": 0, "stopped": 20, "held": 4, "refused": 5, "trace": 1}.get(behaviour, 99)


def endpoint(volume: Path) -> int:
    """Serve, or not, as the volume's `http` says: off where there is no such file, ends, or on until told to stop."""
    behaviour = (volume / "http").read_text() if (volume / "http").exists() else "off"
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with (volume / "served").open("a") as file:
        file.write(f"{behaviour}\n")
    if behaviour != "on":
        return {"off": 0, "ends": 1}[behaviour]
    parent, deadline = os.getppid(), time.monotonic() + PATIENCE
    while signal.sigtimedwait({signal.SIGTERM}, 0.02) is None and os.getppid() == parent:
        if time.monotonic() > deadline:
            return 1
    note(volume, "endpoint ended")
    return 0


def deaf(volume: Path) -> int:
    """Hear no signal that can be ignored, until the supervisor has gone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (volume / "pid").write_text(str(os.getpid()))
    note(volume, " ".join(sys.argv[2:]))
    time.sleep(PATIENCE)
    return 99


def wait(volume: Path, *, bound: bool) -> int:
    """Obey signals, as a walker at work does, until told to stop or until the volume's `end` says with which code."""
    if bound:
        from zflow.walk.process import die_with_parent

        die_with_parent()
    signals = {signal.SIGTERM, signal.SIGUSR1}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    (volume / "pid").write_text(str(os.getpid()))
    note(volume, " ".join(sys.argv[2:]))
    parent, deadline = os.getppid(), time.monotonic() + PATIENCE
    while not (volume / "end").exists() and os.getppid() == parent and time.monotonic() < deadline:
        caught = signal.sigtimedwait(signals, 0.02)
        number = caught.si_signo if caught else 0  # of no meaning, in CPython, where a stop outlasted the wait
        if number == signal.SIGTERM:
            note(volume, "told to stop")
            return 3
        if number == signal.SIGUSR1:
            note(volume, "woken")
    return int((volume / "end").read_text()) if (volume / "end").exists() else 99


sys.exit(main())
