"""Which keys a file holds, by their full fingerprints, before apt may trust it: gpg tells. Signatures are for apt."""

from __future__ import annotations

import subprocess

GPG = (
    *("gpg", "--homedir", "/nonexistent", "--no-options", "--no-keyring", "--no-autostart"),
    *("--batch", "--quiet", "--trust-model", "always", "--fast-list-mode"),
)
"""Reads no configuration and no keyring, and writes nothing. Without the fast list gpg asks its trust database, which
does not exist, about a key that has expired, is revoked or has no name, and fails."""
SECONDS = 30.0


def _gpg(content: bytes, *argv: str) -> bytes:
    try:
        found = subprocess.run([*GPG, *argv], input=content, capture_output=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise ValueError(f"gpg did not read it within {SECONDS:.0f} s") from None
    if found.returncode:
        said = found.stderr.decode(errors="replace").strip().splitlines() or ["gpg failed"]
        raise ValueError(f"it is damaged or not a key ({said[-1][:200]})")
    return found.stdout


def binary(content: bytes) -> bytes:
    """Return a key file in binary form; all armoured blocks of one that has any. Raises ValueError for damage."""
    return _gpg(content, "--dearmor") if b"-----BEGIN PGP" in content else content


def primary_fingerprints(packets: bytes) -> list[str]:
    """Return the fingerprints of all primary public keys in order, upper case.

    Raises ValueError for damage and for a secret key: a vendor publishes none, apt needs none.
    """
    found: list[str] = []
    key = ""
    for line in _gpg(packets, "--show-keys", "--with-colons").decode(errors="replace").splitlines():
        fields = line.split(":")
        if fields[0] in {"sec", "ssb"}:
            raise ValueError("it holds a secret key")
        if fields[0] in {"pub", "sub"}:
            key = fields[0]
        if fields[0] == "fpr" and key == "pub":  # other lines may stand in between, such as the key's revokers
            found.append(fields[9])
    return found
