"""The gate before the firewall: is the network the container's own? Closing the host's would lock its operator out."""

from __future__ import annotations

from pathlib import Path

from states.firewall import codes
from states.firewall.settings import HOST_NETWORK
from zflow.api import Context, Evidence, OperatorError, Scope, Step

INTERFACES = Path("/sys/class/net")


def hardware(interfaces: Path = INTERFACES) -> list[str]:
    """Return the interfaces that belong to a device: an engine's own are virtual and have none (sysfs-class-net)."""
    return sorted(each.parent.name for each in interfaces.glob("*/device"))


def probe(ctx: Context) -> Evidence | None:
    """See whether the network may be closed."""
    if not hardware():
        return Evidence("a network of its own")
    return Evidence("the host's network, by setting") if ctx.settings[HOST_NETWORK] else None


def apply(_ctx: Context) -> None:
    """Refuse to close somebody else's network. Raises OperatorError(SHARED)."""
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
