"""Reading what an operator supplies."""

from __future__ import annotations

import codecs
import json
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7

from states.tls import codes, parse, read
from tests.states.tls.authority import inter, leaf
from tests.states.tls.bombs import encrypted_key, pkcs12
from zflow.api import OperatorError


def test_pem_with_everything_in_one_file() -> None:
    """Key and certificates may stand in one PEM, in any order, with text between them."""
    found = parse.parse(b"Bag Attributes\n" + inter().pem + leaf().key_pem + b"\n# and\r\n" + leaf().pem, "x")
    assert len(found.keys) == 1
    assert found.certificates == (inter().certificate, leaf().certificate)


def test_windows_line_ends() -> None:
    """PEM with CRLF is read like any other."""
    assert parse.parse(leaf().pem.replace(b"\n", b"\r\n"), "x").certificates == (leaf().certificate,)


def test_der() -> None:
    """A DER certificate and a DER key are told apart by their content."""
    key = leaf().key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert parse.parse(leaf().certificate.public_bytes(Encoding.DER), "x").certificates == (leaf().certificate,)
    assert len(parse.parse(key, "x").keys) == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", leaf().pem[:200] + leaf().pem[300:], leaf().key_pem.replace(b"M", b"N")],
    ids=["empty", "text", "damaged certificate", "damaged key"],
)
def test_unreadable(data: bytes) -> None:
    """What is no key or certificate is refused by name, without quoting it."""
    with pytest.raises(OperatorError) as caught:
        parse.parse(data, "/app/tls/zimbra.key")
    assert caught.value.code is codes.UNREADABLE
    assert caught.value.detail.startswith("/app/tls/zimbra.key: ")


def test_content(tmp_path: Path) -> None:
    """An absent file is None, a link is followed, a folder and a huge file are refused."""
    assert read.content(tmp_path / "absent") is None
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data/key").write_bytes(b"k")
    (tmp_path / "key").symlink_to("..data/key")
    assert read.content(tmp_path / "key") == b"k"
    (tmp_path / "huge").write_bytes(bytes(read.LIMIT + 1))
    for name in ("..data", "huge"):
        with pytest.raises(OperatorError) as caught:
            read.content(tmp_path / name)
        assert caught.value.code is codes.UNREADABLE


PEM = inter().pem + leaf().pem
BOTH = [inter().certificate, leaf().certificate]


def relabelled(pem: bytes, label: bytes) -> bytes:
    """Return PEM under another label."""
    return pem.replace(b"CERTIFICATE", label).replace(b"PKCS7", label)


@pytest.mark.parametrize(
    "data",
    [
        PEM.replace(b"\n", b" \t\n"),
        PEM.replace(b"\n", b"  \r\n    "),
        PEM.replace(b"\n", b"\r"),
        codecs.BOM_UTF8 + PEM,
        PEM.decode().encode("utf-16"),
        PEM.decode().encode("utf-16-be"),
        PEM.decode().encode("utf-16-le"),
        relabelled(PEM, b"X509 CERTIFICATE"),
        relabelled(pkcs7.serialize_certificates(BOTH, Encoding.PEM), b"CERTIFICATE"),
        pkcs7.serialize_certificates(BOTH, Encoding.PEM),
        pkcs7.serialize_certificates(BOTH, Encoding.DER),
        inter().pem + b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" + leaf().pem,
    ],
    ids=["blanks", "indented", "old Mac", "UTF-8 mark", "UTF-16", "UTF-16 big", "UTF-16 little", "old label",
         "PKCS#7 as certificate", "PKCS#7", "PKCS#7 DER", "a damaged one between"],
)  # fmt: skip
def test_forms_that_are_read(data: bytes) -> None:
    """What Windows, editors and CAs make of certificates is read like any other, as a file and as an answer."""
    assert set(parse.parse(data, "x").certificates) == set(BOTH)
    assert set(parse.certificates(data, "x")) == set(BOTH)


def test_a_trusted_certificate() -> None:
    """What openssl writes with `-trustout` is read, without what it is trusted for."""
    argv = ["openssl", "x509", "-trustout", "-addtrust", "serverAuth"]
    made = subprocess.run(argv, input=leaf().pem, capture_output=True, check=True).stdout
    assert b"BEGIN TRUSTED CERTIFICATE" in made
    assert parse.parse(made, "x").certificates == (leaf().certificate,)


def test_what_could_not_be_read_is_told() -> None:
    """A damaged certificate beside good ones is counted and told, not refused."""
    found = parse.parse(leaf().pem + b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "own.crt")
    assert found.certificates == (leaf().certificate,)
    assert found.unread == ("own.crt: certificate 2 of 2 is damaged, or of a kind not supported",)


ACME = {"le": {"Account": {"Email": "x"}, "Certificates": [{"certificate": b64encode(PEM).decode(), "key": "x"}]}}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xfe\xed\xfe\xed\x00\x00\x00\x02" + bytes(100), "keytool"),
        (json.dumps(ACME, indent=2).encode(), "acme.json"),
        (json.dumps(ACME).encode(), "acme.json"),
        (leaf().key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), "ssh-keygen -p -m PEM"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n", "certificate request"),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nx\n-----END PGP PRIVATE KEY BLOCK-----\n", "OpenPGP"),
        (b"PuTTY-User-Key-File-3: ssh-rsa\n", "puttygen"),
        (b"ssh-rsa AAAAB3 me@here\n", "public key"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"PK\x03\x04" + bytes(100), "archive"),
    ],
)
def test_what_is_no_key_is_called_what_it_is(data: bytes, words: str) -> None:
    """Files of other programs are named, with the way to convert them."""
    with pytest.raises(OperatorError) as caught:
        parse.parse(data, "own.crt")
    assert caught.value.code is codes.UNREADABLE
    assert caught.value.detail.startswith("own.crt: this is ")
    assert words in caught.value.detail


@pytest.mark.parametrize(
    "data",
    [pkcs12(10), encrypted_key(10), leaf().key_pem, leaf().encrypted_key, b"", b"<html>", b"\x30\x80" * 1000],
    ids=["PKCS#12", "encrypted", "key", "encrypted PEM", "nothing", "page", "nested"],
)
def test_a_strangers_answer_is_certificates_alone(data: bytes) -> None:
    """Nothing that takes work to open is opened for a CA's server."""
    with pytest.raises(OperatorError) as caught:
        parse.certificates(data, "answer")
    assert caught.value.code is codes.UNREADABLE


def test_missing_files(tmp_path: Path) -> None:
    """A link that leads nowhere is an error, and so is a file that somebody named; one looked for may be absent."""
    (tmp_path / "live").mkdir()
    (tmp_path / "live/key.pem").symlink_to("../archive/key1.pem")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    for name, words in (("live/key.pem", "../archive/key1.pem"), ("gone/key.pem", "nowhere"), ("loop", "loop")):
        with pytest.raises(OperatorError) as caught:
            read.content(tmp_path / name)
        assert caught.value.code is codes.MISSING
        assert f"leads to {words}, which is not there" in caught.value.detail
    for name in ("absent", "absent/key.pem"):
        assert read.content(tmp_path / name) is None
        with pytest.raises(OperatorError) as caught:
            read.content(tmp_path / name, named=True)
        assert caught.value.code is codes.MISSING
