"""What the server's configuration says of the container's addresses, which change with the container.

Who may relay without a password: this machine under its present addresses, for the mailbox server hands its mail to
Postfix from the container's own. The vendor writes those of the day of the install; only they are exchanged here, an
operator's own networks stay.

Whether it listens by IPv6: the vendor decides that once as well (zimbraIPMode). When the container has got an IPv6
address since, the server is told, by the vendor's own way, unless its proxy would not start then; later the mode is
the operator's to change.
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
    """See whether the networks written last are the present ones, and among those that the server itself lets relay;
    tells which ports do not listen by IPv6."""
    if not holds(ctx.volume / MARK, wanted() + "\n"):
        return None
    present = " ".join(present_values(ctx)).split()
    if missing := [each for each in wanted().split() if each not in present]:
        return Drift(f"{ATTRIBUTE} is {' '.join(present) or 'unset'}, without {' '.join(missing)}")
    silent = silent_over_ipv6() if has_ipv6(wanted()) else []
    return Evidence(wanted(), (_not_served(ctx, silent),) if silent else ())


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


def exchanged(present: str, ours_before: str, ours_now: str) -> str:
    """Return the present networks with ours of before taken out and ours of now put first."""
    others = [word for word in present.split() if word not in {*ours_before.split(), *ours_now.split()}]
    return " ".join([*ours_now.split(), *others])


def present_values(ctx: Context) -> tuple[str, ...]:
    """Return what the server's configuration holds; the global one's where it has none of its own."""
    own = directory.read_server(ctx, server_name(ctx), ATTRIBUTE)
    return own or directory.read_config(ctx, (ATTRIBUTE,))[ATTRIBUTE]


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
    ctx.progress.report(note="the container has a new IPv6 address: restarting the server")
    as_zimbra(ctx, "zmprov", "-l", "ms", server_name(ctx), MODE, "both", ok=range(256), timeout=180)
    as_zimbra(ctx, IP_TOOL, ok=range(256), timeout=300)
    as_zimbra(ctx, "zmcontrol", "restart", ok=range(256), timeout=900, daemon=True)


def _strict(ctx: Context) -> bool:
    return directory.in_force(ctx, server_name(ctx), STRICT)[STRICT] == "TRUE"


def _not_served(ctx: Context, silent: list[int]) -> str:
    off, why = (f"{STRICT} FALSE ", f"; {STRICT}is on and must be off for it") if _strict(ctx) else ("", "")
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
