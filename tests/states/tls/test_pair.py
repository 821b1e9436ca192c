"""From the operator's files to a checked pair and its snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest

from states import server
from states.tls import codes, deployed, exchange, pair, read, watched_files
from states.tls.settings import SETTINGS
from tests.states.tls.authority import HOST, NOW, inter, issue, leaf, root
from tests.support import make_context
from zflow.api import Context, OperatorError


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context whose only public root is the tests' own."""
    (tmp_path / "app/tls").mkdir(parents=True)
    (tmp_path / "roots.pem").write_bytes(root().pem)
    monkeypatch.setattr(pair, "SYSTEM_ROOTS", tmp_path / "roots.pem")
    monkeypatch.setattr(read, "SETTLE", 0.0)
    return make_context(tmp_path, (*SETTINGS, *server.SETTINGS), {"ZFLOW_HOSTNAME": HOST})


def put(ctx: Context, key: bytes | None, certificate: bytes | None) -> None:
    """Put the operator's files where they are looked for by default."""
    for name, content in (("zimbra.key", key), ("zimbra.crt", certificate)):
        if content is not None:
            (ctx.volume / "app/tls" / name).write_bytes(content)


@pytest.mark.parametrize(
    ("key", "certificate"),
    [
        (leaf().key_pem, leaf().pem + inter().pem),
        (leaf().key_pem, inter().pem + root().pem + leaf().pem),
        (None, inter().pem + leaf().key_pem + leaf().pem),
        (leaf().key_pem + leaf().pem + inter().pem, None),
        (leaf().key_pem + inter().pem, leaf().pem),
    ],
    ids=["two files", "wrong order", "all in zimbra.crt", "all in zimbra.key", "issuers beside the key"],
)
def test_whole_pairs(ctx: Context, key: bytes | None, certificate: bytes | None) -> None:
    """However it is spread over the files, the same pair comes out, its chain with the root last."""
    put(ctx, key, certificate)
    made = pair.check(ctx, read.read(ctx), NOW)
    assert made is not None
    assert (made[0].leaf, made[0].chain) == (leaf().pem.decode(), (inter().pem + root().pem).decode())
    assert made[0].key.startswith("-----BEGIN RSA PRIVATE KEY-----")


@pytest.mark.parametrize(
    ("key", "certificate"),
    [(leaf().key_pem, None), (None, leaf().pem), (leaf().key_pem + inter().key_pem, leaf().pem)],
    ids=["key only", "certificate only", "two keys"],
)
def test_half_pairs(ctx: Context, key: bytes | None, certificate: bytes | None) -> None:
    """Half a pair is refused, not taken for none."""
    put(ctx, key, certificate)
    with pytest.raises(OperatorError) as caught:
        pair.check(ctx, read.read(ctx), NOW)
    assert caught.value.code is codes.HALF_PAIR


def test_no_pair(ctx: Context) -> None:
    """Without files the installer's certificate stays, and the record says so."""
    assert pair.probe(ctx) is None
    pair.apply(ctx)
    evidence = pair.probe(ctx)
    assert evidence is not None
    assert "no pair supplied" in evidence.summary
    put(ctx, leaf().key_pem, leaf().pem)
    assert pair.probe(ctx) is None


def test_refusal_keeps_the_snapshot(ctx: Context) -> None:
    """A refused pair changes nothing of what is on record."""
    pair.apply(ctx)
    before = exchange.snapshot(ctx)
    put(ctx, leaf().key_pem, leaf().pem)
    with pytest.raises(OperatorError):
        pair.apply(ctx)
    assert exchange.snapshot(ctx) == before


def source(ctx: Context) -> str:
    """Return the fingerprint of what is supplied."""
    return read.read(ctx).source


def test_source_follows_content(ctx: Context) -> None:
    """Key, certificate, private roots and the server's name each make another fingerprint; a time stamp does not."""
    seen = {source(ctx)}
    for key, certificate in ((leaf().key_pem, None), (None, leaf().pem), (leaf().key_pem + b"\n", None)):
        put(ctx, key, certificate)
        seen.add(source(ctx))
    (ctx.volume / "own.pem").write_bytes(root().pem)
    table = (*SETTINGS, *server.SETTINGS)
    named = {"ZFLOW_HOSTNAME": HOST, "ZFLOW_TLS_PRIVATE_CA": str(ctx.volume / "own.pem")}
    seen.add(source(make_context(ctx.volume, table, named)))
    seen.add(source(make_context(ctx.volume, table, {"ZFLOW_HOSTNAME": "mx.example.org"})))
    assert len(seen) == 6
    (ctx.volume / "app/tls/zimbra.key").touch()
    assert source(ctx) in seen


def test_torn_snapshot(ctx: Context) -> None:
    """A snapshot whose files are not those on record counts as none."""
    folder = ctx.home / "tls/pair"
    folder.mkdir(parents=True)
    made = exchange.Pair("key", "leaf", "chain")
    for name, content in ((exchange.KEY, "key"), (exchange.LEAF, "leaf"), (exchange.CHAIN, "chain")):
        (folder / name).write_text(content)
    (ctx.home / "tls/pair.json").write_text(f'{{"source": "s", "about": "a", "pair": "{made.sum}"}}')
    assert exchange.snapshot(ctx) == (exchange.Snapshot("s", "a", made.sum), made)
    (folder / exchange.KEY).write_text("another")
    assert exchange.snapshot(ctx) is None


def test_deployed_without_a_pair(ctx: Context) -> None:
    """The server's own certificate satisfies when there is no pair, once the installer has put it in place."""
    pair.apply(ctx)
    assert deployed.probe(ctx) is None
    for path in exchange.INSTALLED:
        place = ctx.volume / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("x")
    assert deployed.probe(ctx) is not None


def test_watched_files(ctx: Context) -> None:
    """Both of the operator's files are watched."""
    (watch,) = watched_files(ctx)
    assert watch.paths == (str(ctx.volume / "app/tls/zimbra.key"), str(ctx.volume / "app/tls/zimbra.crt"))


def test_mismatch_reaches_the_operator(ctx: Context) -> None:
    """A key of another certificate is refused before anything else is looked at."""
    put(ctx, issue("x", key=inter().key).key_pem, leaf().pem + root().pem)
    with pytest.raises(OperatorError) as caught:
        pair.check(ctx, read.read(ctx), NOW)
    assert caught.value.code is codes.MISMATCH
