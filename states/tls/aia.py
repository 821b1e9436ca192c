"""The issuers that were not supplied, from where the certificates say they can be had (RFC 5280, 4.2.2.1).

Nothing that comes is believed: only a certificate whose key signed the one at the gap is taken, and the chain is judged
as a whole afterwards. What was taken is kept on the volume, so that the next renewal asks nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from states.tls import load
from states.tls.chain import DEPTH, issued_by, open_ends, reachable
from states.tls.check import subject
from states.tls.fetch import Away, Refused
from zflow.api import OperatorError, make_folder, write_atomic

URLS = 4
"""Addresses tried for one certificate; real ones name one or two."""


@dataclass
class Search:
    """A search for missing issuers, with what it found and why it found no more."""

    get: Callable[[str], bytes]
    """Fetches an URL; raises Refused or Away."""
    cache: Path
    now: datetime
    log: Callable[[str], None]
    found: list[x509.Certificate] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    away: bool = False
    """Whether a server did not answer, which it may do another time."""

    def complete(
        self, leaf: x509.Certificate, supplied: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
    ) -> None:
        """Fetch issuers until a root is reached, or nothing more is found."""
        for _ in range(DEPTH):
            reached = reachable(leaf, [*supplied, *self.found, *roots])
            if any(each in roots for each in reached):
                return
            more = [issuer for each in open_ends(reached) if (issuer := self._issuer(each)) is not None]
            if not more:
                return
            self.found += more
        self.failures.append(f"no root within {DEPTH} issuers")

    def _issuer(self, certificate: x509.Certificate) -> x509.Certificate | None:
        for url in urls(certificate)[:URLS]:
            kept = self.cache / f"{hashlib.sha256(url.encode()).hexdigest()}.der"
            with suppress(OSError, OperatorError):
                if (issuer := self._fitting(certificate, kept.read_bytes())) and issuer.not_valid_after_utc > self.now:
                    return issuer
            try:
                issuer = self._fitting(certificate, self.get(url))
            except (Refused, Away, OperatorError) as error:
                self.away = self.away or isinstance(error, Away)
                reason = error.detail.partition(": ")[2] if isinstance(error, OperatorError) else str(error)
            else:
                if issuer is not None:
                    self.log(f"fetched {subject(issuer)} from {url}")
                    make_folder(self.cache, 0o700)
                    write_atomic(kept, issuer.public_bytes(Encoding.DER), mode=0o600)
                    return issuer
                reason = "no certificate that issued it"
            self.log(f"{url}: {reason}")
            self.failures.append(f"{url}: {reason}")
        return None

    def _fitting(self, certificate: x509.Certificate, data: bytes) -> x509.Certificate | None:
        return next((each for each in load.certificates(data, "answer") if issued_by(certificate, each)), None)


def urls(certificate: x509.Certificate) -> list[str]:
    """Return all addresses at which a certificate says its issuer's can be had."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, *load.WRONG):
        return []
    return [
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]
