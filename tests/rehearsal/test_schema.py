"""What the stand-in's directory takes as a value, as the vendor's does."""

from __future__ import annotations

import pytest

from rehearsal.standin.runtime import schema

KNOWN = schema.load()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("zimbraHttpDosFilterMaxRequestsPerSec", "0", "value(0) smaller than minimum allowed: 1"),
        ("zimbraReverseProxyWorkerProcesses", "17", "value(17) larger than max allowed: 16"),
        ("zimbraMtaMyNetworks", "1" * 10_241, "value length(10241) larger than max allowed: 10240"),
        ("zimbraFileUploadMaxSize", "10M", "must be a valid long: 10M"),
        ("zimbraSpamIsSpamAccount", "spam", "address 'spam' does not include domain"),
        ("zimbraIPMode", "ipv5", "must be one of: ipv4,ipv6,both"),
        ("zimbraMailMessageLifetime", "1 day", "must be a duration such as 30m"),
        ("zimbraAdminPort", "70000", "must be a valid port: 70000"),
    ],
)
def test_what_the_vendor_refuses_is_refused_in_its_words(name: str, value: str, words: str) -> None:
    """A value outside an attribute's limits is no more taken than one of another kind."""
    assert schema.objection(KNOWN[name.lower()], value) == words


def test_defaults_are_those_of_the_release() -> None:
    """A new server begins with its own release's protocols, not with those of 8.8.15."""
    protocols = KNOWN["zimbrareverseproxysslprotocols"]
    assert protocols.default("config", (8, 8, 15)) == ["TLSv1", "TLSv1.1", "TLSv1.2"]
    assert protocols.default("config", (9, 0, 0)) == ["TLSv1.2"]
    assert protocols.default("config", (10, 1, 0)) == ["TLSv1.2", "TLSv1.3"]
    assert protocols.default("cos", (10, 1, 0)) == []
