"""What the server's configuration says of the container's addresses, which change with the container.

Who may relay without a password: this machine under its present addresses, for the mailbox server hands its mail to
Postfix from the container's own. The vendor writes those of the day of the install; only they are exchanged here, an
operator's own networks stay.

Whether it listens by IPv6: the vendor decides that once as well (zimbraIPMode). When the container has got an IPv6
address since, the server is told, by the vendor's own way, unless its proxy would not start then; later the mode is
the operator's to change.
"""

from __future__ import annotations

from pathlib import Path

from states.install.answers import networks
from states.server import server_name
from states.ubuntu.addresses import addresses
from states.ubuntu.ports import silent_over_ipv6
from states.zimbra import directory
from states.zimbra.silence import unless_silent
from states.zimbra.tools import as_zimbra
from zflow.api import Context, Drift, Evidence, Scope, Step, holds, read_text, write_atomic

ATTRIBUTE = "zimbraMtaMyNetworks"
MARK = Path("opt/zimbra/.zflow-networks")
MODE = "zimbraIPMode"
STRICT = "zimbraReverseProxyStrictServerNameEnabled"
"""With both families nginx does not start on it: the vendor's template gives the options of one address twice
(zm-nginx-conf 8.8.15, nginx.conf.web.https.default.template, 7, 33)."""
IP_TOOL = "/opt/zimbra/libexec/zmiptool"
"""Carries the mode over into the local settings of Java and of the database (zm-core-utils, src/libexec/zmiptool)."""


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


def has_ipv6(found: str) -> bool:
    """Tell whether there is an IPv6 address among networks in Postfix's notation, beside this machine's own ::1."""
    return any(word.startswith("[") and word != "[::1]/128" for word in found.split())


def family_lost(ctx: Context) -> str | None:
    """Say, before its services fail to start, that a server which listens by IPv4 has no such address any more."""
    own, before = addresses().own, remembered(ctx)
    if not before or has_ipv6(before) or not own or any(":" not in each for each in own):
        return None
    return (
        f"the container has IPv6 addresses only ({', '.join(own)}), and the server listens by IPv4 alone: start the "
        "container once in a network with both, where zflow makes the server listen by both"
    )


def _strict(ctx: Context) -> bool:
    return directory.in_force(ctx, server_name(ctx), STRICT)[STRICT] == "TRUE"


def _not_served(ctx: Context, silent: list[int]) -> str:
    off, why = (f"{STRICT} FALSE ", f"; {STRICT}, which is on, does not go with it") if _strict(ctx) else ("", "")
    commands = f"zmprov ms {server_name(ctx)} {off}{MODE} both; {IP_TOOL}; zmcontrol restart"
    return (
        f"the container has an IPv6 address, and nothing listens there on {', '.join(map(str, silent))}: "
        f"`zflow shell su - zimbra -c '{commands}'`{why}"
    )


def probe(ctx: Context) -> Evidence | Drift | None:
    """See whether the networks written last are the present ones, and among those that the server itself lets relay;
    tells which ports do not listen by IPv6."""
    if not holds(ctx.volume / MARK, wanted() + "\n"):
        return None
    present = " ".join(present_values(ctx)).split()
    if missing := [each for each in wanted().split() if each not in present]:
        return Drift(f"{ATTRIBUTE} is {' '.join(present) or 'unset'}, without {' '.join(missing)}")
    silent = silent_over_ipv6() if has_ipv6(wanted()) else []
    return Evidence(wanted(), (_not_served(ctx, silent),) if silent else ())


def present_values(ctx: Context) -> tuple[str, ...]:
    """Return what the server's configuration holds; the global one's where it has none of its own."""
    own = directory.read_server(ctx, server_name(ctx), ATTRIBUTE)
    return own or directory.read_config(ctx, (ATTRIBUTE,))[ATTRIBUTE]


def apply(ctx: Context) -> None:
    """Exchange the addresses in the server's configuration, and have them read."""
    before = remembered(ctx)
    value = exchanged(" ".join(present_values(ctx)), before, wanted())
    as_zimbra(ctx, "zmprov", "-l", "ms", server_name(ctx), ATTRIBUTE, value, timeout=180)
    if has_ipv6(wanted()) and not has_ipv6(before) and silent_over_ipv6() and not _strict(ctx):
        listen_by_ipv6(ctx)
    else:
        let_know(ctx)
    remember(ctx)


def let_know(ctx: Context) -> None:
    """Restart those that have the networks in their files, which each command has rendered first.

    zmconfigd would do it in its next minute (zmconfigd.cf 31, 58, 85, 283), unless it was asked for
    something else until then.
    """
    for command in (("zmamavisdctl", "restart"), ("zmopendkimctl", "restart"), ("zmmtactl", "reload")):
        as_zimbra(ctx, *command, ok=range(256), timeout=300, daemon=True)


def listen_by_ipv6(ctx: Context) -> None:
    """Let the server listen by both families, and start it anew for it. What does not come up again is not lost here:
    the step that starts the services looks once more, and the evidence tells which ports still do not listen."""
    ctx.progress.report(note="the container has got an IPv6 address: restarting the server for it")
    as_zimbra(ctx, "zmprov", "-l", "ms", server_name(ctx), MODE, "both", ok=range(256), timeout=180)
    as_zimbra(ctx, IP_TOOL, ok=range(256), timeout=300)
    as_zimbra(ctx, "zmcontrol", "restart", ok=range(256), timeout=900, daemon=True)


STEP = Step(
    name="install.networks",
    title="Trust the container's present addresses",
    probe=unless_silent(probe),  # the firewall opens only after this
    apply=apply,
    scope=Scope.BOOT,
    inputs=lambda _ctx: wanted(),
    timeout=1800,
)
