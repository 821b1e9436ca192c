"""The corpus, second half: what must be refused, each under its own code, and the servers of enemies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from states.tls import codes
from tests.states.tls.authority import HOST, NOW, Issued, ec_key, inter, issue, leaf, root, rsa_key
from tests.states.tls.bombs import encrypted_key, pkcs12
from tests.states.tls.corpus import (
    CHAIN,
    DER,
    HERE,
    KEY,
    LOCKED,
    OPEN,
    PASSPHRASE,
    PEM,
    PKCS8,
    Case,
    Files,
    bundle,
    elliptic,
    key,
    linked,
    of_own,
    only,
    own,
    pair,
    stranger,
    whole,
)
from tests.states.tls.responder import AWAY, HOSTILE, Responder


def crossed() -> tuple[Issued, Issued]:
    """Return two CAs that sign each other, and no root is behind them."""
    first = issue("First", ca=True, days=3650)
    second = issue("Second", first, ca=True, days=3650)
    return second, issue("First", second, ca=True, key=first.key, days=3650)


def endless_chain(server: Responder) -> Files:
    """Return a leaf behind which each fetched issuer names one more."""
    last = issue("Level 20", ca=True, days=900)
    for number in range(19, 0, -1):
        url = server.publish(f"/deep{number}", last.pem)
        last = issue(f"Level {number}", last, ca=True, days=900, urls=(url,))
    made = issue("server", last, urls=(server.publish("/deep0", last.pem),))
    return {"zimbra.key": made.key_pem, "zimbra.crt": made.pem}


def fetched_loop(server: Responder) -> Files:
    """Return a leaf whose fetched issuers sign each other."""
    a, b = ec_key("loop a"), ec_key("loop b")
    issuer = issue("B", ca=True, key=b, days=900)
    first = issue("A", issuer, ca=True, key=a, days=900, urls=(server.url("/loop-b"),))
    second = issue("B", first, ca=True, key=b, days=900, urls=(server.publish("/loop-a", first.pem),))
    server.publish("/loop-b", second.pem)
    made = issue("server", first, urls=(server.url("/loop-a"),))
    return {"zimbra.key": made.key_pem, "zimbra.crt": made.pem}


def answering(content: bytes) -> Callable[[Responder], Files]:
    """Return a leaf whose issuer's address answers with this."""

    def files(server: Responder) -> Files:
        made = issue("server", inter(), urls=(server.publish("/answer", content),))
        return {"zimbra.key": made.key_pem, "zimbra.crt": made.pem}

    return files


EXPIRED = issue("Old", root(), ca=True, begin=NOW - timedelta(days=400), days=300)
CONSTRAINED = issue("Constrained", root(), ca=True, days=900, permitted="example.com")
NOT_A_CA = issue("Not a CA", root(), key=rsa_key("not a CA"))
ED = ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, OPEN)


OLD = NOW - timedelta(days=400)
REFUSED: dict[str, Case] = {
    "key only": Case(only("zimbra.key", KEY), codes.HALF_PAIR),
    "certificate only": Case(only("zimbra.crt", CHAIN), codes.HALF_PAIR),
    "two keys": Case(pair(KEY + elliptic().key_pem, CHAIN), codes.HALF_PAIR),
    "two PKCS#12 of two keys": Case(pair(bundle(OPEN), bundle(OPEN, elliptic())), codes.HALF_PAIR),
    "key of another": Case(pair(elliptic().key_pem, CHAIN), codes.MISMATCH),
    "issuers without the certificate": Case(pair(KEY, inter().pem + root().pem), codes.MISMATCH),
    "empty certificate": Case(pair(KEY, b""), codes.UNREADABLE),
    "empty key": Case(pair(b"", CHAIN), codes.UNREADABLE),
    "text": Case(pair(KEY, b"see the other file"), codes.UNREADABLE),
    "cut in the middle": Case(pair(KEY, CHAIN[: len(CHAIN) // 4] + CHAIN[len(CHAIN) // 3 :]), codes.UNREADABLE),
    "cut key": Case(pair(KEY[:300], CHAIN), codes.UNREADABLE),
    "cut DER": Case(pair(KEY, leaf().certificate.public_bytes(DER)[:-9]), codes.UNREADABLE),
    "cut PKCS#12": Case(only("zimbra.crt", bundle(OPEN)[:-20]), codes.PASSPHRASE),
    "a key of OpenSSH": Case(pair(KEY.replace(b"PRIVATE KEY", b"OPENSSH PRIVATE KEY"), CHAIN), codes.UNREADABLE),
    "huge": Case(pair(KEY, CHAIN + b"\n" * (1 << 20)), codes.UNREADABLE),
    "encrypted, no passphrase": Case(pair(key(PEM, PKCS8, LOCKED), CHAIN), codes.PASSPHRASE),
    "encrypted DER, no passphrase": Case(pair(key(DER, PKCS8, LOCKED), CHAIN), codes.PASSPHRASE),
    "wrong passphrase": Case(pair(leaf().encrypted_key, CHAIN), codes.PASSPHRASE, PASSPHRASE),
    "PKCS#12, no passphrase": Case(only("zimbra.crt", bundle(LOCKED)), codes.PASSPHRASE),
    "PKCS#12, wrong passphrase": Case(
        only("zimbra.crt", bundle(LOCKED)), codes.PASSPHRASE, {"ZFLOW_TLS_PASSPHRASE": "open barley"}
    ),
    "expired": Case(whole(issue("s", inter(), begin=NOW - timedelta(days=91)), inter()), codes.DATES),
    "not yet valid": Case(whole(issue("s", inter(), begin=NOW + timedelta(hours=1)), inter()), codes.DATES),
    "other name": Case(whole(issue("s", inter(), names=("www.example.org",)), inter()), codes.NAME),
    "common name only": Case(whole(issue(HOST, inter(), names=()), inter()), codes.NAME),
    "wildcard of the level above": Case(whole(issue("s", inter(), names=("*.org",)), inter()), codes.NAME),
    "wildcard of the level below": Case(whole(issue("s", inter(), names=(f"*.{HOST}",)), inter()), codes.NAME),
    "extra name not covered": Case(pair(KEY, CHAIN), codes.NAME, {"ZFLOW_TLS_NAMES": "imap.example.org"}),
    "RSA of 1024 bits": Case(whole(issue("s", inter(), key=rsa_key("short", 1024)), inter()), codes.WEAK),
    "odd curve": Case(whole(issue("s", inter(), key=ec_key("odd", ec.SECP256K1)), inter()), codes.WEAK),
    "Ed25519 key for RSA": Case(pair(ED, CHAIN), codes.MISMATCH),
    "for clients only": Case(whole(issue("s", inter(), usage=ExtendedKeyUsageOID.CLIENT_AUTH), inter()), codes.PURPOSE),
    "key that must not sign": Case(whole(issue("s", inter(), signing=False), inter()), codes.PURPOSE),
    "a CA's own": Case(pair(inter().key_pem, inter().pem), codes.PURPOSE),
    "EC on 8.8.15": Case(whole(elliptic(), inter()), codes.EC_REFUSED, release="8.8.15"),
    "endless PKCS#12": Case(only("zimbra.crt", pkcs12()), codes.COSTLY),
    "link to nothing": Case(lambda _: {"zimbra.crt": Path("../archive/x.pem")}, codes.MISSING),
    "named and not there": Case(whole(leaf(), inter()), codes.MISSING, {"ZFLOW_TLS_KEY": "app/tls/key.pem"}),
    "private CA not there": Case(whole(leaf(), inter()), codes.MISSING, {"ZFLOW_TLS_PRIVATE_CA": "app/tls/absent"}),
    "no issuer": Case(pair(KEY, leaf().pem), codes.INCOMPLETE),
    "wrong issuer": Case(pair(KEY, leaf().pem + stranger().pem), codes.INCOMPLETE),
    "forged issuer": Case(
        pair(KEY, leaf().pem + issue("Inter", ca=True, key=ec_key("forger"), days=900).pem), codes.INCOMPLETE
    ),
    "untrusted root": Case(whole(issue("s", stranger()), stranger()), codes.UNTRUSTED),
    "self-signed": Case(whole(issue("s")), codes.UNTRUSTED),
    "own CA not allowed": Case(whole(of_own(), own()), codes.UNTRUSTED),
    "CAs that sign each other": Case(whole(issue("s", crossed()[0]), *crossed()), codes.INCOMPLETE),
    "expired issuer": Case(whole(issue("s", EXPIRED), EXPIRED), codes.REFUSED),
    "issued by no CA": Case(whole(issue("s", NOT_A_CA), NOT_A_CA), codes.REFUSED),
    "issuer for another domain": Case(whole(issue("s", CONSTRAINED), CONSTRAINED), codes.REFUSED),
}

ENEMIES: dict[str, Case] = {
    path: Case(linked(path), codes.ISSUER_AWAY if path in AWAY else codes.INCOMPLETE, HERE) for path in HOSTILE
} | {
    "other issuer": Case(linked("/other.crt"), codes.INCOMPLETE, HERE),
    "forged issuer": Case(linked("/forged.crt"), codes.INCOMPLETE, HERE),
    "endless chain": Case(endless_chain, codes.INCOMPLETE, HERE),
    "fetched loop": Case(fetched_loop, codes.INCOMPLETE, HERE),
    "loopback not allowed": Case(linked("/inter.crt"), codes.INCOMPLETE),
    "switched off": Case(linked("/inter.crt"), codes.INCOMPLETE, {**HERE, "ZFLOW_TLS_AIA": "no"}),
    "a file": Case(linked("file:///etc/ssl/certs/ca-certificates.crt"), codes.INCOMPLETE, HERE),
    "PKCS#12": Case(answering(pkcs12()), codes.INCOMPLETE, HERE),
    "encrypted key": Case(answering(encrypted_key()), codes.INCOMPLETE, HERE),
    "metadata": Case(linked("http://169.254.169.254/"), codes.INCOMPLETE, HERE),
    "metadata in IPv6": Case(linked("http://[fd00:ec2::254]/"), codes.INCOMPLETE, HERE),
    "mapped loopback": Case(linked("http://[::ffff:127.0.0.2]/"), codes.INCOMPLETE, HERE),
    "NAT64": Case(linked("http://[64:ff9b::a00:1]/"), codes.INCOMPLETE, HERE),
    "by number": Case(linked("http://2130706434/"), codes.INCOMPLETE, HERE),
    "with a password": Case(linked("http://me:word@127.0.0.1/"), codes.INCOMPLETE, HERE),
    "split request": Case(linked("http://127.0.0.1/a b"), codes.INCOMPLETE, HERE),
    "nobody listens": Case(linked("http://127.0.0.1:1/"), codes.ISSUER_AWAY, HERE),
}
