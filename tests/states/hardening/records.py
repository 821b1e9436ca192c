"""The records of one server as they should be, and a zone that has them."""

from __future__ import annotations

from states.hardening.zone import Record

Zone = dict[tuple[str, str], list[str]]
"""Values by name and kind: a text without quotes, all else as in a zone file."""
KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" + "mQ0nDvzpJn4b6nvvTDw2N0" * 15 + "wIDAQAB"
PUBLIC = f"v=DKIM1; k=rsa; p={KEY}"
SELECTOR = "z20261124-120000._domainkey.example.test"
WANTED = [
    Record("address", "mail.example.test", "A", "203.0.113.5"),
    Record("ptr", "5.113.0.203.in-addr.arpa", "PTR", "mail.example.test"),
    Record("mx", "example.test", "MX", "10 mail.example.test"),
    Record("spf", "example.test", "TXT", "v=spf1 mx a ~all"),
    Record("dkim", SELECTOR, "TXT", PUBLIC),
    Record("dmarc", "_dmarc.example.test", "TXT", "v=DMARC1; p=quarantine; rua=mailto:admin@example.test"),
    Record("reports", "example.net._report._dmarc.example.test", "TXT", "v=DMARC1"),
]
NAMES = {each.purpose: (each.name, each.kind) for each in WANTED}


def right() -> Zone:
    """Return a zone with all records as they should be, and some of other domains."""
    return {
        ("mail.example.test", "A"): ["203.0.113.5"],
        ("5.113.0.203.in-addr.arpa", "PTR"): ["mail.example.test."],
        ("example.test", "MX"): ["10 mail.example.test."],
        ("example.test", "TXT"): ["v=spf1 mx a ~all"],
        (SELECTOR, "TXT"): [PUBLIC],
        ("_dmarc.example.test", "TXT"): ["v=DMARC1; p=quarantine; rua=mailto:admin@example.test"],
        ("example.net._report._dmarc.example.test", "TXT"): ["v=DMARC1"],
        ("all.example.net", "TXT"): ["v=spf1 ip4:203.0.113.4/31 ~all"],
        ("5.113.0.203.in-addr._spf.example.net", "A"): ["127.0.0.2"],
    }
