"""Foreign bytes are read in a process that ends: by its limits, or when the container is told to stop."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from states import server as identity
from states.tls import codes, pair, read, report
from states.tls.settings import SETTINGS
from tests.engine.where import wait_for
from tests.states.tls.authority import HOST, NOW, ec_key, inter, issue, leaf, root, rsa_key
from tests.states.tls.bombs import encrypted_key, pkcs12, sequence, tlv
from tests.support import make_context
from zflow.api import Context, Interrupted, OperatorError
from zflow.host.capture import LONGEST_LINE

BOMBS: dict[str, Callable[[], bytes]] = {"PKCS#12": pkcs12, "encrypted key": encrypted_key}


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context whose only public root is the tests' own, that knows a passphrase."""
    (tmp_path / "app/tls").mkdir(parents=True)
    (tmp_path / "roots.pem").write_bytes(root().pem)
    monkeypatch.setattr(pair, "SYSTEM_ROOTS", tmp_path / "roots.pem")
    given = {"ZFLOW_HOSTNAME": HOST, "ZFLOW_TLS_PASSPHRASE": "word", "ZFLOW_TLS_AIA": "no"}
    return make_context(tmp_path, (*SETTINGS, *identity.SETTINGS), given)


def made(ctx: Context, content: bytes) -> pair.Checked | None:
    """Check a single file."""
    (ctx.volume / "app/tls/zimbra.crt").write_bytes(content)
    return pair.check(ctx, read.read(ctx), NOW)


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_that_asks_for_endless_work(kind: str, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel ends its reading after so much of the processor; it is refused by a code of its own."""
    monkeypatch.setattr(pair, "PROCESSOR", 1)
    begun = time.monotonic()
    with pytest.raises(OperatorError) as caught:
        made(ctx, BOMBS[kind]())
    assert caught.value.code is codes.COSTLY
    assert str(ctx.volume / "app/tls/zimbra.crt") in caught.value.detail
    assert time.monotonic() - begun < 60


def test_a_stop_ends_the_reading(ctx: Context) -> None:
    """Told to stop, nobody waits for the rounds."""

    def reading() -> bool:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return any(b"states.tls.check" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children)

    def stop() -> None:
        wait_for(reading, "the process that reads")
        ctx.shell.stop()

    stopping = threading.Thread(target=stop)
    stopping.start()
    with pytest.raises(Interrupted):
        made(ctx, pkcs12())
    stopping.join()


def test_the_same_files_with_few_rounds_are_read(ctx: Context) -> None:
    """It is the rounds that are refused, not the form: with few of them the passphrase is what does not fit."""
    for content in (pkcs12(10), encrypted_key(10)):
        with pytest.raises(OperatorError) as caught:
            made(ctx, content)
        assert caught.value.code is codes.PASSPHRASE


def patched(certificate: x509.Certificate, old: bytes, new: bytes) -> bytes:
    """Return an RSA-signed certificate with bytes of its body exchanged, signed again, as PEM."""
    body = certificate.tbs_certificate_bytes
    assert old in body
    body = body.replace(old, new, 1)
    signature = rsa_key("issuer").sign(body, padding.PKCS1v15(), hashes.SHA256())
    algorithm = bytes.fromhex("300d06092a864886f70d01010b0500")
    der = sequence(body, algorithm, tlv(0x03, b"\0" + signature))
    return b"-----BEGIN CERTIFICATE-----\n" + b64encode(der) + b"\n-----END CERTIFICATE-----\n"


ISSUER = issue("RSA Inter", root(), ca=True, key=rsa_key("issuer"), days=900)
ODD: dict[str, tuple[bytes, bytes]] = {
    "two subject alternative names": (bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d11")),
    "an EDI party name": (b"\x82" + bytes([len(HOST)]) + HOST.encode(), b"\xa5" + bytes([len(HOST)]) + HOST.encode()),
    "an extension that is none": (b"\x82" + bytes([len(HOST)]) + HOST.encode(), b"\x82\xff" + HOST.encode()),
}
LATIN_1 = (b"\x0c\x06server", b"\x0c\x06serv\xfcr")


@pytest.mark.parametrize("kind", ODD)
def test_what_the_library_parses_late(kind: str, ctx: Context) -> None:
    """Extensions and names are parsed only when asked for; what is wrong in them is told by a code all the same."""
    server = issue("server", ISSUER).certificate
    with pytest.raises(OperatorError) as caught:
        made(ctx, leaf().key_pem + patched(server, *ODD[kind]) + ISSUER.pem)
    assert caught.value.code in {codes.UNREADABLE, codes.REFUSED, codes.NAME}
    assert caught.value.detail


def test_whatever_the_library_raises_is_an_answer(ctx: Context) -> None:
    """Beside a good pair, certificates that are strange in any such way stop nothing."""
    server = issue("server", ISSUER).certificate
    strange = b"".join(patched(server, *each) for each in (*ODD.values(), LATIN_1))
    found = made(ctx, leaf().key_pem + leaf().pem + strange + inter().pem)
    assert found is not None
    assert found.pair.leaf == leaf().pem.decode()


def test_an_absent_ca_does_not_hide_another_certificate(ctx: Context) -> None:
    """Where the best certificate's issuer cannot be fetched just now, the next one of the key is tried."""
    fetching = make_context(
        ctx.volume,
        (*SETTINGS, *identity.SETTINGS),
        {"ZFLOW_HOSTNAME": HOST, "ZFLOW_TLS_AIA_NETWORKS": "127.0.0.1/32"},
    )
    away = issue("server", issue("Away", root(), ca=True, days=900), days=200, urls=("http://127.0.0.1:1/",))
    found = made(fetching, leaf().key_pem + away.pem + leaf().pem + inter().pem)
    assert found is not None
    assert found.pair.leaf == leaf().pem.decode()


def test_a_certificate_of_many_names(ctx: Context) -> None:
    """An answer longer than the lines that are passed on comes whole."""
    names = (HOST, *(f"{number:04}.{'x' * 40}.example.org" for number in range(3000)))
    found = made(ctx, leaf().key_pem + issue("server", inter(), names=names).pem + inter().pem)
    assert found is not None
    assert len(found.pair.leaf) > LONGEST_LINE


def test_a_name_in_another_encoding(ctx: Context) -> None:
    """A subject in Latin-1, as CAs of Europe wrote it, stops nothing; it is called by its serial number."""
    server = issue("server", ISSUER).certificate
    found = made(ctx, leaf().key_pem + patched(server, *LATIN_1) + ISSUER.pem)
    assert found is not None
    assert f"{server.serial_number:x}" in found.about


def test_an_rsa_pss_key_is_refused(ctx: Context, tmp_path: Path) -> None:
    """It would be written for Zimbra as a key of plain RSA, beside which openssl refuses the certificate."""
    argv = ["openssl", "req", "-x509", "-newkey", "rsa-pss", "-nodes", "-subj", "/CN=server", "-days", "900",
            "-addext", f"subjectAltName=DNS:{HOST}", "-addext", "basicConstraints=CA:FALSE",
            "-keyout", "key", "-out", "crt"]  # fmt: skip
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    pieces = (tmp_path / "key").read_bytes() + (tmp_path / "crt").read_bytes()
    (ctx.volume / "app/tls/zimbra.crt").write_bytes(pieces)
    with pytest.raises(OperatorError) as caught:
        pair.check(ctx, read.read(ctx), datetime.now(UTC))
    assert caught.value.code is codes.WEAK
    assert "RSA-PSS" in caught.value.detail


def test_the_reading_of_a_zmcertmgr_that_compares_moduli(ctx: Context) -> None:
    """`check` knows as `deploy` does that an 8.8.15 without its late patches cannot use EC keys."""
    tool = ctx.volume / "opt/zimbra/bin/zmcertmgr"
    tool.parent.mkdir(parents=True)
    elliptic = issue("server", inter(), key=ec_key("server"))
    whole = elliptic.key_pem + elliptic.pem + inter().pem
    tool.write_text('my $key_md5 = $self->run("$openssl pkey -pubout -in $keyf | $openssl md5");')
    assert report.check(at(ctx), [laid(ctx, whole)]).good
    tool.write_text('my $key_md5 = $self->run("$openssl rsa -noout -modulus -in $keyf | $openssl md5");')
    assert report.check(at(ctx), [laid(ctx, whole)]).code == codes.EC_REFUSED.id
    assert report.check(at(ctx), [laid(ctx, leaf().key_pem + leaf().pem + inter().pem)]).good


def laid(ctx: Context, content: bytes) -> Path:
    """Return a file with that content."""
    place = ctx.volume / "new.pem"
    place.write_bytes(content)
    return place


def at(ctx: Context) -> Context:
    """Return the context at the tests' own time."""
    return replace(ctx, clock=NOW.timestamp)
