"""Mounts of the volume: options that no system can run with, and a way to unmount what is in use."""

from __future__ import annotations

from pathlib import Path

from zflow.api import CommandError, Context, carrying, mounts

HARMFUL = frozenset({"ro", "noexec", "nosuid"})
"""Mount options with which no system can run. `nodev` does no harm: /dev is another mount."""


def harmful_options(volume: Path) -> frozenset[str]:
    """Return the mount options of the volume with which no system can run on it."""
    mount = carrying(volume.resolve(), mounts())
    return mount.options & HARMFUL if mount else frozenset()


def unmount(ctx: Context, point: Path) -> None:
    """Unmount; detach what is still in use."""
    try:
        ctx.shell.run("umount", str(point))
    except CommandError:
        ctx.shell.run("umount", "--lazy", str(point))
