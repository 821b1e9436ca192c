"""The rules with their live counters, and the listeners with the networks that can reach them, for the commands."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from states.firewall import table
from states.firewall.model import Verdict
from states.firewall.ports import Opening, Protocol
from states.firewall.render import FAMILY, TABLE
from states.firewall.rules import closed_rules, early_openings, open_rules
from states.firewall.settings import openings
from states.ubuntu.ports import sockets
from zflow.api import CommandError, Context, proc

COUNTED = ("nft", "--json", "list", "table", FAMILY, TABLE)
EVERYWHERE = "everywhere"
KERNELS = "Ip6InHdrErrors"
"""Packets that the kernel drops before any table (proc_net(5), /proc/net/snmp6)."""


@dataclass(frozen=True)
class Row:
    """One loaded rule, in its order; None where the live table does not have it."""

    chain: str
    counter: str
    verdict: Verdict
    about: str
    packets: int | None
    bytes: int | None


@dataclass(frozen=True)
class Listener:
    """A listening socket, its program, and the networks that can reach it."""

    protocol: Protocol
    address: str
    port: int
    program: str
    reach: tuple[str, ...]
    """Networks, or `everywhere`; empty when only this machine can."""


def report(ctx: Context) -> list[Row]:
    """Return the rules that were loaded last, each with its present counter."""
    found = table.recorded(ctx)
    rules = open_rules(ctx) if found is not None and found.mode == "open" else closed_rules(ctx)
    counts = counters(ctx)
    return [
        Row("kernel", KERNELS, "drop", "IPv6 with broken headers, or with ::1 from outside", _kernels(), None),
        *(
            Row(each.chain.name, each.counter, each.verdict, each.about, *counts.get(each.counter, (None, None)))
            for each in rules
        ),
    ]


def counters(ctx: Context) -> dict[str, tuple[int, int]]:
    """Return packets and bytes of each rule of the live table by its comment; empty without a table."""
    try:
        listed = json.loads(ctx.shell.run(*COUNTED, quiet=True).output)["nftables"]
    except (CommandError, ValueError):
        return {}
    rules = (each["rule"] for each in listed if "rule" in each)
    return {
        rule.get("comment", ""): (part["counter"]["packets"], part["counter"]["bytes"])
        for rule in rules
        for part in rule["expr"]
        if "counter" in part
    }


def _kernels() -> int | None:
    found = re.search(rf"^{KERNELS}\s+(\d+)$", proc.network_table("snmp6"), re.MULTILINE)
    return int(found[1]) if found else None


def exposure(ctx: Context) -> list[Listener]:
    """Return the listeners of this container and who can reach them through the loaded table.

    Without a table, everybody can reach what is not bound to a loopback address.
    """
    allowed = _allowed(ctx)
    programs = _programs()
    listeners = {
        Listener(
            each.protocol,
            each.address,
            each.port,
            programs.get(each.inode, ""),
            reach(each.protocol, each.address, each.port, allowed),
        )
        for each in (*sockets("tcp"), *sockets("udp"))
    }
    return sorted(listeners, key=lambda each: (each.protocol, each.port, each.address))


def listeners(ctx: Context) -> Iterator[str]:
    """Yield the table of what listens, for `zflow doctor`."""
    yield f"{'listens at':<34}{'program':<18}reached from"
    for each in exposure(ctx):
        address = f"[{each.address}]" if ":" in each.address else each.address
        reached = ", ".join(each.reach) or "this machine only"
        yield f"{f'{each.protocol} {address}:{each.port}':<34}{each.program or '?':<18}{reached}"


def _allowed(ctx: Context) -> tuple[Opening, ...] | None:
    """Return the openings of the loaded table; None without a table."""
    if table.live(ctx) is None:
        return None
    found = table.recorded(ctx)
    return openings(ctx) if found is not None and found.mode == "open" else early_openings(ctx)


def reach(protocol: Protocol, address: str, port: int, allowed: tuple[Opening, ...] | None) -> tuple[str, ...]:
    """Return who can reach a socket; `allowed` is None without a firewall."""
    bound = ipaddress.ip_address(address)
    bound = getattr(bound, "ipv4_mapped", None) or bound
    if bound.is_loopback:
        return ()
    if allowed is None:
        return (EVERYWHERE,)
    for each in allowed:
        if each.protocol == protocol and port in each.ports:
            # A socket at :: also takes IPv4, unless its program forbade it, which cannot be seen from outside.
            both = bound.version == 6 and bound.is_unspecified
            some = each.sources if both else each.of_family(bound.version)
            return some if each.sources else (EVERYWHERE,)
    return ()


def _programs() -> dict[str, str]:
    """Return the names of the programs that hold sockets, by the sockets' inodes."""
    found = {}
    for pid in proc.pids():
        with suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if socket := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                        found[socket[1]] = proc.name(pid)
    return found
