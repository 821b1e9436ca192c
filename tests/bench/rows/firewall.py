"""The firewall's load: one transaction of nft beside the predecessor's calls, each in a namespace made for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from states.firewall.model import opened
from states.firewall.ports import Opening, Ports
from states.firewall.render import first, render
from states.ubuntu.gateways import Gateways
from tests.bench.figures import Figure, Row, faster, span
from tests.bench.measure import answer, side_by_side
from tests.bench.place import Place
from tests.bench.rows.predecessor import PORTS, firewall

ROUNDS = 15
"""At least: each takes a few milliseconds."""


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Load the table of the default settings where there is none, as in a new container, and in place of another.

    The predecessor's calls load its rules for the same ports where there are none.
    """
    folder = place.new("firewall")
    openings = tuple(Opening("tcp", Ports(port, port)) for port in PORTS)
    ours, again, empty, theirs = (folder / name for name in ("first.nft", "again.nft", "empty.nft", "predecessor.sh"))
    again.write_text(render(opened(openings, Gateways(), 50)))
    ours.write_text(first(again.read_text()))
    empty.write_text("table inet zflow\n")
    theirs.write_text("".join(f"{call}\n" for call in firewall()))
    calls = len(theirs.read_text().splitlines())
    loaded, floor, replaced, called = side_by_side(
        max(rounds, ROUNDS),
        lambda: alone(f"nft -f {ours}"),
        lambda: alone(f"nft -f {empty}"),
        lambda: alone(f"nft -f {again}", before=ours),
        lambda: alone(f"sh -e {theirs}"),
    )
    against, limit = f"{calls} calls of iptables", f"{span(floor)}: nft, an empty table"
    yield faster("load of the firewall", loaded, called, against, least=20, limit=limit)
    yield faster("load in place of a live one", replaced, called, against, least=1, limit="the kernel's grace period")


def alone(command: str, before: Path | None = None) -> float:
    """Return the seconds of a command in a network namespace of its own, into which a table was loaded before."""
    load = ("sh", "-ec", 'nft -f "$0"; exec "$@"', str(before)) if before else ()
    return float(answer("in_turn", "1", command, prefix=("unshare", "--net", *load))[0])


ROW = Row("firewall", measure)
