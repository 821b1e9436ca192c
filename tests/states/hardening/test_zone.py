"""The text for the zone: which records for which settings, strings of 255 bytes, and nobody else's zone mixed in."""

from __future__ import annotations

import re
from pathlib import Path

import dns.rdatatype
import dns.zone
import pytest

from states.hardening import zone
from states.hardening.dkimkeys import Key, remember, retire
from tests.states.hardening.server import TABLE, variables
from tests.support import make_context
from zflow.context import Context

ADDRESSES = "203.0.113.5,2001:db8:1::5"
PUBLIC = "v=DKIM1; k=rsa; p=" + "A" * 700


def context(volume: Path, **settings: str) -> Context:
    return make_context(volume, TABLE, variables({"public_addresses": ADDRESSES, **settings}))


def parsed(ctx: Context) -> dns.zone.Zone:
    """Read the text as a name server does; comments are not part of it."""
    text = "@ 3600 IN SOA ns admin 1 2 3 4 5\n@ 3600 IN NS ns.example.org.\n" + zone.zone_text(zone.records(ctx))
    return dns.zone.from_text(text, origin=".", relativize=False)


def test_the_text_is_a_zone_file(tmp_path: Path) -> None:
    """A name server's parser accepts it; a long key is complete after it was split into strings of 255 bytes."""
    ctx = context(tmp_path)
    remember(ctx, [Key("example.test", "sel", PUBLIC)])
    found = parsed(ctx)
    texts = found.find_rdataset("sel._domainkey.example.test.", dns.rdatatype.TXT)
    (strings,) = [each.strings for each in texts]
    assert b"".join(strings).decode() == PUBLIC
    assert [len(each) for each in strings] == [255, 255, 208]
    assert str(found.find_rdataset("example.test.", dns.rdatatype.MX)[0]) == "10 mail.example.test."
    assert str(found.find_rdataset("mail.example.test.", dns.rdatatype.A)[0]) == "203.0.113.5"
    assert str(found.find_rdataset("mail.example.test.", dns.rdatatype.AAAA)[0]) == "2001:db8:1::5"
    assert found.get_rdataset("5.113.0.203.in-addr.arpa.", dns.rdatatype.PTR) is None


def test_reverse_records_are_hints(tmp_path: Path) -> None:
    """PTR records belong to the zone of the address's provider; they are comments."""
    hints = [line for line in zone.zone_text(zone.records(context(tmp_path))).splitlines() if " PTR " in line]
    assert len(hints) == 2
    assert all(re.fullmatch(r"; \S+\.arpa\. \d+ IN PTR mail\.example\.test\.  \(set by .+\)", line) for line in hints)


@pytest.mark.parametrize("policy", ["none", "quarantine", "reject"])
def test_the_dmarc_ramp(tmp_path: Path, policy: str) -> None:
    """The policy is a setting, none at first; the reports go to the administrator."""
    settings = {} if policy == "none" else {"dmarc_policy": policy}
    (found,) = [each for each in zone.records(context(tmp_path, **settings)) if each.purpose == "dmarc"]
    assert (found.name, found.value) == ("_dmarc.example.test", f"v=DMARC1; p={policy}; rua=mailto:admin@example.test")


def test_all_domains_of_settings_and_server(tmp_path: Path) -> None:
    """Domains of the settings and those the server had when asked have records; reports abroad need a permission."""
    ctx = context(tmp_path, additional_mail_domains="example.net,sub.example.test")
    remember(ctx, [Key("later.example", "s", PUBLIC)])
    found = zone.records(ctx)
    for domain in ("example.test", "example.net", "sub.example.test", "later.example"):
        purposes = [each.purpose for each in found if domain in each.name]
        assert {"mx", "spf", "dkim", "dmarc"} <= set(purposes)
    assert [each.name for each in found if each.purpose == "reports"] == [
        "example.net._report._dmarc.example.test",
        "later.example._report._dmarc.example.test",
    ]
    assert {each.purpose for each in zone.records(ctx, ("later.example",))} > {"mx", "address"}
    assert "example.net" not in zone.zone_text(zone.records(ctx, ("later.example",)))


def test_what_nobody_told_is_a_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without public addresses and keys there are comments instead, and the text is still a zone file."""
    monkeypatch.setattr(zone, "public_addresses", lambda _ctx: ())
    ctx = context(tmp_path)
    text = zone.zone_text(zone.records(ctx))
    assert "; mail.example.test. 3600 IN A ...  (the server's public address; set ZFLOW_PUBLIC_ADDRESSES)" in text
    assert "the key does not exist yet" in text
    assert parsed(ctx)


def test_private_addresses_are_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container's own addresses are published only where they are public ones."""
    from states.ubuntu.addresses import Addresses

    own = Addresses(("10.0.0.5", "198.51.100.7", "9.9.9.9", "fd00::1", "2620:fe::fe"), six=True)
    monkeypatch.setattr(zone, "addresses", lambda: own)
    ctx = make_context(tmp_path, TABLE, variables({}))
    assert zone.public_addresses(ctx) == ("9.9.9.9", "2620:fe::fe")


def test_both_keys_of_a_rotation(tmp_path: Path) -> None:
    """A replaced key's record stays for its days, with a comment until when; then it is gone."""
    ctx = context(tmp_path)
    old, new = Key("example.test", "old", PUBLIC), Key("example.test", "new", PUBLIC)
    retire(ctx, old, 14)
    remember(ctx, [new])
    text = zone.zone_text(zone.records(ctx))
    assert "new._domainkey.example.test. 3600 IN TXT" in text
    assert re.search(r"; replaced; needed until 20\d\d-\d\d-\d\d\nold\._domainkey\.example\.test\. 3600 IN TXT", text)
    retire(ctx, old, -1)
    assert "old._domainkey" not in zone.zone_text(zone.records(ctx))
