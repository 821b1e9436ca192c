"""Who may relay without a password: this machine under its present addresses, which change with the container.

The mailbox server hands its mail to Postfix from the container's own address. The vendor writes the addresses of the
day of the install; only those are exchanged here, an operator's own networks stay.
"""

from __future__ import annotations

from pathlib import Path

from states.bootstrap.addresses import addresses
from states.identity import server_name
from states.install.vendor.answers import networks
from states.install.vendor.readback import values
from states.zimbra import as_zimbra
from zflow.api import Context, Evidence, Scope, Step, holds, read_text, write_atomic

ATTRIBUTE = "zimbraMtaMyNetworks"
MARK = Path("opt/zimbra/.zflow-networks")


def wanted() -> str:
    """Return this machine's networks now."""
    return networks(addresses().own)


def remember(ctx: Context) -> None:
    """Write down which networks are ours in the server's configuration."""
    write_atomic(ctx.volume / MARK, wanted() + "\n")


def remembered(ctx: Context) -> str:
    """Return which networks were ours; none where that was not written down, or something else is in its place."""
    try:
        return read_text(ctx.volume / MARK)
    except OSError:
        return ""


def exchanged(present: str, ours_before: str, ours_now: str) -> str:
    """Return the present networks with ours of before taken out and ours of now put first."""
    others = [word for word in present.split() if word not in {*ours_before.split(), *ours_now.split()}]
    return " ".join([*ours_now.split(), *others])


def probe(ctx: Context) -> Evidence | None:
    """See whether the networks written last are the present ones."""
    return Evidence(wanted()) if holds(ctx.volume / MARK, wanted() + "\n") else None


def audit(ctx: Context) -> Evidence | None:
    """See this machine's addresses among those that the server itself lets relay."""
    present = " ".join(present_values(ctx)).split()
    return probe(ctx) if set(wanted().split()) <= set(present) else None


def present_values(ctx: Context) -> list[str]:
    """Return what the server's configuration holds."""
    return values(as_zimbra(ctx, "zmprov", "-l", "gs", server_name(ctx), ATTRIBUTE, timeout=180).output, ATTRIBUTE)


def apply(ctx: Context) -> None:
    """Exchange the addresses in the server's configuration; zmconfigd lets Postfix know within a minute."""
    value = exchanged(" ".join(present_values(ctx)), remembered(ctx), wanted())
    as_zimbra(ctx, "zmprov", "-l", "ms", server_name(ctx), ATTRIBUTE, value, timeout=180)
    remember(ctx)


STEP = Step(
    name="install.networks",
    title="Trust the container's present addresses",
    probe=probe,
    audit=audit,
    apply=apply,
    scope=Scope.BOOT,
    inputs=lambda _ctx: wanted(),
    timeout=600,
)
