"""The volume's mounts: options that no system can run with, and how a mount comes off."""

from __future__ import annotations

from pathlib import Path

from zflow.api import CommandError, Context, carrying, mounts

HARMFUL = frozenset({"ro", "noexec", "nosuid"})
"""Mount options a system cannot live with. `nodev` is fine: /dev is a mount of its own."""


def harmful_options(volume: Path) -> frozenset[str]:
    """Return the mount options of the volume that forbid running a system from it."""
    mount = carrying(volume.resolve(), mounts())
    return mount.options & HARMFUL if mount else frozenset()


def unmount(ctx: Context, point: Path) -> None:
    """Unmount, detaching what is still in use."""
    try:
        ctx.shell.run("umount", str(point))
    except CommandError:
        ctx.shell.run("umount", "--lazy", str(point))
