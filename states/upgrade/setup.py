"""The server's data and configuration brought to the newer release: `zmsetup.pl -c FILE`, then read back.

With `UPGRADED` packages in its history, and the last `CONFIGURED END` of an older version, zmsetup.pl upgrades database
and directory first, then goes through its stages with the server's own values (zmsetup.pl 9.0.0: 199-222, 1819-1910;
zmupgrade.pm). What it upgrades it may do again: by the version of the database's schema, and attributes that are unset.
A cut-off run is made again from its beginning, for in its own way of resuming stages lose what earlier ones hand on.
"""

from __future__ import annotations

from states.firewall import closed
from states.upgrade import answers, backup
from states.upgrade.archive import NOTHING
from states.upgrade.status import errors_with_status
from states.zimbra import codes, leftovers, notices, readback, services, setuplog, syslog, unpack
from states.zimbra.history import forget_configuration, last
from states.zimbra.order import Order, fulfil, fulfilled, key_under_way, under_way
from states.zimbra.proof import mark, proven
from states.zimbra.setuplog import Ran
from states.zimbra.tools import as_zimbra
from zflow.api import Context, Evidence, Step, TransientError, sync_volume


def probe(ctx: Context) -> Evidence | None:
    """See that no upgrade is under way: the order goes when the newer server has been read back."""
    if under_way(ctx) is not None:
        return None
    session = proven(ctx) if fulfilled(ctx).exists() else None
    return Evidence(f"upgraded to {session.packages['zimbra-core']} and read back") if session else NOTHING


def apply(ctx: Context) -> None:
    """Upgrade, prove, and let the order count as carried out. Raises TransientError(FAILED), OperatorError(FAILED)."""
    order = under_way(ctx)
    assert order is not None
    with errors_with_status(ctx):
        session = last(ctx)
        if session is None or session != proven(ctx):  # else cut off between the mark and the end of the order
            upgrade(ctx, order)
    unpack.remove(ctx)
    backup.remove(ctx)
    fulfil(ctx)


def upgrade(ctx: Context, order: Order) -> None:
    """Run the vendor's program on a history without an earlier run of it, and prove what it did."""
    leftovers.end_all(ctx)
    backup.restore(ctx)
    for line in forget_configuration(ctx):
        ctx.log(f"made again: {line}")
    file = answers.write(ctx)
    prove(ctx, order, setuplog.run(ctx, unpack.inside(file, ctx), setuplog.reporter(ctx), closed.shut))
    file.unlink()
    syslog.turn(ctx)
    services.record(ctx)
    sync_volume(ctx.volume)
    session = last(ctx)
    assert session is not None
    mark(ctx, session)


def prove(ctx: Context, order: Order, ran: Ran) -> None:
    """Read the server back; raises TransientError(CONFIGURATION) naming everything that is not as it should be.

    What zmsetup.pl says has failed counts as little by itself as at the install (`states/install/setup.py`, prove).
    """
    setuplog.ended(ctx, ran)
    failed = setuplog.failures(ran)
    found = [*readback.not_running(ctx), *readback.lacking(order.before or {}, readback.portrait(ctx))]
    version = as_zimbra(ctx, "zmcontrol", "-v", ok=range(256), timeout=180).output.strip()
    # The later releases say their patch here, which is not in the number of their build.
    if not version.startswith(f"Release {'.'.join(order.goal.split('.')[:2])}."):
        found.append(f"zmcontrol -v says ‹{version[:160]}›, not {order.goal}")
    if found:
        raise TransientError(codes.CONFIGURATION, "; ".join([*found, *failed])[:1500])
    notices.remember(ctx, failed)


STEP = Step(
    name="upgrade.setup",
    title="Upgrade the server's data and configuration",
    probe=probe,
    apply=apply,
    inputs=key_under_way,
    retry="vendor",
    timeout=4 * 3600,
)
