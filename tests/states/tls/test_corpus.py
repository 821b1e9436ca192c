"""Every case of the corpus ends in the right deploy or the right refusal; a refusal changes nothing that is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from states.tls import deployed, exchange, pair
from tests.states.tls.authority import inter, issue
from tests.states.tls.corpus import ENCODINGS, FETCHED, own
from tests.states.tls.refusals import ENEMIES, REFUSED
from tests.states.tls.responder import Responder, responder
from tests.states.tls.zimbra import READERS, context_of, der, lay, make_host, walk
from zflow.api import OperatorError, TransientError

pytestmark = pytest.mark.slow

CASES = {
    f"{kind}: {name}": case
    for kind, cases in (("supplied", ENCODINGS), ("fetched", FETCHED), ("refused", REFUSED), ("enemy", ENEMIES))
    for name, case in cases.items()
}
BEFORE = issue("before", inter())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Responder]:
    """Run a CA's server, for which little patience is had, as for all that takes work."""
    monkeypatch.setattr(pair, "FETCHING", 0.5)
    monkeypatch.setattr(pair, "PROCESSOR", 5)
    with responder() as made:
        yield made


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, server: Responder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good case is served everywhere with its whole chain; a bad one is refused by its code, the old pair stays."""
    case = CASES[name]
    plain, zimbra = make_host(tmp_path, monkeypatch, release=case.release, apart=True)
    lay(plain, {"zimbra.key": BEFORE.key_pem, "zimbra.crt": BEFORE.pem + inter().pem})
    walk(plain)
    lay(plain, {"ca.crt": own().pem, **case.files(server)})
    before, record = dict(zimbra.loaded), exchange.snapshot(plain)
    settings = {
        key: str(tmp_path / value) if value.startswith("app/") else value for key, value in case.settings.items()
    }
    ctx = context_of(zimbra, settings)
    if case.code is not None:
        with pytest.raises((OperatorError, TransientError)) as caught:
            walk(ctx)
        assert caught.value.code is case.code, caught.value
        assert (zimbra.loaded, exchange.snapshot(ctx)) == (before, record)
        return
    walk(ctx)
    found = exchange.snapshot(ctx)
    assert found is not None
    assert found[1] is not None
    wanted = case.served().pem.decode() if case.served else found[1].leaf
    assert found[1].leaf == wanted
    assert deployed.probe(ctx) is not None
    for server_name in READERS:
        assert zimbra.loaded[server_name][0] == der(wanted.encode())
        assert zimbra.loaded[server_name] != before[server_name]
    assert len(zimbra.loaded["nginx"]) == 1 + found[1].chain.count("BEGIN") > 1


def test_the_corpus_is_large() -> None:
    """There are at least sixty cases."""
    assert len(CASES) >= 60
