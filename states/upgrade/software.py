"""Installs the newer release's software over the installed one: `install.sh -s -x FILE` with `UPGRADE="yes"`.

The vendor's installer (packages.sh, utilfunc.sh 9.0.0) downloads; copies localconfig.xml, keys and certificates to
.saveconfig; stops the server; replaces the packages, or, where zimbra-core already has the same build, as after a kill,
purges all and installs again (removeExistingInstall, 1744-1842); restores localconfig.xml. No package owns what lies
below db, data and store, so it stays, and a run that was cut off can be repeated.
"""

from __future__ import annotations

from states.firewall import closed
from states.upgrade import answers, backup
from states.upgrade.status import NOTHING, errors_with_status
from states.upgrade.versions import same
from states.zimbra import holds, leftovers, software
from states.zimbra.history import last
from states.zimbra.order import Order, key_under_way, under_way
from states.zimbra.packages import vendor_packages
from states.zimbra.proof import proven
from zflow.api import Context, Evidence, Step


def complete(ctx: Context, order: Order) -> bool:
    """Tell whether the software is the ordered one, by the installer's history and by dpkg."""
    session, core = software.complete(ctx), vendor_packages(ctx).get("zimbra-core")
    return session is not None and session.upgrade and core is not None and same(core.version, order.goal)


def probe(ctx: Context) -> Evidence | None:
    """See the complete newer software, or that no upgrade is under way."""
    order = under_way(ctx)
    if order is None:
        return NOTHING
    return Evidence(f"zimbra-core {order.goal}") if complete(ctx, order) else None


def apply(ctx: Context) -> None:
    """Lift the holds, replace the software, hold it again. Raises TransientError(FAILED), OperatorError(FAILED)."""
    with errors_with_status(ctx), holds.lifted(ctx):
        # The installer stops a server that still serves, after its downloads.
        if last(ctx) != proven(ctx):
            leftovers.end_all(ctx)
            backup.restore(ctx)
        file = answers.write(ctx)
        software.run_installer(ctx, file, closed.shut)
        file.unlink()


STEP = Step(
    name="upgrade.software",
    title="Install the software of the ordered release",
    probe=probe,
    apply=apply,
    inputs=key_under_way,
    retry="vendor",
    timeout=3600,
)
