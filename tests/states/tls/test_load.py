"""Reading what an operator supplies."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from states.tls import codes, files, load
from tests.states.tls.authority import inter, leaf
from zflow.api import OperatorError


def test_pem_with_everything_in_one_file() -> None:
    """Key and certificates may stand in one PEM, in any order, with text between them."""
    found = load.parse(b"Bag Attributes\n" + inter().pem + leaf().key_pem + b"\n# and\r\n" + leaf().pem, "x")
    assert len(found.keys) == 1
    assert found.certificates == (inter().certificate, leaf().certificate)


def test_windows_line_ends() -> None:
    """PEM with CRLF is read like any other."""
    assert load.parse(leaf().pem.replace(b"\n", b"\r\n"), "x").certificates == (leaf().certificate,)


def test_der() -> None:
    """A DER certificate and a DER key are told apart by their content."""
    key = leaf().key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert load.parse(leaf().certificate.public_bytes(Encoding.DER), "x").certificates == (leaf().certificate,)
    assert len(load.parse(key, "x").keys) == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", leaf().pem[:200] + leaf().pem[300:], leaf().key_pem.replace(b"M", b"N")],
    ids=["empty", "text", "damaged certificate", "damaged key"],
)
def test_unreadable(data: bytes) -> None:
    """What is no key or certificate is refused by name, without quoting it."""
    with pytest.raises(OperatorError) as caught:
        load.parse(data, "/app/tls/zimbra.key")
    assert caught.value.code is codes.UNREADABLE
    assert caught.value.detail.startswith("/app/tls/zimbra.key: ")


def test_content(tmp_path: Path) -> None:
    """An absent file is None, a link is followed, a folder and a huge file are refused."""
    assert files.content(tmp_path / "absent") is None
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data/key").write_bytes(b"k")
    (tmp_path / "key").symlink_to("..data/key")
    assert files.content(tmp_path / "key") == b"k"
    (tmp_path / "huge").write_bytes(bytes(files.LIMIT + 1))
    for name in ("..data", "huge"):
        with pytest.raises(OperatorError) as caught:
            files.content(tmp_path / name)
        assert caught.value.code is codes.UNREADABLE
