"""Makes certificates for the tests: a CA, its intermediates, and what they issue; keys are made once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

HOST = "mail.example.org"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """One key per name and size for the whole session: generating them is what takes time."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(name: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    """One key per name and curve."""
    return ec.generate_private_key(curve())


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key as PEM, PKCS#8."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def encrypted_key(self) -> bytes:
        """The key as PEM under a passphrase."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def issue(
    name: str,
    by: Issued | None = None,
    *,
    ca: bool = False,
    key: PrivateKey | None = None,
    names: tuple[str, ...] = (HOST,),
    begin: datetime = NOW - timedelta(days=10),
    days: float = 90,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    identify: bool = True,
    urls: tuple[str, ...] = (),
    signing: bool = True,
    permitted: str = "",
) -> Issued:
    """Issue a certificate, by itself when `by` is None.

    `identify` states the issuer's key identifier, `urls` where its certificate is, `permitted` the only domain of a CA.
    """
    key = key or (ec_key(name) if ca else rsa_key("server"))
    signer = by.key if by else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if identify:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if urls:
        places = [x509.UniformResourceIdentifier(each) for each in urls]
        access = [x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, each) for each in places]
        builder = builder.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    if permitted:
        builder = builder.add_extension(x509.NameConstraints([x509.DNSName(permitted)], None), critical=True)
    if not signing:
        use = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
        builder = builder.add_extension(use, critical=True)
    if ca:
        use = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(use, critical=True)
    else:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
            builder = builder.add_extension(alternatives, critical=False)
    return Issued(builder.sign(signer, hashes.SHA256()), key)


@cache
def root() -> Issued:
    """The trusted root."""
    return issue("Root", ca=True, begin=NOW - timedelta(days=1000), days=3650)


@cache
def inter() -> Issued:
    """An intermediate of the root."""
    return issue("Inter", root(), ca=True, begin=NOW - timedelta(days=500), days=1800)


@cache
def leaf() -> Issued:
    """The server's certificate, by the intermediate."""
    return issue("server", inter())
