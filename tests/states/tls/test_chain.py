"""Finding the way from the server's certificate to a trusted root."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from cryptography import x509

from states.tls import chain, codes, pair, parse
from states.tls.chain import Trust
from tests.states.tls.authority import HOST, NOW, Issued, inter, issue, leaf, root
from zflow.api import Code, OperatorError

TRUST = Trust((root().certificate,))
STRANGER = issue("Stranger", ca=True, days=3650)
OWN = issue("Own CA", ca=True, days=3650)


def built(issued: Issued, *others: Issued, trust: Trust = TRUST) -> tuple[x509.Certificate, ...]:
    """Build with these certificates supplied beside the leaf."""
    supplied = [issued.certificate, *(each.certificate for each in others)]
    return chain.build(issued.certificate, supplied, trust, HOST, NOW)


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2, 3])))
def test_any_order(order: tuple[int, ...]) -> None:
    """Whatever the order, and with a stranger among them, the chain is issuer to root."""
    pieces = [leaf(), inter(), root(), STRANGER]
    supplied = [pieces[index].certificate for index in order]
    found = chain.build(leaf().certificate, supplied, TRUST, HOST, NOW)
    assert found == (inter().certificate, root().certificate)


def test_root_comes_from_the_system() -> None:
    """A root that was not supplied is added, for Zimbra wants it in the file."""
    assert built(leaf(), inter())[-1] == root().certificate


def test_private_ca() -> None:
    """A CA of the operator's own is trusted when named, also when its certificates lack key identifiers."""
    trust = Trust(TRUST.public, (OWN.certificate,))
    assert built(issue("s", OWN, identify=False), trust=trust) == (OWN.certificate,)


def refused(issued: Issued, *others: Issued, trust: Trust = TRUST) -> OperatorError:
    """Return the refusal."""
    with pytest.raises(OperatorError) as caught:
        built(issued, *others, trust=trust)
    return caught.value


def test_missing_issuer_is_named() -> None:
    """A gap is refused by the name of the missing issuer."""
    error = refused(leaf())
    assert error.code is codes.INCOMPLETE
    assert "CN=Inter" in error.detail


EXPIRED = issue("Old", root(), ca=True, begin=NOW - timedelta(days=400), days=300)
NOT_A_CA = issue("Not a CA", root())
REFUSALS: dict[str, tuple[tuple[Issued, ...], Code]] = {
    "untrusted root": ((issue("s", STRANGER), STRANGER), codes.UNTRUSTED),
    "self-signed": ((issue("s"),), codes.UNTRUSTED),
    "expired intermediate": ((issue("s", EXPIRED), EXPIRED), codes.REFUSED),
    "issued by no CA": ((issue("s", NOT_A_CA), NOT_A_CA), codes.REFUSED),
    "root missing": ((issue("s", OWN),), codes.INCOMPLETE),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case: str) -> None:
    """Each kind of broken chain is refused under its own code."""
    pieces, code = REFUSALS[case]
    assert refused(*pieces).code is code


def test_intermediate_is_no_root() -> None:
    """An intermediate named as private CA is refused with advice: the root itself is needed."""
    error = refused(leaf(), trust=Trust((), (inter().certificate,)))
    assert error.code is codes.INCOMPLETE
    assert "CN=Root" in error.detail


def test_loop_ends() -> None:
    """Two CAs that sign each other do not keep the search busy for ever."""
    first = issue("First", ca=True, days=3650)
    second = issue("Second", first, ca=True, days=3650)
    crossed = issue("First", second, ca=True, days=3650)
    assert refused(issue("s", second), second, crossed).code is codes.INCOMPLETE


def test_roots_of_the_system() -> None:
    """The image's own roots can be read whole."""
    if not pair.SYSTEM_ROOTS.exists():
        pytest.skip("no ca-certificates here")
    assert len(parse.certificates(pair.SYSTEM_ROOTS.read_bytes(), "roots")) > 50


def test_roots_file() -> None:
    """A file of roots that holds no certificate is refused by its name."""
    for content in (b"", leaf().key_pem):
        with pytest.raises(OperatorError) as caught:
            parse.certificates(content, "own.pem")
        assert caught.value.code is codes.UNREADABLE
        assert caught.value.detail.startswith("own.pem: ")
