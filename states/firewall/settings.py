"""The firewall's settings: which ports, from which networks, how many connections."""

from __future__ import annotations

from states.firewall import codes
from states.firewall.ports import Opening, Ports, Protocol, ports, sources
from zflow.api import Context, OperatorError, Setting, flag, number

TCP = Setting(
    "firewall_tcp",
    ports,
    "25,80,110,143,443,465,587,993,995,5222,5223,7071",
    "TCP ports that are open to the outside; ranges such as 8000-8010 are allowed.",
    "25,443,587,993",
)
EXTRA_TCP = Setting(
    "firewall_extra_tcp",
    ports,
    "",
    "TCP ports to open in addition to firewall_tcp.",
    "2525,8000-8010",
)
EXTRA_UDP = Setting(
    "firewall_extra_udp",
    ports,
    "",
    "UDP ports to open; a mail server needs none.",
    "10000-10100",
)
EARLY_TCP = Setting(
    "firewall_early_tcp",
    ports,
    "",
    "Those of firewall_extra_tcp that open at once, while the server is installed or starts and all others are closed: "
    "the port of the status page (http). The mail server must not listen on them.",
    "9119",
)
SOURCES = Setting(
    "firewall_sources",
    sources,
    "",
    "The only networks that may reach a port, such as the admin console (7071); other ports stay open to everybody.",
    "7071=10.0.0.0/8+2001:db8::/32,2525=192.0.2.7,10000-10100/udp=198.51.100.0/24",
)
RATE = Setting(
    "firewall_rate",
    number(0, 100_000),
    "100",
    "New TCP connections per second from one address (IPv6: one /64), with bursts of three times as many; 0: no limit.",
    "50",
)

HOST_NETWORK = Setting(
    "firewall_host_network",
    flag,
    "no",
    "Load the firewall although the network has real devices, so that it may be the host's.",
    "yes",
)

SETTINGS = (TCP, EXTRA_TCP, EXTRA_UDP, EARLY_TCP, SOURCES, RATE, HOST_NETWORK)


def openings(ctx: Context) -> tuple[Opening, ...]:
    """Return the openings by the settings. Raises OperatorError(CONTRADICTION) with every contradiction."""
    tcp, udp = (*ctx.settings[TCP], *ctx.settings[EXTRA_TCP]), ctx.settings[EXTRA_UDP]
    wanted: list[tuple[Protocol, Ports]] = [("tcp", each) for each in sorted(tcp)]
    wanted += [("udp", each) for each in sorted(udp)]
    allowed = {(each.protocol, each.ports): each.networks for each in ctx.settings[SOURCES]}
    mistakes = [
        f"{SOURCES.variable} ({ctx.settings.source(SOURCES)}): {port}/{protocol} is not among the open ports"
        for protocol, port in allowed
        if (protocol, port) not in wanted
    ]
    mistakes += [
        f"{EXTRA_TCP.variable} ({ctx.settings.source(EXTRA_TCP)}): {extra} is already open by {TCP.variable}, as {base}"
        for extra in ctx.settings[EXTRA_TCP]
        for base in ctx.settings[TCP]
        if extra.overlaps(base)
    ]
    mistakes += [
        f"{EARLY_TCP.variable} ({ctx.settings.source(EARLY_TCP)}): {port} is not among those of {EXTRA_TCP.variable}"
        for port in ctx.settings[EARLY_TCP]
        if port not in ctx.settings[EXTRA_TCP]
    ]
    if mistakes:
        raise OperatorError(codes.CONTRADICTION, "; ".join(mistakes))
    return tuple(Opening(protocol, each, allowed.get((protocol, each), ())) for protocol, each in wanted)


def early(ctx: Context) -> tuple[Opening, ...]:
    """Return the openings from the first second. Raises what `openings` raises."""
    return tuple(each for each in openings(ctx) if each.protocol == "tcp" and each.ports in ctx.settings[EARLY_TCP])
