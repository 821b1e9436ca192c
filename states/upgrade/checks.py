"""Checks the server for the last time before it is stopped, and records what it is.

From then on the upgrade is under way: every later start carries it out before any service starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from states.hardening import values
from states.ubuntu.dpkg import packages
from states.upgrade import backup, codes
from states.upgrade.status import NOTHING
from states.upgrade.versions import version_in
from states.zimbra import readback, services
from states.zimbra.needs import too_little_room
from states.zimbra.order import Portrait, give, key, ordered
from states.zimbra.unpack import installer
from zflow.api import Context, Evidence, OperatorError, Step, read_text


def findings(ctx: Context, portrait: Portrait) -> Iterator[str]:
    """Yield everything that prevents the upgrade, one clause each."""
    yield from too_little_room(ctx)
    if stopped := services.stopped(ctx):
        yield f"these services do not run: {', '.join(stopped)}"
    if not backup.complete(ctx):
        yield f"{backup.FILE} lacks the directory's password, or is cut off"
    if present := refused(ctx):
        yield (
            f"the installer of this release refuses servers with {', '.join(present)}: run `zflow shell apt-get "
            f"purge --yes --allow-change-held-packages {' '.join(present)}`, which deletes their data"
        )
    yield from (f"the server does not list {what}" for what, values in portrait.items() if not values)


def refused(ctx: Context) -> list[str]:
    """Return the installed packages that the unpacked release refuses: chat, drive, talk and the like.

    Releases from 10.0 on name them, and end with 1 where dpkg has one that is not to be removed (globals.sh 10.0.6:
    53-64; utilfunc.sh: 931-950, called at 689; isInstalled, 2683-2692: a held package counts even when only its
    configuration is left).
    """
    try:
        named = re.search(r'^ZEXTRAS_PACKAGES="([^"]*)"', read_text(installer(ctx) / "util/globals.sh"), re.MULTILINE)
    except OSError:
        return []
    names = named[1].replace("\\", " ").split() if named else []
    there = {
        name
        for name, each in packages(ctx.volume).items()
        if each.state != "not-installed" and (each.wanted, each.flag) != ("deinstall", "ok")
    }
    return [name for name in names if name in there]


def probe(ctx: Context) -> Evidence | None:
    """See that the upgrade is under way, or that no upgrade is ordered."""
    order = ordered(ctx)
    if order is None:
        return NOTHING
    return Evidence(f"upgrade from {order.installed} to {order.goal} under way") if order.under_way else None


def apply(ctx: Context) -> None:
    """Check everything, and start the upgrade. Raises OperatorError(NOT_READY) with all findings."""
    order = ordered(ctx)
    assert order is not None
    portrait = readback.portrait(ctx)
    if found := list(findings(ctx, portrait)):
        raise OperatorError(codes.NOT_READY, "; ".join(found))
    backup.save(ctx)
    values.remember(ctx)
    give(ctx, replace(order, goal=version_in(installer(ctx)), before=portrait))


STEP = Step(
    name="upgrade.checks",
    title="Check that the server can be upgraded",
    probe=probe,
    apply=apply,
    inputs=key,
    retry="never",
    timeout=900,
)
