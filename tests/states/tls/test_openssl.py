"""CAs of an operator's own as openssl makes them: what `openssl verify` takes is taken, its reasons told in words."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from states.tls import chain, codes
from states.tls.chain import Trust
from tests.states.tls.authority import HOST, Issued, root, rsa_key
from zflow.api import OperatorError

SERVER = f"subjectAltName=DNS:{HOST}"
CA = "basicConstraints=critical,CA:TRUE"


class Workshop:
    """Makes certificates with the command line that operators use, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str) -> None:
        """Run openssl here."""
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def key(self, name: str, of: str) -> str:
        """Return the file `name` with an RSA key that a session makes once."""
        (self.folder / f"{name}.key").write_bytes(Issued(root().certificate, rsa_key(of)).key_pem)
        return f"{name}.key"

    def root(self, *extensions: str, digest: str = "-sha256", name: str = "root", key: str = "root") -> None:
        """Make a root by `openssl req -x509`; without extensions, openssl adds its own."""
        added = [word for each in extensions for word in ("-addext", each)]
        self.run("req", "-x509", "-key", self.key(name, key), "-out", f"{name}.crt",
                 "-subj", f"/CN={name}", "-days", "900", digest, *added)  # fmt: skip

    def issue(self, name: str, by: str, *extensions: str, digest: str = "-sha256", days: int = 90) -> None:
        """Issue a certificate by `openssl x509 -req`."""
        (self.folder / "ext").write_text("".join(f"{each}\n" for each in extensions))
        self.run("req", "-new", "-key", self.key(name, name), "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self.run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.crt", "-CAkey", f"{by}.key", "-CAcreateserial",
                 "-out", f"{name}.crt", "-days", str(days), digest, "-extfile", "ext")  # fmt: skip

    def certificate(self, name: str) -> x509.Certificate:
        """Return a certificate."""
        return x509.load_pem_x509_certificate((self.folder / f"{name}.crt").read_bytes())

    def verdict(self, roots: str, *between: str) -> bool:
        """Return what openssl itself says of the server's certificate."""
        untrusted = [word for each in between for word in ("-untrusted", f"{each}.crt")]
        argv = ["openssl", "verify", "-purpose", "sslserver", "-verify_hostname", HOST, "-no-CApath", "-CAfile",
                f"{roots}.crt", *untrusted, "server.crt"]  # fmt: skip
        return subprocess.run(argv, cwd=self.folder, capture_output=True, check=False).returncode == 0

    def build(self, private: tuple[str, ...], *supplied: str) -> list[x509.Certificate]:
        """Build the chain of the server's certificate."""
        trust = Trust((root().certificate,), tuple(map(self.certificate, private)))
        others = list(map(self.certificate, supplied))
        return list(chain.build(self.certificate("server"), others, trust, HOST, datetime.now(UTC)))


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """An empty workshop."""
    return Workshop(tmp_path)


@pytest.mark.parametrize(
    "extensions",
    [
        (),
        ("basicConstraints=CA:TRUE",),
        ("keyUsage=critical,keyCertSign",),
        ("nameConstraints=critical,permitted;DNS:.example.org",),
        ("nameConstraints=permitted;DNS:example.org",),
        ("extendedKeyUsage=serverAuth",),
    ],
    ids=lambda each: each[0] if each else "as openssl makes it",
)
def test_roots_of_ones_own(extensions: tuple[str, ...], shop: Workshop) -> None:
    """A root with what `openssl req -x509` gives it, or somebody added, is taken where openssl takes it."""
    shop.root(*extensions)
    shop.issue("server", "root", SERVER)
    assert shop.verdict("root")
    assert shop.build(("root",)) == [shop.certificate("root")]


@pytest.mark.parametrize("extensions", [("basicConstraints=CA:TRUE",), (CA, "subjectKeyIdentifier=hash")])
def test_an_intermediate_without_key_usage(extensions: tuple[str, ...], shop: Workshop) -> None:
    """It is found where the operator put it: in the pair's file or in that of the CA."""
    shop.root()
    shop.issue("between", "root", *extensions)
    shop.issue("server", "between", SERVER)
    assert shop.verdict("root", "between")
    wanted = [shop.certificate("between"), shop.certificate("root")]
    assert shop.build(("root",), "between") == wanted
    assert shop.build(("between", "root")) == wanted
    assert shop.build(("root", "between"), "between") == wanted


def test_a_certificate_that_is_its_own_ca(shop: Workshop) -> None:
    """Named as a CA of one's own, what signed itself is served with itself as its issuer, for Zimbra wants one."""
    shop.root(SERVER, "basicConstraints=critical,CA:FALSE", name="server")
    assert shop.verdict("server")
    assert shop.build(("server",)) == [shop.certificate("server")]


def test_public_roots_keep_their_rules(shop: Workshop) -> None:
    """What is taken of a CA of one's own is refused where it is to be public, and openssl would take it."""
    shop.root()
    shop.issue("server", "root", SERVER)
    assert shop.verdict("root")
    with pytest.raises(OperatorError) as caught:
        chain.build(shop.certificate("server"), [], Trust((shop.certificate("root"),)), HOST, datetime.now(UTC))
    assert caught.value.code is codes.REFUSED
    assert "encountered" not in caught.value.detail
    assert caught.value.detail.startswith("CN=server: ")


@pytest.mark.parametrize(
    ("ca", "server", "words"),
    [
        (("nameConstraints=permitted;DNS:.example.com",), (SERVER,), "CN=server: an issuing CA is not permitted"),
        (("nameConstraints=excluded;DNS:example.org",), (SERVER,), "CN=server: an issuing CA is forbidden"),
        (
            ("keyUsage=critical,digitalSignature",),
            (SERVER,),
            "CN=root: its key usage does not include signing certificates",
        ),
        ((), (SERVER, "extendedKeyUsage=clientAuth"), "CN=server: its extended key usage does not include TLS servers"),
        ((), (SERVER, "1.2.3.4=critical,ASN1:NULL"), "CN=server: openssl does not know one of its critical extensions"),
    ],
)
def test_refusals(ca: tuple[str, ...], server: tuple[str, ...], words: str, shop: Workshop) -> None:
    """What openssl refuses is refused, the certificate and the reason named in words."""
    shop.root(*ca)
    shop.issue("server", "root", *server)
    assert not shop.verdict("root")
    with pytest.raises(OperatorError) as caught:
        shop.build(("root",))
    assert caught.value.code is codes.REFUSED
    assert words in caught.value.detail


@pytest.mark.parametrize(("digest", "name"), [("-sha1", "SHA-1"), ("-md5", "MD5")])
def test_broken_digests_are_named(digest: str, name: str, shop: Workshop) -> None:
    """A signature with SHA-1 or MD5 is the reason told, not a missing issuer; that of a root is of no matter."""
    shop.root(digest=digest)
    shop.issue("server", "root", SERVER)
    assert shop.build(("root",)) == [shop.certificate("root")]
    shop.issue("server", "root", SERVER, digest=digest)
    with pytest.raises(OperatorError) as caught:
        shop.build(("root",))
    assert caught.value.code is codes.REFUSED
    assert f"CN=server: it is signed with {name}" in caught.value.detail


def test_a_ca_of_another_key_is_not_taken(shop: Workshop) -> None:
    """A root of the same name and another key is no issuer."""
    shop.root()
    shop.issue("server", "root", SERVER)
    shop.root(key="another")
    with pytest.raises(OperatorError) as caught:
        shop.build(("root",))
    assert caught.value.code is codes.INCOMPLETE
