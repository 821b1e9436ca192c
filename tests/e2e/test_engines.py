"""One server's life on each engine: started by the README, looked at, given a certificate, killed and upgraded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rehearsal.dockerd import Dockerd
from rehearsal.engine import PODMAN, Engine
from rehearsal.machine import Machine
from rehearsal.setup import machine
from rehearsal.spaces import Client
from rehearsal.standin.build import StandIn
from states.firewall.ports import ports
from states.firewall.settings import TCP
from tests.e2e import test_certificates, test_firewall, test_first_start, test_serving, test_upgrade
from tests.e2e.clients import SMTP, another_machine, seen
from tests.e2e.looks import PATIENCE, address, eventually, open_ports, served
from tests.e2e.readme import Production, offset
from tests.states.tls.authority import inter

pytestmark = [pytest.mark.container, pytest.mark.network]

LOOKS: tuple[Callable[[Machine], None], ...] = (
    test_first_start.test_all_states_are_walked_in_order_and_valid,
    test_first_start.test_the_standin_serves,
    test_first_start.test_names_are_split_inside,
    test_first_start.test_no_secret_is_seen_anywhere,
    test_serving.test_only_the_listed_ports_are_reached_from_outside,
    test_firewall.test_doctor_tells_what_can_be_reached_from_where,
    test_first_start.test_a_second_start_does_only_what_a_boot_needs,
)
"""What holds on every engine after a first start; the last one restarts it."""


@dataclass(frozen=True)
class Clients:
    """A client on another machine, and the command line before a program on the engine's own host."""

    other: Client
    here: tuple[str, ...]


@pytest.fixture(params=["podman", "docker"])
def engine(request: pytest.FixtureRequest, image: None) -> Engine:
    """The engine that a test runs on."""
    if request.param == PODMAN.name:
        return PODMAN
    docker: Dockerd = request.getfixturevalue("docker")
    return docker.engine


@pytest.fixture
def clients(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Clients]:
    """Who connects: beside Docker, which has a host of its own, this machine is the other one already."""
    if engine is PODMAN:
        with another_machine() as client:
            yield Clients(client, here=())
    else:
        docker: Dockerd = request.getfixturevalue("docker")
        yield Clients(docker.neighbour, here=docker.spaces.entering("net"))


@pytest.fixture
def releases(tmp_path: Path) -> tuple[StandIn, StandIn]:
    """The release to begin with, and the one to upgrade to."""
    return test_upgrade.two_releases(tmp_path)


@pytest.fixture
def production(engine: Engine, releases: tuple[StandIn, StandIn], tmp_path: Path) -> Iterator[Production]:
    """A start by the README on that engine; container and volume go when the test ends."""
    one = replace(machine(f"zflow-test-{engine.name}", releases[0]), engine=engine)
    yield Production(one, tmp_path / "etc", 0 if engine.name == "docker" else offset())
    one.remove()


def gateway(server: Machine) -> str:
    """Return the address of the engine's host on the container's network."""
    form = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}"
    return server.engine.run("inspect", "--format", form, server.name).stdout.strip()


def test_a_servers_life(
    production: Production,
    clients: Clients,
    tmp_path: Path,
    releases: tuple[StandIn, StandIn],
    record_property: Callable[[str, object], None],
) -> None:
    """The README's start ends serving; restart, kill in a deploy and an upgrade through kills go as on any engine."""
    server = production.machine
    record_property("seconds to serving", round(production.start()))
    other, port = clients.other, SMTP + production.offset
    assert seen(server, other.here, port, other.before) == other.address
    assert seen(server, "127.0.0.1", port, clients.here) == gateway(server)
    for look in LOOKS:
        look(server)
    assert TCP.default is not None
    opened = ports(TCP.default)
    assert [port for port in open_ports(address(server)) if not any(port in each for each in opened)] == []
    with test_certificates.supplying(server, production.certificate) as supply:
        test_certificates.test_a_renewed_certificate_is_served_and_a_wrong_one_leaves_it(server, supply)
        test_certificates.test_a_container_killed_in_a_deploy_serves_one_whole_pair(server, supply)
        (tmp_path / "privkey.pem").write_bytes((pair := test_certificates.certificate("renewed")).key_pem)
        (tmp_path / "fullchain.pem").write_bytes(pair.pem + inter().pem)
        production.renew(tmp_path)
        assert eventually(lambda: served(server) == pair.pem.decode())
        server.must_serve(PATIENCE)
    test_upgrade.prepare(server, releases)
    test_upgrade.test_a_server_is_upgraded_through_kills_and_hardened_again(server, releases, record_property)
