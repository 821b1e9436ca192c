"""The firewall's load: one transaction of nft beside the predecessor's calls, each in a namespace made for it."""

from __future__ import annotations

from collections.abc import Iterator

from states.firewall.gateways import Gateways
from states.firewall.model import opened
from states.firewall.ports import Opening, Ports
from states.firewall.render import render
from tests.bench.figures import Figure, Row, faster, span
from tests.bench.measure import answer, side_by_side
from tests.bench.place import Place
from tests.bench.rows.predecessor import PORTS, firewall


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Load the table of the default settings; the predecessor's for the same ports."""
    folder = place.new("firewall")
    openings = tuple(Opening("tcp", Ports(port, port)) for port in PORTS)
    ours, empty, theirs = folder / "zflow.nft", folder / "empty.nft", folder / "predecessor.sh"
    ours.write_text(render(opened(openings, Gateways(), 50)))
    empty.write_text("table inet zflow\n")
    theirs.write_text("".join(f"{call}\n" for call in firewall()))
    calls = len(theirs.read_text().splitlines())
    loaded, floor, called = side_by_side(
        rounds, lambda: alone(f"nft -f {ours}"), lambda: alone(f"nft -f {empty}"), lambda: alone(f". {theirs}")
    )
    limit = f"{span(floor)}: nft, an empty table"
    yield faster("load of the firewall", loaded, called, f"{calls} calls of iptables", least=20, limit=limit)


def alone(command: str) -> float:
    """Return the seconds of a command in a network namespace of its own."""
    return float(answer("in_turn", "1", command, prefix=("unshare", "--net"))[0])


ROW = Row("firewall", measure)
