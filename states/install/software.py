"""The vendor's software, installed by its own `install.sh`."""

from __future__ import annotations

from states.firewall import closed
from states.install import codes
from states.zimbra import answers, software
from states.zimbra.history import Session
from states.zimbra.proof import BEGUN, data, finished, unfinished
from states.zimbra.releases import PACKAGES
from zflow.api import Context, Evidence, OperatorError, Step


def probe(ctx: Context) -> Evidence | None:
    """See whether the software is installed."""
    if (done := finished(ctx)) is not None:
        return done
    if (session := software.complete(ctx)) is not None:
        return Evidence(f"{len(session.packages)} packages, {_version(session)}")
    if software.spoilt(ctx).exists() or (ctx.home / BEGUN).exists() or (software.gone(ctx) and not data(ctx)):
        return Evidence("was complete; install.setup restores it")
    # A server whose mark is lost: install.setup asks it.
    if data(ctx) and not unfinished(ctx) and not software.absent(ctx):
        return Evidence(f"{len(PACKAGES)} packages; the vendor's history or their files are incomplete")
    return None


def _version(session: Session) -> str:
    return f"zimbra-core {session.packages['zimbra-core']}"


def apply(ctx: Context) -> None:
    """Install the software. Raises what `install` raises, and OperatorError(DATA_PRESENT)."""
    if (present := data(ctx)) and not unfinished(ctx):
        raise OperatorError(codes.DATA_PRESENT, f"/{present[0]} exists; {software.lacking(ctx)}")
    software.install(ctx, ctx.volume / answers.PLACE, closed.shut)


STEP = Step(
    name="install.software",
    title="Install the Zimbra software",
    probe=probe,
    apply=apply,
    retry="vendor",
    timeout=3600,
    weight=400,
    once=True,
)
