"""The operator's files made into a pair that passed all checks, its chain completed by fetching where that is allowed.

Apart from `pair`, because the library for certificates takes long to load and most starts have nothing new to check.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from states.identity import server_name
from states.tls import aia, chain, check, codes, fetch, load, supply
from states.tls.pair import Pair
from states.tls.settings import AIA, AIA_NETWORKS, PRIVATE_CA
from states.tls.supply import Supplied
from zflow.api import Context, OperatorError, TransientError


def make(ctx: Context, supplied: Supplied, now: datetime) -> tuple[Pair, x509.Certificate] | None:
    """Check and complete what the operator supplies; None when that is nothing. Raises OperatorError."""
    if not supplied.contents:
        return None
    found, where = supplied.material(ctx), " and ".join(map(str, supplied.contents))
    if len(found.keys) != 1:
        what = "no private key" if not found.keys else f"{len(found.keys)} private keys"
        raise OperatorError(codes.HALF_PAIR, f"{what} in {where}")
    if not found.certificates:
        raise OperatorError(codes.HALF_PAIR, f"no certificate in {where}")
    key = found.keys[0]
    with load.readable(where):
        leaf = check.leaf_of(key, found.certificates)
        check.check_leaf(leaf, supply.hosts(ctx), now)
        issuers = _issuers(ctx, leaf, found.certificates, now)
        # zmcertmgr of 8.8.15 reads RSA keys by `openssl rsa`: the traditional form suits every release.
        key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        return Pair(key_pem, _pem(leaf), "".join(map(_pem, issuers))), leaf


def _issuers(
    ctx: Context, leaf: x509.Certificate, supplied: Sequence[x509.Certificate], now: datetime
) -> tuple[x509.Certificate, ...]:
    """Return the chain; what is missing in it is fetched. Raises OperatorError and TransientError(ISSUER_AWAY)."""
    trust, host = _trust(ctx), server_name(ctx)
    try:
        return chain.build(leaf, supplied, trust, host, now)
    except OperatorError as error:
        if error.code is not codes.INCOMPLETE or not ctx.settings[AIA]:
            raise
        gap = error
    ctx.progress.report(note="fetching the missing certificates of issuers")
    networks = tuple(ipaddress.ip_network(each) for each in ctx.settings[AIA_NETWORKS])
    search = aia.Search(fetch.Fetcher(networks).get, ctx.cache / "aia", now, ctx.log)
    search.complete(leaf, supplied, [*trust.public, *trust.private])
    try:
        return chain.build(leaf, [*supplied, *search.found], trust, host, now)
    except OperatorError as error:
        if error.code is not codes.INCOMPLETE:
            raise
        told = "; ".join(search.failures) or "no address of its own certificate is in it"
        if search.away:
            raise TransientError(codes.ISSUER_AWAY, f"{gap.detail}; {told}") from error
        raise OperatorError(codes.INCOMPLETE, f"{error.detail}; {told}") from error


def _trust(ctx: Context) -> chain.Trust:
    private = ctx.settings.get(PRIVATE_CA)
    return chain.Trust(chain.roots_of(chain.SYSTEM_ROOTS), chain.roots_of(private) if private else ())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def about(pair: Pair, leaf: x509.Certificate) -> str:
    """Return what to call a pair: subject, end, how many issuers."""
    return f"{check.subject(leaf)} until {leaf.not_valid_after_utc:%Y-%m-%d}, {pair.chain.count('BEGIN')} issuers"
