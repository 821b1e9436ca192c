"""Whose network is it: the container's own, or the host's?"""

from __future__ import annotations

from pathlib import Path

import pytest

from states.firewall import codes, network
from states.firewall.settings import SETTINGS
from tests.support import make_context
from zflow.api import Evidence, OperatorError


@pytest.fixture
def interfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container's interfaces, all virtual, in the form of sysfs."""
    monkeypatch.setattr(network, "INTERFACES", tmp_path / "net")
    for name in ("lo", "eth0", "veth1"):
        (tmp_path / "net" / name).mkdir(parents=True)
    return tmp_path / "net"


def test_virtual_interfaces_are_the_containers_own(tmp_path: Path, interfaces: Path) -> None:
    """An engine's interfaces have no device: the firewall may be closed."""
    assert network.probe(make_context(tmp_path, SETTINGS)) == Evidence("the container's own network")


def test_the_hosts_network_is_refused_unless_it_is_wanted(tmp_path: Path, interfaces: Path) -> None:
    """With a real device nothing is closed: a coded error that names the interface, or the operator's setting."""
    (interfaces / "eth0" / "device").mkdir()
    ctx = make_context(tmp_path, SETTINGS)
    assert network.probe(ctx) is None
    with pytest.raises(OperatorError, match=r"interfaces eth0$") as refused:
        network.apply(ctx)
    assert refused.value.code is codes.SHARED
    assert network.probe(make_context(tmp_path, SETTINGS, {"ZFLOW_FIREWALL_HOST_NETWORK": "yes"})) is not None
