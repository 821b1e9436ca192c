"""The checks of a certificate by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from states.tls import check, codes
from tests.states.tls.authority import HOST, NOW, Issued, ec_key, inter, issue, leaf, root, rsa_key
from zflow.api import Code, OperatorError

REFUSALS: dict[str, tuple[Issued, Code]] = {
    "expired": (issue("s", inter(), begin=NOW - timedelta(days=100), days=90), codes.DATES),
    "not yet": (issue("s", inter(), begin=NOW + timedelta(days=1)), codes.DATES),
    "other name": (issue("s", inter(), names=("www.example.org",)), codes.NAME),
    "common name only": (issue(HOST, inter(), names=()), codes.NAME),
    "wildcard too high": (issue("s", inter(), names=("*.org",)), codes.NAME),
    "short RSA": (issue("s", inter(), key=rsa_key("short", 1024)), codes.WEAK),
    "odd curve": (issue("s", inter(), key=ec_key("odd", ec.SECP256K1)), codes.WEAK),
    "for clients": (issue("s", inter(), usage=ExtendedKeyUsageOID.CLIENT_AUTH), codes.PURPOSE),
    "a CA": (inter(), codes.PURPOSE),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case: str) -> None:
    """Each kind of unfit certificate is refused under its own code."""
    issued, code = REFUSALS[case]
    with pytest.raises(OperatorError) as caught:
        check.check_leaf(issued.certificate, (HOST,), NOW)
    assert caught.value.code is code


@pytest.mark.parametrize("names", [(HOST,), ("x.org", HOST.upper()), ("*.example.org",)])
def test_accepted(names: tuple[str, ...]) -> None:
    """A current server certificate that names the host, also by a wildcard, passes."""
    check.check_leaf(issue("s", inter(), names=names).certificate, (HOST,), NOW)


def test_leaves_of_the_key() -> None:
    """The key decides which certificates are the server's; of several the one that lasts longer comes first.

    What is of other names, has ended or signed itself comes after it, however long it lasts.
    """
    renewed = issue("server", inter(), days=120).certificate
    itself = issue("server", days=3650).certificate
    other = issue("server", inter(), names=("www.example.org",), days=400).certificate
    supplied = [root().certificate, itself, other, leaf().certificate, renewed, inter().certificate]
    found = check.leaves_of(leaf().key, supplied, (HOST,), NOW)
    assert found == [renewed, leaf().certificate, itself, other]


def test_key_of_another() -> None:
    """A key that fits no certificate is refused."""
    with pytest.raises(OperatorError) as caught:
        check.leaves_of(rsa_key("other"), [leaf().certificate, inter().certificate], (HOST,), NOW)
    assert caught.value.code is codes.MISMATCH
