"""Telling keys by their fingerprints: with keys that gpg made, and with what is none."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from states.zimbra import openpgp
from states.zimbra.openpgp import binary, primary_fingerprints

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
    armoured = gpg.run("--armor", "--export-secret-keys", "one@example.org")
    for content in (secret, both + secret, armoured, gpg.run("--armor", "--export") + armoured):
        with pytest.raises(ValueError, match="secret"):
            primary_fingerprints(binary(content))


def packets(gpg: Gpg, content: bytes) -> dict[int, bytes]:
    """Return the first packet of each tag, as gpg tells where they lie."""
    told = subprocess.run(["gpg", "--list-packets"], input=content, capture_output=True, check=True).stdout.decode()
    found: dict[int, bytes] = {}
    for at, tag, head, body in re.findall(r"^# off=(\d+) ctb=\w+ tag=(\d+) hlen=(\d+) plen=(\d+)", told, re.MULTILINE):
        found.setdefault(int(tag), content[int(at) : int(at) + int(head) + int(body)])
    return found


def test_a_subkey_alone_is_no_key(gpg: Gpg, both: bytes) -> None:
    """apt would trust nothing by it."""
    assert primary_fingerprints(packets(gpg, both)[14]) == []


def test_a_key_without_a_name_does_not_go_unseen(gpg: Gpg, both: bytes) -> None:
    """gpgv takes signatures of it like of any other in the file."""
    bare = packets(gpg, gpg.run("--export", "two@example.org"))[6]
    assert primary_fingerprints(gpg.run("--export", "one@example.org") + bare) == gpg.fingerprints()


def test_a_key_with_a_revoker_does_not_go_unseen(gpg: Gpg, tmp_path: Path) -> None:
    """gpg lists who may revoke a key between the key and its fingerprint."""
    wanted, other = gpg.fingerprints()[0], Gpg(tmp_path / "other")
    other.home.mkdir(0o700)
    form = f"Key-Type: RSA\nKey-Length: 2048\nName-Email: three@example.org\nRevoker: 22:{wanted}\n%commit\n"
    (tmp_path / "form").write_text(f"%no-protection\n{form}")
    other.run("--gen-key", str(tmp_path / "form"))
    subprocess.run(["gpgconf", "--homedir", str(other.home), "--kill", "all"], check=True)
    found = primary_fingerprints(gpg.run("--export", "one@example.org") + other.run("--export"))
    assert found[0] == wanted
    assert len(found) == 2


@pytest.mark.parametrize("first", [True, False])
def test_a_key_without_a_name_is_a_key(gpg: Gpg, first: bool) -> None:
    """Alone in a file, and before another one: some key servers leave the names out."""
    bare = packets(gpg, gpg.run("--export", "one@example.org"))[6]
    rest = gpg.run("--export", "two@example.org") if first else b""
    assert primary_fingerprints(bare + rest) == gpg.fingerprints()[: 2 if first else 1]


def test_a_key_that_has_expired_is_still_that_key(tmp_path: Path) -> None:
    """A server whose vendor's key expires starts as before; whether signatures count is for apt."""
    other = Gpg(tmp_path / "other")
    other.home.mkdir(0o700)
    other.run("--faked-system-time", "20200101T000000", "--quick-gen-key", "old@example.org", "rsa2048", "sign", "1d")
    subprocess.run(["gpgconf", "--homedir", str(other.home), "--kill", "all"], check=True)
    assert primary_fingerprints(other.run("--export")) == other.fingerprints()
    revocation = next((other.home / "openpgp-revocs.d").iterdir()).read_text().replace("\n:---", "\n---")
    assert primary_fingerprints(other.run("--export") + binary(revocation.encode())) == other.fingerprints()


def test_a_file_that_keeps_gpg_busy_is_refused(monkeypatch: pytest.MonkeyPatch, both: bytes) -> None:
    """Such as a compressed one; the step then names the key, and not an error of zflow's own."""
    monkeypatch.setattr(openpgp, "SECONDS", 0.0)
    with pytest.raises(ValueError, match="gpg did not read it"):
        primary_fingerprints(both)


def test_a_truncated_key_names_no_other(gpg: Gpg) -> None:
    """A key cut off anywhere is refused, or ends between two packets and still names no other key."""
    content = gpg.run("--export", "one@example.org")
    whole, refused = primary_fingerprints(content), 0
    lengths = range(1, len(content), 9)
    for length in lengths:
        try:
            assert primary_fingerprints(content[:length]) in (whole, [])
        except ValueError:
            refused += 1
    assert refused > len(lengths) - 5


def test_damaged_armour(gpg: Gpg) -> None:
    """An armour without its end, or with another content than its checksum says, is refused."""
    armoured = gpg.run("--armor", "--export", "one@example.org")
    lines = armoured.splitlines(keepends=True)
    for content in (armoured[: len(armoured) // 2], b"".join([*lines[:4], b"AAAA" + lines[4][4:], *lines[5:]])):
        with pytest.raises(ValueError, match="damaged"):
            primary_fingerprints(binary(content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>busy</html>",
        bytes(300),
        b"\x99\x00\x3d\x05" + bytes(60),  # of a version that this gpg does not know
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nrubbish\n-----END PGP PUBLIC KEY BLOCK-----\n",
        b"-----BEGIN PGP MESSAGE-----\n\nyJ4=\n-----END PGP MESSAGE-----\n",
    ],
)
def test_what_is_not_a_key(content: bytes) -> None:
    """An error page, zeros, a key of the future: refused by a sentence."""
    with pytest.raises(ValueError, match="not a key"):
        primary_fingerprints(binary(content))


def test_rubbish_behind_a_key(both: bytes) -> None:
    """A file is a list of keys to its end, or it is refused."""
    with pytest.raises(ValueError, match="damaged"):
        primary_fingerprints(both + b"\x03rubbish")


def test_the_keyring_of_whoever_runs_it_plays_no_part(gpg: Gpg, monkeypatch: pytest.MonkeyPatch, both: bytes) -> None:
    """Neither read nor written: a volume's probe leaves no trace."""
    monkeypatch.setenv("GNUPGHOME", str(gpg.home))
    before = sorted(gpg.home.rglob("*"))
    with pytest.raises(ValueError, match="not a key"):
        primary_fingerprints(b"")
    assert primary_fingerprints(both) == gpg.fingerprints()
    assert sorted(gpg.home.rglob("*")) == before
