"""The container's addresses in the server's configuration: they change with the container.

This container's addresses may relay without a password: the mailbox server sends its mail to Postfix from them. The
vendor writes those of the install; zflow replaces only these, and an operator's networks stay.

The vendor also decides once whether the server listens on IPv6 (zimbraIPMode). When the container has a new IPv6
address, zflow sets the mode by the vendor's tools, unless its proxy would not start then. Later the operator may change
it.
"""

from __future__ import annotations

from states.server import server_name
from states.ubuntu.ports import silent_over_ipv6
from states.zimbra import directory
from states.zimbra.directory import unless_silent
from states.zimbra.networks import MARK, MODE, STRICT, has_ipv6, remember, remembered, wanted
from states.zimbra.tools import as_zimbra
from zflow.api import Context, Drift, Evidence, Scope, Step, holds

ATTRIBUTE = "zimbraMtaMyNetworks"
IP_TOOL = "/opt/zimbra/libexec/zmiptool"
"""Carries the mode over into the local settings of Java and of the database (zm-core-utils, src/libexec/zmiptool)."""


def probe(ctx: Context) -> Evidence | Drift | None:
    """Check that the present networks were written and are in the server's configuration; notice ports that do not
    listen on IPv6."""
    if not holds(ctx.volume / MARK, wanted() + "\n"):
        return None
    present = " ".join(present_values(ctx)).split()
    if missing := [each for each in wanted().split() if each not in present]:
        return Drift(f"{ATTRIBUTE} is {' '.join(present) or 'unset'}, without {' '.join(missing)}")
    silent = silent_over_ipv6() if has_ipv6(wanted()) else []
    return Evidence(wanted(), (_not_served(ctx, silent),) if silent else ())


def apply(ctx: Context) -> None:
    """Replace the addresses in the server's configuration, and let its services read them."""
    before = remembered(ctx)
    value = exchanged(" ".join(present_values(ctx)), before, wanted())
    as_zimbra(ctx, "zmprov", "-l", "ms", server_name(ctx), ATTRIBUTE, value, timeout=180)
    if has_ipv6(wanted()) and not has_ipv6(before) and silent_over_ipv6() and not _strict(ctx):
        listen_by_ipv6(ctx)
    else:
        let_know(ctx)
    remember(ctx)


def exchanged(present: str, ours_before: str, ours_now: str) -> str:
    """Return the present networks without zflow's earlier ones, and with its new ones first."""
    others = [word for word in present.split() if word not in {*ours_before.split(), *ours_now.split()}]
    return " ".join([*ours_now.split(), *others])


def present_values(ctx: Context) -> tuple[str, ...]:
    """Return the networks of the server's entry, else those of the global configuration."""
    own = directory.read_server(ctx, server_name(ctx), ATTRIBUTE)
    return own or directory.read_config(ctx, (ATTRIBUTE,))[ATTRIBUTE]


def let_know(ctx: Context) -> None:
    """Restart the services that have the networks in their files; each command renders them first.

    zmconfigd would do it within a minute (zmconfigd.cf 31, 58, 85, 283), unless another request comes before.
    """
    for command in (("zmamavisdctl", "restart"), ("zmopendkimctl", "restart"), ("zmmtactl", "reload")):
        as_zimbra(ctx, *command, ok=range(256), timeout=300, daemon=True)


def listen_by_ipv6(ctx: Context) -> None:
    """Let the server listen on both families, and restart it. The step that starts the services checks them again, and
    a notice names the ports that still do not listen."""
    ctx.progress.report(note="the container has a new IPv6 address: restarting the server")
    as_zimbra(ctx, "zmprov", "-l", "ms", server_name(ctx), MODE, "both", ok=range(256), timeout=180)
    as_zimbra(ctx, IP_TOOL, ok=range(256), timeout=300)
    as_zimbra(ctx, "zmcontrol", "restart", ok=range(256), timeout=900, daemon=True)


def _strict(ctx: Context) -> bool:
    return directory.in_force(ctx, server_name(ctx), STRICT)[STRICT] == "TRUE"


def _not_served(ctx: Context, silent: list[int]) -> str:
    off, why = (f"{STRICT} FALSE ", f"; {STRICT} is on and must be off for it") if _strict(ctx) else ("", "")
    commands = f"zmprov ms {server_name(ctx)} {off}{MODE} both; {IP_TOOL}; zmcontrol restart"
    return (
        f"the container has an IPv6 address, but these ports do not listen on it: {', '.join(map(str, silent))}: "
        f"`zflow shell su - zimbra -c '{commands}'`{why}"
    )


STEP = Step(
    name="install.networks",
    title="Let the container's addresses relay mail",
    probe=unless_silent(probe),  # the firewall opens only after this
    apply=apply,
    scope=Scope.BOOT,
    inputs=lambda _ctx: wanted(),
    timeout=1800,
)
