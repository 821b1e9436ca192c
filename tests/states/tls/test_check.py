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


def test_leaf_of_the_key() -> None:
    """The key decides which certificate is the server's; of two the one that lasts longer."""
    renewed = issue("server", inter(), days=120).certificate
    supplied = [root().certificate, leaf().certificate, renewed, inter().certificate]
    assert check.leaf_of(leaf().key, supplied) == renewed


def test_key_of_another() -> None:
    """A key that fits no certificate is refused."""
    with pytest.raises(OperatorError) as caught:
        check.leaf_of(rsa_key("other"), [leaf().certificate, inter().certificate])
    assert caught.value.code is codes.MISMATCH
