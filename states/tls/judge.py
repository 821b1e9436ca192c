"""Judges what an operator supplies, in a process of its own: `python -m states.tls.judge`, asked and answering in JSON.

Reading a stranger's bytes may take as long and as much memory as the stranger likes: a PKCS#12 of two thousand bytes
names two thousand million rounds, and the library cannot be interrupted while it does them. So the kernel's limits are
set before the first byte is read, and whoever asked can end this process at any time. Whatever the library raises, or
dies of, is an answer.

One line of JSON a message: `note` for the progress, `log` for the step's log, and last `checked` or `error`.
"""

from __future__ import annotations

import ipaddress
import json
import resource
import sys
import time
import traceback
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from states.tls import aia, chain, check, codes, fetch, files, load
from zflow.api import OperatorError, TransientError

LEAVES = 4
"""Certificates of the key that are tried; each may have issuers to be fetched."""
Tell = Callable[[str, object], None]


def judge(asked: Mapping[str, Any], tell: Tell) -> dict[str, object]:
    """Check and complete what is supplied. Raises OperatorError and TransientError(ISSUER_AWAY)."""
    contents = {Path(path): b64decode(data) for path, data in asked["contents"].items()}
    where = " and ".join(map(str, contents))
    found = load.gather(contents, asked["passphrase"])
    try:
        with load.readable(where):
            return _judge(asked, found, where, tell)
    except OperatorError as error:
        if found.unread and error.code in {codes.HALF_PAIR, codes.MISMATCH, codes.INCOMPLETE}:
            raise OperatorError(codes.UNREADABLE, f"{'; '.join(found.unread)}; and so {error.detail}") from error
        raise


def _judge(asked: Mapping[str, Any], found: load.Material, where: str, tell: Tell) -> dict[str, object]:
    if len(found.keys) != 1:
        what = "no private key" if not found.keys else f"{len(found.keys)} private keys"
        raise OperatorError(codes.HALF_PAIR, f"{what} in {where}")
    if not found.certificates:
        raise OperatorError(codes.HALF_PAIR, f"no certificate in {where}")
    for words in found.unread:
        tell("log", f"left out: {words}")
    key, now = found.keys[0], datetime.fromtimestamp(asked["now"], UTC)
    refusals: list[OperatorError | TransientError] = []
    for leaf in check.leaves_of(key, found.certificates, asked["hosts"], now)[:LEAVES]:
        try:
            check.check_leaf(leaf, asked["hosts"], now)
            _fits_server(leaf, rsa_only=asked["rsa_only"])
            return _checked(key, leaf, _issuers(asked, leaf, found.certificates, now, tell))
        except (OperatorError, TransientError) as error:
            refusals.append(error)
    raise refusals[0]


def _fits_server(leaf: x509.Certificate, *, rsa_only: bool) -> None:
    if rsa_only and check.is_ec(leaf):
        raise OperatorError(codes.EC_REFUSED, f"{check.subject(leaf)}: an EC key")


def _checked(key: PrivateKeyTypes, leaf: x509.Certificate, issuers: Sequence[x509.Certificate]) -> dict[str, object]:
    # zmcertmgr of 8.8.15 reads RSA keys by `openssl rsa`: the traditional form suits every release.
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    count = f"{len(issuers)} issuer{'s' if len(issuers) != 1 else ''}"
    return {
        "key": key_pem,
        "leaf": _pem(leaf),
        "chain": "".join(map(_pem, issuers)),
        "about": f"{check.subject(leaf)} until {leaf.not_valid_after_utc:%Y-%m-%d}, {count}",
        "elliptic": check.is_ec(leaf),
    }


def _issuers(
    asked: Mapping[str, Any], leaf: x509.Certificate, supplied: Sequence[x509.Certificate], now: datetime, tell: Tell
) -> tuple[x509.Certificate, ...]:
    """Return the chain; what is missing in it is fetched. Raises OperatorError and TransientError(ISSUER_AWAY)."""
    trust, host = _trust(asked), asked["hosts"][0]
    try:
        return chain.build(leaf, supplied, trust, host, now)
    except OperatorError as error:
        if error.code is not codes.INCOMPLETE or not asked["aia"]:
            raise
        gap = error
    tell("note", "fetching the missing certificates of issuers")
    networks = tuple(map(ipaddress.ip_network, asked["networks"]))
    fetcher = fetch.Fetcher(networks, time.monotonic() + asked["seconds"])
    search = aia.Search(fetcher.get, Path(asked["cache"]), now, lambda words: tell("log", words))
    search.complete(leaf, [*supplied, *trust.private], [*trust.public, *trust.own])
    try:
        return chain.build(leaf, [*supplied, *search.found], trust, host, now)
    except OperatorError as error:
        if error.code is not codes.INCOMPLETE:
            raise
        told = "; ".join(search.failures) or "no address of its own certificate is in it"
        if search.away:
            raise TransientError(codes.ISSUER_AWAY, f"{gap.detail}; {told}") from error
        raise OperatorError(codes.INCOMPLETE, f"{error.detail}; {told}") from error


def _trust(asked: Mapping[str, Any]) -> chain.Trust:
    roots = Path(asked["roots"])
    public = chain.roots_of(files.content(roots, named=True) or b"", str(roots))
    if asked["private"] is None:
        return chain.Trust(public)
    name, data = asked["private"]
    return chain.Trust(public, chain.roots_of(b64decode(data), name))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _tell(kind: str, what: object) -> None:
    print(json.dumps({kind: what}), flush=True)  # noqa: T201 - the answer of this process


def main() -> None:
    """Answer one question from standard input, within the kernel's limits."""
    asked = json.load(sys.stdin)
    limits = (
        (resource.RLIMIT_CPU, asked["processor"]),
        (resource.RLIMIT_AS, asked["memory"]),
        (resource.RLIMIT_CORE, 0),
    )
    for limit, value in limits:
        resource.setrlimit(limit, (value, value))
    try:
        _tell("checked", judge(asked, _tell))
    except (OperatorError, TransientError) as error:
        transient = isinstance(error, TransientError)
        _tell("error", {"code": error.code.id, "detail": error.detail, "transient": transient})
    except MemoryError:
        _tell("error", {"code": codes.COSTLY.id, "detail": "it needs too much memory", "transient": False})
    except BaseException as error:  # noqa: BLE001 - the library is known to raise what is no Exception, for bytes that nobody foresaw
        _tell("log", "".join(traceback.format_exception(error)))
        detail = f"{' and '.join(asked['contents'])}: the library gives it up ({type(error).__name__})"
        _tell("error", {"code": codes.UNREADABLE.id, "detail": detail, "transient": False})


if __name__ == "__main__":
    main()
