"""Checks that the network is the container's own: a firewall in the host's would lock out its operator."""

from __future__ import annotations

from pathlib import Path

from states.firewall import codes
from states.firewall.settings import HOST_NETWORK
from zflow.api import Context, Evidence, OperatorError, Scope, Step

INTERFACES = Path("/sys/class/net")


def hardware() -> list[str]:
    """Return the interfaces of real devices: an engine makes virtual ones, without a device (sysfs-class-net)."""
    return sorted(each.parent.name for each in INTERFACES.glob("*/device"))


def probe(ctx: Context) -> Evidence | None:
    """See whether the network may be closed."""
    if not hardware():
        return Evidence("the container's own network")
    return Evidence("the host's network, by setting") if ctx.settings[HOST_NETWORK] else None


def apply(_ctx: Context) -> None:
    """Refuse to close the host's network. Raises OperatorError(SHARED)."""
    raise OperatorError(codes.SHARED, f"it has the interfaces {', '.join(hardware())}")


STEP = Step(
    name="firewall.network",
    title="Check that the network is the container's own",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    retry="never",
    timeout=10,
)
