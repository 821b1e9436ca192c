"""The corpus: what operators supply, good and bad, and how each case must end. Built here, nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)
from cryptography.hazmat.primitives.serialization import KeySerializationEncryption as Encryption

from tests.states.tls.authority import Issued, ec_key, inter, issue, leaf, root
from tests.states.tls.responder import HOSTILE, Responder
from zflow.api import Code

Files = Mapping[str, bytes | Path]
"""Content by name below app/tls on the volume, or a link's goal."""
WORD = b"open sesame"
PASSPHRASE = {"ZFLOW_TLS_PASSPHRASE": WORD.decode()}
HERE = {"ZFLOW_TLS_AIA_NETWORKS": "127.0.0.1/32"}
PEM, DER, PKCS8 = Encoding.PEM, Encoding.DER, PrivateFormat.PKCS8
TRADITIONAL = PrivateFormat.TraditionalOpenSSL
LOCKED, OPEN = BestAvailableEncryption(WORD), NoEncryption()


@dataclass(frozen=True)
class Case:
    """What is supplied, and the refusal it meets; None: it is deployed."""

    files: Callable[[Responder], Files]
    code: Code | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    release: str = "10.1.0"
    served: Callable[[], Issued] | None = leaf
    """The certificate that must be served; None: the one in the file."""


def key(form: Encoding, shape: PrivateFormat, lock: Encryption = OPEN, issued: Issued | None = None) -> bytes:
    """Return the server's key in a form."""
    return (issued or leaf()).key.private_bytes(form, shape, lock)


def pair(key: bytes, certificate: bytes) -> Callable[[Responder], Files]:
    """Return the two files."""
    return lambda _: {"zimbra.key": key, "zimbra.crt": certificate}


def only(name: str, content: bytes) -> Callable[[Responder], Files]:
    """Return a single file."""
    return lambda _: {name: content}


def whole(issued: Issued, *issuers: Issued) -> Callable[[Responder], Files]:
    """Return the pair of a certificate with these issuers."""
    return pair(issued.key_pem, issued.pem + b"".join(each.pem for each in issuers))


def bundle(lock: Encryption, issued: Issued | None = None) -> bytes:
    """Return a PKCS#12 of key, certificate and issuer."""
    mine = issued or leaf()
    return pkcs12.serialize_key_and_certificates(b"x", mine.key, mine.certificate, [inter().certificate], lock)


def signed_data(form: Encoding, *pieces: Issued) -> bytes:
    """Return a PKCS#7 of certificates."""
    return pkcs7.serialize_certificates([each.certificate for each in pieces], form)


@cache
def elliptic(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> Issued:
    """Return a certificate of an EC key."""
    return issue("server", inter(), key=ec_key("server", curve))


@cache
def own() -> Issued:
    """Return a CA of the operator's own."""
    return issue("Own CA", ca=True, days=3650)


@cache
def of_own() -> Issued:
    """Return what it issued."""
    return issue("server", own())


@cache
def stranger() -> Issued:
    """Return a root that nobody trusts."""
    return issue("Stranger", ca=True, days=3650)


def linked(*urls: str) -> Callable[[Responder], Files]:
    """Return a leaf without its issuer, which names these paths of the responder, or addresses."""

    def files(server: Responder) -> Files:
        places = tuple(server.url(each) if each.startswith("/") else each for each in urls)
        made = issue("server", inter(), urls=places)
        server.publish("/inter.crt", inter().certificate.public_bytes(DER))
        server.publish("/inter.pem", inter().pem)
        server.publish("/inter.p7c", signed_data(DER, root(), inter()))
        server.publish("/inter.p7b", signed_data(PEM, inter()))
        server.publish("/other.crt", stranger().certificate.public_bytes(DER))
        server.publish("/forged.crt", issue("Inter", ca=True, key=ec_key("forger"), days=900).pem)
        server.answers["/moved"] = HOSTILE["/to-itself"].replace(b"/to-itself", b"/inter.crt")  # type: ignore[union-attr]
        return {"zimbra.key": made.key_pem, "zimbra.crt": made.pem}

    return files


def two_levels(server: Responder) -> Files:
    """Return a leaf whose issuer's issuer has to be fetched too."""
    first = issue("Level 1", root(), ca=True, days=900)
    below = issue("Level 2", first, ca=True, days=900, urls=(server.publish("/level1", first.pem),))
    made = issue("server", below, urls=(server.publish("/level2", below.pem),))
    return {"zimbra.key": made.key_pem, "zimbra.crt": made.pem}


def kubernetes(_: Responder) -> Files:
    """Return a projected volume: the files are links through a link to the version's folder."""
    return {
        "..2026/zimbra.key": leaf().key_pem, "..2026/zimbra.crt": leaf().pem + inter().pem, "..data": Path("..2026"),
        "zimbra.key": Path("..data/zimbra.key"), "zimbra.crt": Path("..data/zimbra.crt"),
    }  # fmt: skip


def certbot(_: Responder) -> Files:
    """Return a tree of certbot's: live/ links into archive/."""
    return {
        "archive/mail/privkey2.pem": key(PEM, PKCS8), "archive/mail/fullchain2.pem": leaf().pem + inter().pem,
        "live/mail/privkey.pem": Path("../../archive/mail/privkey2.pem"),
        "live/mail/fullchain.pem": Path("../../archive/mail/fullchain2.pem"),
    }  # fmt: skip


CHAIN = leaf().pem + inter().pem
KEY = leaf().key_pem
ALONE = issue("alone", days=3650)
OWN_CA = {"ZFLOW_TLS_PRIVATE_CA": "app/tls/zimbra.crt"}
LATER = issue("server", inter(), days=200)

ENCODINGS: dict[str, Case] = {
    "key PKCS#8": Case(pair(KEY, CHAIN)),
    "key traditional": Case(pair(key(PEM, TRADITIONAL), CHAIN)),
    "key PKCS#8 DER": Case(pair(key(DER, PKCS8), CHAIN)),
    "key traditional DER": Case(pair(key(DER, TRADITIONAL), CHAIN)),
    "key encrypted": Case(pair(key(PEM, PKCS8, LOCKED), CHAIN), settings=PASSPHRASE),
    "key encrypted DER": Case(pair(key(DER, PKCS8, LOCKED), CHAIN), settings=PASSPHRASE),
    "key encrypted traditional": Case(pair(key(PEM, TRADITIONAL, LOCKED), CHAIN), settings=PASSPHRASE),
    "passphrase not needed": Case(pair(KEY, CHAIN), settings=PASSPHRASE),
    "certificate PKCS#7": Case(pair(KEY, signed_data(PEM, inter(), leaf()))),
    "certificate PKCS#7 DER": Case(pair(KEY, signed_data(DER, inter(), leaf()))),
    "certificate DER, issuer by the key": Case(pair(KEY + inter().pem, leaf().certificate.public_bytes(DER))),
    "Windows line ends and text": Case(pair(b"# mine\r\n" + KEY, b"Bag\r\n" + CHAIN.replace(b"\n", b"\r\n"))),
    "no final newline": Case(pair(KEY.rstrip(), CHAIN.rstrip())),
    "PKCS#12 as certificate": Case(only("zimbra.crt", bundle(LOCKED)), settings=PASSPHRASE),
    "PKCS#12 as key": Case(only("zimbra.key", bundle(LOCKED)), settings=PASSPHRASE),
    "PKCS#12 as both": Case(pair(bundle(LOCKED), bundle(LOCKED)), settings=PASSPHRASE),
    "PKCS#12 open": Case(only("zimbra.crt", bundle(OPEN))),
    "PKCS#12 open, a passphrase is set": Case(only("zimbra.crt", bundle(OPEN)), settings=PASSPHRASE),
    "all in the certificate's file": Case(only("zimbra.crt", KEY + CHAIN)),
    "all in the key's file": Case(only("zimbra.key", CHAIN + KEY)),
    "the same key in both files": Case(pair(KEY, CHAIN + KEY)),
    "wrong order, root included": Case(pair(KEY, root().pem + inter().pem + leaf().pem)),
    "strangers among them": Case(pair(KEY, stranger().pem + CHAIN + own().pem)),
    "twice the same": Case(pair(KEY, CHAIN + CHAIN)),
    "renewed with the same key": Case(pair(KEY, CHAIN + LATER.pem), served=lambda: LATER),
    "Kubernetes": Case(kubernetes),
    "certbot": Case(certbot, settings={
        "ZFLOW_TLS_KEY": "app/tls/live/mail/privkey.pem", "ZFLOW_TLS_CERT": "app/tls/live/mail/fullchain.pem",
    }),
    "EC P-256": Case(whole(elliptic(), inter()), served=elliptic),
    "EC P-384": Case(whole(elliptic(ec.SECP384R1), inter()), served=lambda: elliptic(ec.SECP384R1)),
    "EC P-521": Case(whole(elliptic(ec.SECP521R1), inter()), served=lambda: elliptic(ec.SECP521R1)),
    "EC PKCS#12": Case(only("zimbra.crt", bundle(LOCKED, elliptic())), settings=PASSPHRASE, served=elliptic),
    "its own CA": Case(whole(ALONE), settings=OWN_CA, served=lambda: ALONE),
    "self-signed of the same key beside": Case(pair(KEY, ALONE.pem + CHAIN)),
    "a damaged stranger beside": Case(pair(KEY, CHAIN + stranger().pem[:200] + stranger().pem[300:])),
    "UTF-16": Case(pair(KEY, CHAIN.decode().encode("utf-16"))),
    "own CA": Case(whole(of_own()), settings={"ZFLOW_TLS_PRIVATE_CA": "app/tls/ca.crt"}, served=of_own),
}  # fmt: skip

FETCHED: dict[str, Case] = {
    name: Case(linked(*urls), settings=HERE, served=None)
    for name, urls in {
        "DER": ("/inter.crt",), "PEM": ("/inter.pem",), "PKCS#7": ("/inter.p7c",), "PKCS#7 PEM": ("/inter.p7b",),
        "second address": ("/absent", "/inter.crt"), "after another's": ("/other.crt", "/inter.crt"),
        "after a page": ("/page", "/inter.crt"), "after an LDAP address": ("ldap://x/cn=ca", "/inter.crt"),
        "moved": ("/moved",),
    }.items()
} | {"two levels": Case(two_levels, settings=HERE, served=None)}  # fmt: skip
