"""The container's addresses from the kernel's tables, and its capabilities."""

from __future__ import annotations

from pathlib import Path

import pytest

from states.bootstrap import codes, rights
from states.ubuntu import addresses
from tests.support import make_context
from zflow.api import OperatorError

FIB = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.88.0.0/16 2 0 2
        +-- 10.88.0.0/28 2 0 2
           |-- 10.88.0.0
              /16 link UNICAST
           |-- 10.88.0.5
              /32 host LOCAL
        |-- 10.88.255.255
           /32 link BROADCAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.1
              /32 host LOCAL
     |-- 169.254.7.7
        /32 host LOCAL
     |-- 192.168.1.9
        /32 host LOCAL
"""
LOOPBACK = "00000000000000000000000000000001 01 80 10 80       lo\n"
LINK_LOCAL = "fe800000000000000000000000000001 02 40 20 80     eth0\n"
GLOBAL = "20010db8000000000000000000000005 02 40 00 80     eth0\n"
PRIVATE = "fd000000000000000000000000000005 02 40 00 80     eth0\n"


def six(flags: int) -> str:
    """Return a row for one global address with these flags."""
    return f"20010db8000000000000000000000077 02 40 00 {flags:02x}     eth0\n"


def test_both_families() -> None:
    """Global addresses of both families are found, IPv4 first; loopback, link-local and broadcast are not."""
    found = addresses.ordered(FIB, LOOPBACK + LINK_LOCAL + PRIVATE + GLOBAL, [None, None])
    assert found.own == ("10.88.0.5", "192.168.1.9", "2001:db8::5", "fd00::5")
    assert found.six


def test_preferred_first() -> None:
    """Within its family the address that the default route uses comes first."""
    found = addresses.ordered(FIB, GLOBAL + PRIVATE, ["192.168.1.9", "fd00::5"])
    assert found.own == ("192.168.1.9", "10.88.0.5", "fd00::5", "2001:db8::5")
    assert not found.six


@pytest.mark.parametrize("flags", [0x01, 0x08, 0x20, 0x40, 0xC0])
def test_unstable_addresses(flags: int) -> None:
    """Temporary, duplicate, deprecated and tentative addresses are left out, also when the route would use them."""
    assert addresses.ordered("", six(flags), ["2001:db8::77"]).own == ()


@pytest.mark.parametrize("flags", [0x00, 0x80, 0x02])
def test_stable_addresses(flags: int) -> None:
    """Other flags are no obstacle."""
    assert addresses.ordered("", six(flags), [None]).own == ("2001:db8::77",)


def test_unreadable_tables() -> None:
    """Where the tables cannot be read, the route's own answer is used; nothing at all is nothing."""
    assert addresses.ordered("", "", ["10.0.0.1", None]) == addresses.Addresses(("10.0.0.1",), six=False)
    assert addresses.ordered("", "", [None, None]) == addresses.Addresses((), six=False)


def test_this_machine() -> None:
    """The real tables are read; no address is a loopback address."""
    found = addresses.addresses()
    assert not {"127.0.0.1", "::1"} & set(found.own)
    assert found.six == (
        Path("/proc/net/if_inet6").exists() and LOOPBACK[:32] in Path("/proc/net/if_inet6").read_text()
    )


@pytest.mark.parametrize(
    ("status", "bits"),
    [
        ("Name:\tx\nCapInh:\t00ff\nCapEff:\t00000000a80425fb\nCapBnd:\tffff\n", 0xA80425FB),
        ("CapEff:\t0000000000000000\n", 0),
        ("Name:\tCapEff: ff\n", 0),
        ("", 0),
    ],
)
def test_effective(status: str, bits: int) -> None:
    """The effective set is read from its own line and no other."""
    assert rights.effective(status) == bits


def test_dockers_default_lacks_mounting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's default lacks SYS_ADMIN only, and the refusal says what it is for."""
    ctx = make_context(tmp_path)
    monkeypatch.setattr(rights, "effective", lambda _status: 0xA80425FB)
    assert [each.name for each in rights.missing()] == ["SYS_ADMIN"]
    assert rights.probe(ctx) is None
    with pytest.raises(OperatorError) as caught:
        rights.apply(ctx)
    assert caught.value.code is codes.CAPABILITY
    assert caught.value.detail == "CAP_SYS_ADMIN (the system folders are mounted into that Ubuntu)"
    monkeypatch.setattr(rights, "effective", lambda _status: (1 << 41) - 1)
    assert rights.probe(ctx) is not None


def test_frozen_privileges_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every capability and no_new_privs set, sudo inside would start nothing: that is said, with its own code."""
    ctx, status = make_context(tmp_path), tmp_path / "status"
    monkeypatch.setattr(rights, "STATUS", status)
    status.write_text("NoNewPrivs:\t0\nCapEff:\t000001ffffffffff\n")
    assert rights.probe(ctx) is not None
    status.write_text("NoNewPrivs:\t1\nCapEff:\t000001ffffffffff\n")
    assert rights.probe(ctx) is None
    with pytest.raises(OperatorError) as caught:
        rights.apply(ctx)
    assert caught.value.code is codes.NO_NEW_PRIVILEGES
