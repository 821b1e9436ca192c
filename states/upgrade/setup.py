"""Upgrades the server's data and configuration with `zmsetup.pl -c FILE`, and reads the server back.

With `UPGRADED` packages in its history, and the last `CONFIGURED END` of an older version, zmsetup.pl upgrades database
and directory first, then runs its stages with the server's values (zmsetup.pl 9.0.0: 199-222, 1819-1910; zmupgrade.pm).
It can upgrade twice: it goes by the version of the database's schema, and by attributes that are unset. After a cut-off
run it starts from the beginning, because a stage that it resumes lacks values of the earlier ones.
"""

from __future__ import annotations

from states.firewall import closed
from states.upgrade import answers, backup
from states.upgrade.status import NOTHING, errors_with_status
from states.zimbra import codes, leftovers, notices, readback, services, setuplog, syslog, unpack
from states.zimbra.history import forget_configuration, last
from states.zimbra.order import Order, fulfil, fulfilled, key_under_way, under_way
from states.zimbra.proof import mark, proven
from states.zimbra.setuplog import Ran
from states.zimbra.tools import as_zimbra
from zflow.api import Context, Evidence, Step, TransientError, sync_volume


def probe(ctx: Context) -> Evidence | None:
    """See that no upgrade is under way: the order is removed when the newer server has been read back."""
    if under_way(ctx) is not None:
        return None
    session = proven(ctx) if fulfilled(ctx).exists() else None
    return Evidence(f"upgraded to {session.packages['zimbra-core']} and read back") if session else NOTHING


def apply(ctx: Context) -> None:
    """Upgrade, read back, and remove the order. Raises TransientError(FAILED), OperatorError(FAILED)."""
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
    """Run the vendor's program on a history without an earlier run of it, and read the server back."""
    leftovers.end_all(ctx)
    backup.restore(ctx)
    for line in forget_configuration(ctx):
        ctx.log(f"repeating: {line}")
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
    """Read the server back; raises TransientError(CONFIGURATION) with everything that is wrong.

    A failure that zmsetup.pl prints does not count alone, as at the installation (`states/install/setup.py`, prove).
    """
    setuplog.ended(ctx, ran)
    failed = setuplog.failures(ran)
    found = [*readback.not_running(ctx), *readback.lacking(order.before or {}, readback.portrait(ctx))]
    version = as_zimbra(ctx, "zmcontrol", "-v", ok=range(256), timeout=180).output.strip()
    # Later releases print their patch here, which is not in the number of their build.
    if not version.startswith(f"Release {'.'.join(order.goal.split('.')[:2])}."):
        found.append(f"zmcontrol -v prints ‹{version[:160]}›, not {order.goal}")
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
