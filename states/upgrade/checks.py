"""The last look before the server is stopped: whole, with room for the newer release; what it is, is written down.

From then on the upgrade is under way: it is carried out before anything is started, at whatever start comes next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from states.hardening import values
from states.ubuntu.dpkg import packages
from states.upgrade import backup, codes
from states.upgrade.archive import NOTHING
from states.upgrade.versions import brought
from states.zimbra import readback, services
from states.zimbra.needs import too_little_room
from states.zimbra.order import Portrait, give, key, ordered
from states.zimbra.unpack import installer
from zflow.api import Context, Evidence, OperatorError, Step, read_text


def findings(ctx: Context, portrait: Portrait) -> Iterator[str]:
    """Say everything that is in the way, one sentence each."""
    yield from too_little_room(ctx)
    if stopped := services.stopped(ctx):
        yield f"services of the server do not run: {', '.join(stopped)}"
    if not backup.complete(ctx):
        yield f"{backup.FILE} lacks the directory's password, or its end"
    if present := refused(ctx):
        yield (
            f"the installer of this release ends where {', '.join(present)} are installed: run `zflow shell apt-get "
            f"purge --yes --allow-change-held-packages {' '.join(present)}`, which deletes their data"
        )
    yield from (f"the server does not tell {what}" for what, values in portrait.items() if not values)


def refused(ctx: Context) -> list[str]:
    """Return the packages beside which the unpacked release is not installed: chat, drive, talk and the like.

    It names them itself, from 10.0 on, and ends with 1 where dpkg has any that is not to be removed (globals.sh
    10.0.6: 53-64; utilfunc.sh: 931-950, called at 689; isInstalled, 2683-2692: what is held blocks even when only its
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
    """See that the upgrade is under way, or that none is ordered."""
    order = ordered(ctx)
    if order is None:
        return NOTHING
    return Evidence(f"{order.installed} is upgraded to {order.goal}") if order.under_way else None


def apply(ctx: Context) -> None:
    """Look at everything at once, and put the upgrade under way. Raises OperatorError(NOT_READY)."""
    order = ordered(ctx)
    assert order is not None
    portrait = readback.portrait(ctx)
    if found := list(findings(ctx, portrait)):
        raise OperatorError(codes.NOT_READY, "; ".join(found))
    backup.save(ctx)
    values.remember(ctx)
    give(ctx, replace(order, goal=brought(installer(ctx)), before=portrait))


STEP = Step(
    name="upgrade.checks",
    title="Check that the server can be upgraded",
    probe=probe,
    apply=apply,
    inputs=key,
    retry="never",
    timeout=900,
)
