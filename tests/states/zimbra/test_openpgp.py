"""Telling keys by their fingerprints: with keys that gpg made, and with what is none."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states.zimbra.openpgp import PUBLIC_KEY, binary, primary_fingerprints

pytestmark = pytest.mark.skipif(shutil.which("gpg") is None, reason="there is no gpg here to make keys")


@dataclass(frozen=True)
class Gpg:
    """A keyring of its own."""

    home: Path

    def run(self, *argv: str) -> bytes:
        """Run gpg and return its output."""
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet"]
        command += ["--pinentry-mode", "loopback", "--passphrase", ""]
        return subprocess.run([*command, *argv], capture_output=True, check=True).stdout

    def fingerprints(self) -> list[str]:
        """Return the primary keys' fingerprints as gpg tells them."""
        lines = [line.split(":") for line in self.run("--with-colons", "--list-keys").decode().splitlines()]
        return [after[9] for line, after in pairwise(lines) if line[0] == "pub"]


@pytest.fixture(scope="module")
def gpg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gpg]:
    """Return a keyring with two keys of different kinds, one with a subkey."""
    made = Gpg(tmp_path_factory.mktemp("gpg"))
    made.home.chmod(0o700)
    made.run("--quick-gen-key", "one@example.org", "ed25519", "sign", "never")
    made.run("--quick-gen-key", "two@example.org", "rsa2048", "sign", "never")
    made.run("--quick-add-key", made.fingerprints()[0], "cv25519", "encr", "never")
    yield made
    subprocess.run(["gpgconf", "--homedir", str(made.home), "--kill", "all"], check=True)


@pytest.fixture(scope="module")
def both(gpg: Gpg) -> bytes:
    """Return both keys, binary."""
    return gpg.run("--export")


@pytest.mark.parametrize("name", ["one@example.org", "two@example.org"])
def test_one_key(gpg: Gpg, name: str) -> None:
    """A key is told by the fingerprint that gpg tells, armoured or binary; its subkey is no key of its own."""
    number = ["one@example.org", "two@example.org"].index(name)
    expected = [gpg.fingerprints()[number]]
    assert primary_fingerprints(binary(gpg.run("--export", name))) == expected
    armoured = gpg.run("--armor", "--export", name)
    for text in (armoured, armoured.replace(b"\n", b"\r\n"), b"<p>\n" + armoured + b"</p>\n"):
        assert primary_fingerprints(binary(text)) == expected
    headed = armoured.replace(b"\n\n", b"\nVersion: SKS 1.1.6\nComment: Hostname: keys\n\n", 1)
    assert primary_fingerprints(binary(headed)) == expected


def test_two_keys(gpg: Gpg, both: bytes) -> None:
    """A second key in the file does not go unseen: not in one piece, not in an armour of its own."""
    assert primary_fingerprints(binary(both)) == gpg.fingerprints()
    assert primary_fingerprints(binary(gpg.run("--armor", "--export"))) == gpg.fingerprints()
    one, two = (gpg.run("--armor", "--export", f"{name}@example.org") for name in ("one", "two"))
    assert primary_fingerprints(binary(one + two)) == gpg.fingerprints()


def test_secret_key(gpg: Gpg, both: bytes) -> None:
    """A secret key is refused, alone or behind a public one, armoured or binary."""
    secret = gpg.run("--export-secret-keys", "one@example.org")
    for content in (secret, both + secret):
        with pytest.raises(ValueError, match="secret"):
            primary_fingerprints(binary(content))
    armoured = gpg.run("--armor", "--export-secret-keys", "one@example.org")
    for content in (armoured, gpg.run("--armor", "--export") + armoured):
        with pytest.raises(ValueError, match="armour"):
            binary(content)


def test_every_truncation(gpg: Gpg) -> None:
    """A key cut off anywhere is refused, or ends between two packets and still names no other key."""
    content = gpg.run("--export", "one@example.org")
    whole = primary_fingerprints(content)
    refused = 0
    for length in range(1, len(content)):
        try:
            assert primary_fingerprints(content[:length]) in (whole, [])
        except ValueError:
            refused += 1
    assert refused > len(content) - 10


def test_damaged_armour(gpg: Gpg) -> None:
    """An armour without its end, or with rubbish inside, is refused."""
    armoured = gpg.run("--armor", "--export", "one@example.org")
    middle = len(armoured) // 2
    for content in (armoured[:middle], armoured[:middle] + b"\x00!" + armoured[middle:]):
        with pytest.raises(ValueError, match="armour"):
            binary(content)


@given(st.binary(max_size=300))
def test_rubbish(data: bytes) -> None:
    """Whatever the bytes, the answer is a list or a ValueError."""
    for content in (data, b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" + data + b"\n-----END PGP", b"\x99" + data):
        with contextlib.suppress(ValueError):
            assert isinstance(primary_fingerprints(binary(content)), list)


def packet(body: bytes, *, width: int) -> bytes:
    """Return a public key packet with a new-style header of one of its three widths."""
    length = {
        1: lambda: bytes([len(body)]),
        2: lambda: bytes([192 + ((len(body) - 192) >> 8), (len(body) - 192) & 255]),
        5: lambda: b"\xff" + len(body).to_bytes(4, "big"),
    }[width]()
    return bytes([0xC0 | PUBLIC_KEY]) + length + body


def test_new_headers(gpg: Gpg) -> None:
    """The same key under new-style headers has the same fingerprint."""
    content = gpg.run("--export", "two@example.org")
    assert content[0] == 0x99
    body = content[3 : 3 + int.from_bytes(content[1:3], "big")]
    for width in (2, 5):
        assert primary_fingerprints(packet(body, width=width)) == [gpg.fingerprints()[1]]
    assert len(primary_fingerprints(packet(body[:100], width=1))) == 1


@pytest.mark.parametrize("body", [b"", b"\x03" + bytes(60), b"\x05" + bytes(60), b"\x04" + bytes(1 << 16)])
def test_other_versions_and_lengths(body: bytes) -> None:
    """A key of another version, and one longer than a fingerprint can cover, are refused."""
    with pytest.raises(ValueError, match="it holds a key of"):
        primary_fingerprints(packet(body, width=5))
