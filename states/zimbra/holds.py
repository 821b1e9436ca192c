"""The vendor's packages held: unattended upgrades must not replace parts of a running mail server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from states.ubuntu.dpkg import LOCK, PATIENCE
from states.zimbra.packages import vendor_packages
from zflow.api import Context


def hold(ctx: Context) -> None:
    """Hold them all."""
    _mark(ctx, "hold", sorted(vendor_packages(ctx)))


def _mark(ctx: Context, verb: str, names: list[str]) -> None:
    """Run apt-mark when apt's daily job has released dpkg's lock, which it needs."""
    ctx.shell.chroot("flock", "-w", str(PATIENCE), LOCK, "apt-mark", verb, *names)


@contextmanager
def lifted(ctx: Context) -> Iterator[None]:
    """Lift the holds for a while, because apt refuses to change held packages; they are set again whatever happens.

    A kill in between leaves them lifted until the next walk. Unattended upgrades leave these packages out even then
    (states/updates/configured.py).
    """
    if found := sorted(vendor_packages(ctx)):
        _mark(ctx, "unhold", found)
    try:
        yield
    finally:
        if vendor_packages(ctx):
            hold(ctx)
