"""The live table: reloads that nobody notices, drift that is repaired, the engine's rules left alone."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP

from states import firewall
from states.firewall import closed, codes, table
from states.firewall import open as opened
from states.firewall.rules import open_text
from tests.states.firewall.conftest import Make
from tests.states.firewall.lab import SERVER_4, Direct, Lab, inside
from zflow.api import OperatorError

pytestmark = pytest.mark.root

RELOADS = 200
ENGINES = """\
table ip nat {
	chain DOCKER_OUTPUT {
		ip daddr 127.0.0.11 tcp dport 53 counter dnat to 127.0.0.11:40001
		ip daddr 127.0.0.11 udp dport 53 counter dnat to 127.0.0.11:40002
	}
	chain DOCKER_POSTROUTING {
		ip saddr 127.0.0.11 tcp sport 40001 counter snat to :53
	}
	chain OUTPUT {
		type nat hook output priority -100; policy accept;
		ip daddr 127.0.0.11 counter jump DOCKER_OUTPUT
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		ip daddr 127.0.0.11 counter jump DOCKER_POSTROUTING
	}
}
table ip6 filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
		counter
	}
}
table inet netavark {
	set names { type ipv4_addr; flags interval; elements = { 10.89.0.0/24 } }
	chain INPUT { type filter hook input priority 0; policy accept; ip saddr @names accept; }
}
"""
"""As Docker makes them for its DNS (libnetwork, resolver_unix.go), and as other programs might."""
DRIFTS = {
    "removed": "delete table inet zflow",
    "dormant": "add table inet zflow { flags dormant; }",
    "emptied": "flush table inet zflow",
    "chain emptied": "flush chain inet zflow bogus",
    "policy": "add chain inet zflow input { type filter hook input priority 0; policy accept; }",
    "rule before": "insert rule inet zflow input tcp dport 11211 accept",
    "rule behind": "add rule inet zflow bogus tcp dport 11211 drop",
    "another chain": "add chain inet zflow mine { type filter hook input priority -1; policy accept; }",
    "another set": "add set inet zflow mine { type ipv4_addr; }",
    "another counter": "add counter inet zflow mine",
    "another verdict": "replace rule inet zflow input handle {handle} counter accept comment unopened",
    "rule removed": "delete rule inet zflow input handle {handle}",
}


def nft(*argv: str, stdin: str | None = None) -> str:
    """Run nft and return what it printed."""
    return subprocess.run(["nft", *argv], input=stdin, capture_output=True, text=True, check=True).stdout


def loads(shell: Direct) -> int:
    """Return how many times a table was loaded."""
    return sum(argv[:2] == ("nft", "--file") for argv in shell.started)


def handle(rule: str) -> str:
    """Return the handle of the live rule with this counter."""
    line = next(
        line for line in nft("-a", "list", "chain", "inet", "zflow", "input").splitlines() if f'"{rule}"' in line
    )
    return line.rpartition(" ")[2]


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_is_seen_and_repaired(name: str, lab: Lab, make: Make) -> None:
    """The watch and the probes see any change of the live table, and one load repairs it."""
    shell = Direct()
    ctx = make(shell=shell)
    (watch, _) = firewall.watches(ctx)
    closed.apply(ctx)
    opened.apply(ctx)
    good = shell.run(*watch.argv, ok=(0, 1)).output
    nft(DRIFTS[name].replace("{handle}", handle("unopened")))
    assert shell.run(*watch.argv, ok=(0, 1)).output != good
    assert (closed.probe(ctx), opened.probe(ctx), opened.audit(ctx)) == (None, None, None)
    shell.started.clear()
    closed.apply(ctx)
    assert loads(shell) == 1
    assert shell.run(*watch.argv).output == good
    assert closed.probe(ctx)
    assert opened.probe(ctx)
    assert opened.audit(ctx)


def test_traffic_is_no_drift(lab: Lab, make: Make) -> None:
    """Counts that rise and sources that are remembered leave the listing as it was."""
    ctx = make()
    opened.apply(ctx)
    before = table.live(ctx)
    source = lab.stranger()
    lab.exchange([IP(src=source, dst=SERVER_4) / each for each in (TCP(dport=25, flags="S"), ICMP(), UDP(dport=389))])
    assert source in nft("list", "set", "inet", "zflow", "syn_4")
    assert {"tcp_25", "echo_4", "unopened"} <= {row.counter for row in firewall.report(ctx) if row.packets}
    assert table.live(ctx) == before
    assert opened.probe(ctx)


def test_audit_believes_no_record(lab: Lab, make: Make, record: Path) -> None:
    """A table and a record that agree with each other but not with the model are found by the audit."""
    ctx = make()
    opened.apply(ctx)
    assert opened.audit(ctx)
    nft("insert rule inet zflow input tcp dport 11211 accept")
    now = table.live(ctx)
    assert now is not None
    forged = table.Record(ctx.boot, "open", table.digest(open_text(ctx)), now)
    record.write_text(json.dumps(asdict(forged)))
    assert opened.probe(ctx)
    assert opened.audit(ctx) is None


def test_engines_rules_are_left_alone(lab: Lab, make: Make) -> None:
    """The rules that were there beforehand are the same afterwards, byte by byte, with their handles and counts."""
    nft("--file", "-", stdin=ENGINES)
    before = nft("-a", "list", "ruleset")
    ctx = make()
    closed.apply(ctx)
    opened.apply(ctx)
    opened.apply(ctx)
    assert nft("-a", "list", "ruleset").startswith(before)
    nft("delete table inet zflow")
    assert nft("-a", "list", "ruleset") == before


@pytest.fixture
def smtp(lab: Lab, make: Make) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return both ends of a connection from the world to port 25, made while that was open.

    The table is there first, as in each start of the container: the kernel follows connections for its sake.
    """
    opened.apply(make(tcp="25"))
    with socket.create_server(("0.0.0.0", 25)) as listener:
        with inside(lab.world):
            client = socket.create_connection((SERVER_4, 25), 5)
        server, _ = listener.accept()
        with client, server:
            server.settimeout(5)
            client.settimeout(5)
            yield client, server


def test_reloads_are_atomic(lab: Lab, make: Make, smtp: tuple[socket.socket, socket.socket]) -> None:
    """Through 200 reloads a reader sees only complete tables, a dialogue continues, and no packet slips through."""
    contexts = [make(tcp="25,443"), make(tcp="25", extra_udp="5060")]
    texts, whole = [open_text(ctx) for ctx in contexts], set()
    for text in texts:
        nft("--file", "-", stdin=text)
        whole.add(table.live(contexts[0]))
    assert len(whole) == 2
    seen: list[str | None] = []
    with contextlib.ExitStack() as stack:
        shut = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        shut.bind(("0.0.0.0", 389))
        shut.setblocking(False)
        with inside(lab.world):
            knocking = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        knocking.connect((SERVER_4, 389))
        stack.enter_context(meanwhile(lambda: seen.append(table.live(contexts[0]))))
        stack.enter_context(meanwhile(lambda: knocking.send(b"x")))
        for number in range(RELOADS):
            nft("--file", "-", stdin=texts[number % 2])
            say(smtp, b"NOOP %d\r\n" % number)
        with pytest.raises(BlockingIOError):
            shut.recv(10)
    assert set(seen) == whole


@contextlib.contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Repeat something in another thread, which is in the namespace of the thread that started it."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def say(ends: tuple[socket.socket, socket.socket], line: bytes) -> None:
    """Say a line on a connection and hear the answer, as SMTP does."""
    client, server = ends
    client.sendall(line)
    assert server.recv(100) == line
    server.sendall(b"250 ok\r\n")
    assert client.recv(100) == b"250 ok\r\n"


def test_connections_outlive_their_port(lab: Lab, make: Make, smtp: tuple[socket.socket, socket.socket]) -> None:
    """A port taken out of the list takes no new connection; those that were there go on, over a closing as well."""
    for apply, ctx in ((opened.apply, make(tcp="443")), (closed.apply, make(boot="boot-2"))):
        apply(ctx)
        say(smtp, b"NOOP\r\n")
        with inside(lab.world), pytest.raises(TimeoutError):
            socket.create_connection((SERVER_4, 25), 0.3)


def test_connections_outlive_a_lost_table(lab: Lab, make: Make, smtp: tuple[socket.socket, socket.socket]) -> None:
    """A connection continues while the table is removed, and after it is loaded again."""
    nft("delete table inet zflow")
    say(smtp, b"NOOP\r\n")
    closed.apply(make(tcp="25"))
    say(smtp, b"NOOP\r\n")


def test_without_net_admin(lab: Lab, make: Make) -> None:
    """Without the capability the first step is refused with its code, and no table is there."""
    drop = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
    ctx = make(shell=Direct(drop))
    assert closed.probe(ctx) is None
    with pytest.raises(OperatorError) as caught:
        closed.apply(ctx)
    assert caught.value.code is codes.RIGHTS
    assert nft("list", "ruleset") == ""
