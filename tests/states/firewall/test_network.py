"""The gate before the firewall: whose network is it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from states.firewall import codes, network
from states.firewall.settings import SETTINGS
from tests.support import make_context
from zflow.api import OperatorError


def interfaces(folder: Path, **devices: bool) -> Path:
    for name, real in devices.items():
        (folder / name).mkdir(parents=True)
        if real:
            (folder / name / "device").mkdir()
    return folder


@pytest.mark.parametrize(
    ("devices", "found"),
    [
        ({"lo": False, "eth0": False}, []),
        ({"lo": False, "eth0": True, "docker0": False, "veth1": False}, ["eth0"]),
        ({"lo": False}, []),
    ],
)
def test_real_devices_tell_the_hosts_network(tmp_path: Path, devices: dict[str, bool], found: list[str]) -> None:
    """An engine's interfaces are virtual; an interface with a device is the host's, or was handed over by it."""
    assert network.hardware(interfaces(tmp_path, **devices)) == found


def test_the_hosts_network_is_refused_unless_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a real device nothing is closed: a coded error that names the interface, or the operator's setting."""
    place = interfaces(tmp_path / "net", eth0=True)
    monkeypatch.setattr(network, "hardware", lambda: sorted(each.parent.name for each in place.glob("*/device")))
    ctx = make_context(tmp_path, SETTINGS)
    assert network.probe(ctx) is None
    with pytest.raises(OperatorError) as refused:
        network.apply(ctx)
    assert refused.value.code is codes.SHARED
    assert "eth0" in refused.value.detail
    assert network.probe(make_context(tmp_path, SETTINGS, {"ZFLOW_FIREWALL_HOST_NETWORK": "yes"})) is not None
