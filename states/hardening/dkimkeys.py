"""Public DKIM keys: read from the output of zmdkimkeyutil, and recorded. Private keys are never recorded."""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from states.zimbra import marks
from zflow.api import Context, make_folder

KEYS, RETIRED = "dkim.json", "dkim-retired.json"
DAY = 86_400


@dataclass(frozen=True)
class Key:
    """A domain's public key: the value of the TXT record at SELECTOR._domainkey.DOMAIN."""

    domain: str
    selector: str
    public: str

    @property
    def name(self) -> str:
        """The record's name."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def bits(self) -> int:
        """The key's size; 0 when it cannot be read."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        found = re.search(r"(?:^|;)\s*p=([A-Za-z0-9+/=\s]+)", self.public)
        try:
            key = load_der_public_key(base64.b64decode("".join(found[1].split()))) if found else None
        except (ValueError, binascii.Error, UnsupportedAlgorithm):
            return 0
        return key.key_size if isinstance(key, RSAPublicKey) else 0


@dataclass(frozen=True)
class Retired:
    """A key that does not sign any more; its record is needed until `until`, in seconds since 1970."""

    key: Key
    until: float


def parse(domain: str, answer: str) -> Key | None:
    """Return the key in an answer of `zmdkimkeyutil -q`; joins the quoted pieces of the record."""
    selector = re.search(r"^DKIM Selector:\n(\S+)$", answer, re.MULTILINE)
    record = re.search(r"^DKIM Public signature:\n(.*?)^DKIM Identity:", answer, re.MULTILINE | re.DOTALL)
    public = "".join(re.findall(r'"([^"]*)"', record[1])) if record else ""
    return Key(domain, selector[1], public) if selector and public else None


def known(ctx: Context) -> list[Key]:
    """Return the recorded keys."""
    return [Key(**each) for each in json.loads(marks.read(ctx, KEYS) or "[]")]


def remember(ctx: Context, keys: Iterable[Key]) -> None:
    """Record the keys in use."""
    marks.write(ctx, KEYS, json.dumps([asdict(each) for each in sorted(keys, key=lambda key: key.domain)]))


def retired(ctx: Context) -> list[Retired]:
    """Return the former keys whose records are still needed."""
    found = [Retired(Key(**each["key"]), each["until"]) for each in json.loads(marks.read(ctx, RETIRED) or "[]")]
    used = set(known(ctx))
    return [each for each in found if each.until > ctx.clock() and each.key not in used]


def retire(ctx: Context, key: Key, days: int) -> None:
    """Record that a former key's record is needed for so many more days."""
    others = [each for each in retired(ctx) if each.key != key]
    together = [*others, Retired(key, ctx.clock() + days * DAY)]
    marks.write(ctx, RETIRED, json.dumps([asdict(each) for each in together]))


@contextlib.contextmanager
def locked(ctx: Context) -> Iterator[None]:
    """Serialise a rotation by the operator and a walk."""
    make_folder(ctx.home, 0o700)
    with (ctx.home / "dkim.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
