"""The order of an upgrade: named in full, newer, for this Ubuntu; else refused before anything is written."""

from __future__ import annotations

from states.ubuntu.tree import os_release
from states.upgrade import backup, codes
from states.upgrade.versions import platform_in
from states.zimbra import order as orders
from states.zimbra import unpack
from states.zimbra.history import last
from states.zimbra.proof import proven
from states.zimbra.releases import PLATFORMS, RELEASES, Archive, line_of
from states.zimbra.tools import zimbra_version
from zflow.api import Context, OperatorError


def order(ctx: Context, release: str, named: Archive | None) -> orders.Order:
    """Return the order for a release; without an archive, the table's for the Ubuntu on the volume.

    Raises OperatorError: NO_SERVER, UNDER_WAY, NOT_NEWER, UNNAMED.
    """
    if proven(ctx) is None:
        raise OperatorError(codes.NO_SERVER, f"{ctx.volume} has none")
    refuse_begun(ctx)
    installed = zimbra_version(ctx)
    line, names = line_of(installed), list(RELEASES)
    if line is not None and names.index(release) < names.index(line.name):
        raise OperatorError(codes.NOT_NEWER, f"{release} was ordered, {installed} is installed")
    archive = named or _known(ctx, release)
    ours = PLATFORMS.get(_ubuntu(ctx), "")
    if (platform := platform_in(archive.place)) not in {"", ours}:
        raise OperatorError(codes.UNNAMED, f"{archive.place} is for {platform}; the volume has {ours}")
    return orders.Order(release, archive, installed)


def _known(ctx: Context, release: str) -> Archive:
    found = RELEASES[release].archives.get(_ubuntu(ctx))
    if found is None:
        raise OperatorError(codes.UNNAMED, f"Zimbra {release} for Ubuntu {_ubuntu(ctx)}")
    return found


def _ubuntu(ctx: Context) -> str:
    return os_release(ctx.volume).get("VERSION_ID", "")


def withdraw(ctx: Context) -> orders.Order | None:
    """Withdraw the order and remove what it left, and return it, if there is one. Raises OperatorError(UNDER_WAY)."""
    found = orders.ordered(ctx)
    if found is not None:
        refuse_begun(ctx)
        orders.withdraw(ctx)  # first: without its release an order under way could not be carried out
        backup.remove(ctx)
        unpack.remove(ctx)
    return found


def refuse_begun(ctx: Context) -> None:
    """Raise OperatorError(UNDER_WAY) when the installer has begun to carry an order out.

    It writes so to its history before it changes a package (install.sh 9.0.0: 275-277).
    """
    found = orders.ordered(ctx)
    if found is not None and found.under_way and last(ctx) != proven(ctx):
        raise OperatorError(codes.UNDER_WAY, f"{found.installed} to {found.goal}")
