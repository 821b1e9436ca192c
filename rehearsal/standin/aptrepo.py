"""A signed apt repository of a few packages, with a key made for it."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path


@dataclass(frozen=True)
class SigningKey:
    """The public half, as a file and as a fingerprint."""

    path: Path
    fingerprint: str


def _gpg(home: str, *words: str) -> str:
    command = [
        "gpg",
        "--homedir",
        home,
        "--batch",
        "--quiet",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
        *words,
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _index_entry(deb: Path, root: Path) -> str:
    control = subprocess.run(["dpkg-deb", "-f", deb], check=True, capture_output=True, text=True).stdout
    content = deb.read_bytes()
    return (
        f"{control.rstrip()}\n"
        f"Filename: {deb.relative_to(root)}\n"
        f"Size: {len(content)}\n"
        f"SHA256: {hashlib.sha256(content).hexdigest()}\n"
    )


def _write_release(suite: Path, codename: str) -> Path:
    indexes = sorted(path for path in suite.rglob("Packages*") if path.is_file())
    lines = [
        "Origin: zflow stand-in",
        "Label: zflow stand-in",
        f"Suite: {codename}",
        f"Codename: {codename}",
        f"Date: {formatdate(usegmt=True)}",
        "Architectures: amd64",
        "Components: zimbra",
        "SHA256:",
    ]
    for path in indexes:
        content = path.read_bytes()
        lines.append(f" {hashlib.sha256(content).hexdigest()} {len(content)} {path.relative_to(suite)}")
    release = suite / "Release"
    release.write_text("\n".join(lines) + "\n")
    return release


def publish(root: Path, codename: str, debs: Iterable[Path], key_path: Path, keyring: Path | None = None) -> SigningKey:
    """Index the packages under `root`, sign the suite, and leave the public key at `key_path`.

    The key is made for this once, or the one in the folder `keyring`, where it is made when there is none.
    """
    suite = root / "dists" / codename
    binaries = suite / "zimbra/binary-amd64"
    binaries.mkdir(parents=True, exist_ok=True)
    index = "\n".join(_index_entry(deb, root) for deb in debs)
    (binaries / "Packages").write_text(index)
    (binaries / "Packages.gz").write_bytes(gzip.compress(index.encode(), mtime=0))
    release = _write_release(suite, codename)
    with tempfile.TemporaryDirectory() as folder:
        home = str(keyring or folder)
        if not _gpg(home, "--list-keys"):
            _gpg(home, "--quick-generate-key", "zflow stand-in <root@localhost>", "rsa2048", "sign", "never")
        listing = _gpg(home, "--list-keys", "--with-colons")
        fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
        _gpg(home, "--yes", "--digest-algo", "SHA512", "--clearsign", "-o", str(suite / "InRelease"), str(release))
        _gpg(home, "--yes", "--armor", "--detach-sign", "-o", str(suite / "Release.gpg"), str(release))
        _gpg(home, "--yes", "--armor", "--export", "-o", str(key_path), fingerprint)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], check=False)
    return SigningKey(key_path, fingerprint)
