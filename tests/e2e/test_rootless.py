"""A server of a user's who is not root: started by the README, restarted, and what it sees of its clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from rehearsal.engine import hand_over
from rehearsal.rootless import Rootless, rootless
from rehearsal.setup import machine, stand_in
from tests.e2e import test_first_start
from tests.e2e.clients import SMTP, seen
from tests.e2e.looks import zimbra
from tests.e2e.readme import Production

pytestmark = [pytest.mark.container, pytest.mark.network]

ONE_FOR_ALL = "10.0.2.100"
"""The container's own address, from which Podman's port forwarder speaks."""
GATEWAY = "10.0.2.2"
KEEPING = ("--network", "slirp4netns:port_handler=slirp4netns")


@pytest.fixture
def user(image: None) -> Iterator[Rootless]:
    """A user with an engine that has the image."""
    with rootless() as found:
        hand_over(found.engine)
        yield found


def test_a_server_without_root(user: Rootless, record_property: Callable[[str, object], None]) -> None:
    """It serves with its firewall loaded, also after a restart; clients' addresses are kept by another forwarder."""
    server = replace(machine("zflow-test-rootless", stand_in(user.home / "release")), engine=user.engine)
    production, other = Production(server, user.home / "etc", before=user.before), user.neighbour
    record_property("seconds to serving", round(production.start()))
    test_first_start.test_all_states_are_walked_in_order_and_valid(server)
    assert server.run("zflow", "firewall", "show").returncode == 0
    assert server.run("zflow", "doctor", timeout=300).returncode == 0
    assert seen(server, "127.0.0.1", SMTP, user.here) == ONE_FOR_ALL
    assert seen(server, other.here, SMTP, other.before) == ONE_FOR_ALL
    test_first_start.test_a_second_start_does_only_what_a_boot_needs(server)
    server.stop()
    server.remove(volume=False)
    server.options = KEEPING
    production.start()
    assert seen(server, "127.0.0.1", SMTP, user.here) == GATEWAY
    assert seen(server, other.here, SMTP, other.before) == other.address
    assert "Running" in zimbra(server, "zmcontrol status")
