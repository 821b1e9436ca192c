"""A Zimbra of nothing but files: answers the commands of the state tls as the vendor's do, and can be killed anywhere.

Each server keeps what it read at its last start or reload; that is what its ports serve.
"""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from states import server as identity
from states.tls import check, deployed, exchange, handshake, pair, read
from states.tls.settings import SETTINGS
from states.zimbra import directory
from states.zimbra import files as server
from states.zimbra.keep import KEEP
from tests.states.tls.authority import HOST, NOW, issue, root
from tests.support import make_context
from zflow.api import CommandError, Context, OperatorError, Result, TransientError
from zflow.codes import COMMAND
from zflow.host.shell import Shell

CONF = ("imapd", "nginx", "slapd", "smtpd")
READERS = {"nginx": (110, 143, 443, 993, 995), "smtpd": (25, 465, 587), "slapd": (), "mailboxd": (7071,)}
SELF = issue("self-signed")


class Crash(BaseException):
    """The power went out."""


class Zimbra(Shell):
    """Runs nothing; keeps the vendor's files on the volume."""

    def __init__(self, volume: Path, release: str = "10.1.0") -> None:
        super().__init__(root=volume, tag="test", log=lambda _line: None)
        self.volume = volume
        self.release = release
        self.commands: list[str] = []
        self.points = 0
        self.crash_at: int | None = None
        self.deaf: set[str] = set()
        """Servers that do not take another certificate."""
        self.broken: set[str] = set()
        """Commands that fail."""
        self.attributes: dict[str, list[str]] = {}
        self.loaded: dict[str, tuple[bytes, ...]] = {}
        self.created: dict[str, str] = {}
        """What the vendor's tool makes when it is told to make another pair."""
        self.write(f"{server.SSL}/server/server.crt", SELF.pem.decode())
        self.write(f"{server.SSL}/server/server.key", SELF.key_pem.decode())
        self._deploy("self")
        self.start()
        self.commands.clear()

    def chroot(self, *argv: str, user: str | None = None, **options: Any) -> Result:
        """Answer a command; an instant before and one after it are points to be killed at."""
        if argv[0] == directory.SEARCH:  # a look, and no point to be killed at
            return self._search(*argv[argv.index("-s") + 2 :])
        assert user == "zimbra"
        self.commands.append(" ".join(argv[:3]))
        self.point()
        answer = self._answer(argv, options.get("stdin") or "")
        self.point()
        if answer.code not in options.get("ok", (0,)):
            raise CommandError(COMMAND, argv, answer.code, answer.output)
        return answer

    def point(self) -> None:
        """Die here when it is this instant's turn."""
        self.points += 1
        if self.crash_at is not None and self.points >= self.crash_at:
            raise Crash

    def write(self, path: str, content: str) -> None:
        """Write a file of the vendor's, not atomically."""
        place = self.volume / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)

    def read(self, path: str) -> str:
        """Return a file's content, empty when there is none."""
        place = self.volume / path.lstrip("/")
        return place.read_text() if place.exists() else ""

    def _answer(self, argv: tuple[str, ...], stdin: str) -> Result:
        if argv[0] in self.broken or argv[1] in self.broken:
            return Result(1, "ERROR: broken\n")
        tools: Mapping[str, Callable[..., Result]] = {
            "sh": lambda _c, _script, _name, path, _mode: self._put(path, stdin),
            "cat": self._cat,
            "rm": lambda _options, path: self._rm(path),
            "zmcertmgr": self._zmcertmgr,
            "zmproxyctl": lambda _verb: self._load("nginx"),
            "zmmtactl": lambda _verb: self._load("smtpd"),
            "ldap": lambda _verb: self._load("slapd"),
            "zmmailboxdctl": lambda _verb: self._load("mailboxd"),
            "zmprov": self._zmprov,
        }
        return tools[argv[0]](*argv[1:]) if argv[0] in tools else Result(0, "")

    def _zmcertmgr(self, verb: str, *rest: str) -> Result:
        if verb == "createcrt":
            for path, content in self.created.items():
                self.write(path, content)
            return Result(0, "")
        return self._verify(*rest) if verb == "verifycrt" else self._deploy(*rest)

    def _put(self, path: str, content: str) -> Result:
        self.write(path, content)
        return Result(0, "")

    def _rm(self, path: str) -> Result:
        place = self.volume / path.lstrip("/")
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        return Result(0, "")

    def _cat(self, path: str) -> Result:
        return Result(0 if self.read(path) else 1, self.read(path))

    def _verify(self, _kind: str, key: str, certificate: str, _chain: str) -> Result:
        rsa_only = self.release.startswith("8.8.15") and "EC PRIVATE KEY" in self.read(key)
        good = fits(self.read(key), self.read(certificate)) and not rsa_only
        return Result(0 if good else 1, "" if good else "ERROR: Certificate and private key do not match.\n")

    def _deploy(self, kind: str, *rest: str) -> Result:
        """Copy file by file, as the vendor does; each copy is a point to be killed at."""
        if kind == "comm":
            base = f"{server.SSL}/commercial/commercial"
            certificate, issuers = map(self.read, rest[:2])
            if self._verify(kind, f"{base}.key", rest[0], rest[1]).code:
                return Result(1, "ERROR: Certificate and private key do not match.\n")
            whole = exchange.certificates(certificate)[0] + issuers
            for path, content in ((f"{base}.crt", whole), (f"{base}_ca.crt", issuers)):
                self.point()
                self.write(path, content)
        else:
            base = f"{server.SSL}/server/server"
        for name in CONF:
            for kind_of_file in ("crt", "key"):
                self.point()
                self.write(f"{server.CONF}/{name}.{kind_of_file}", self.read(f"{base}.{kind_of_file}"))
        self.point()
        self.write("/opt/zimbra/mailboxd/etc/keystore", self.read(f"{base}.key") + self.read(f"{base}.crt"))
        return Result(0, "** NOTE: restart services to use the new certificates.\n")

    def start(self) -> bool:
        """Start all servers from their files; return whether all could."""
        return [self._load(name).code for name in READERS] == [0] * len(READERS)

    def _load(self, name: str) -> Result:
        if name == "mailboxd":
            key = certificate = self.read("/opt/zimbra/mailboxd/etc/keystore")
        else:
            key, certificate = (self.read(f"{server.CONF}/{name}.{kind}") for kind in ("key", "crt"))
        if not fits(key, certificate):
            return Result(1, "key values mismatch\n")
        if name not in self.deaf:
            found = exchange.certificates(certificate)
            self.loaded[name] = tuple(der(each.encode()) for each in found)
        return Result(0, "")

    def served(self, port: int, version: ssl.TLSVersion | None = None) -> tuple[bytes, ...]:
        """Stand for the handshake with a port; all speak the newer versions only."""
        if version in handshake.OLD:
            return ()
        return next((self.loaded[name] for name, ports in READERS.items() if port in ports and name in self.loaded), ())

    def _search(self, wanted: str, *names: str) -> Result:
        """The global configuration alone has attributes of its own."""
        if wanted != directory.GLOBAL:
            return Result(0, f"dn: cn=other,{directory.CONFIG}\n")
        lines = [f"{name}: {value}" for name in names for value in self.attributes.get(name, ())]
        return Result(0, "\n".join((f"dn: {directory.CONFIG}", *lines, "")))

    def _zmprov(self, *words: str) -> Result:
        if words[:2] == ("-l", "mcf"):
            pairs = list(zip(words[2::2], words[3::2], strict=True))
            self.attributes |= {name: [value for other, value in pairs if other == name and value] for name, _ in pairs}
        return Result(0, "")


@cache
def fits(key: str, certificate: str) -> bool:
    """Tell whether key and first certificate belong together."""
    try:
        ours = load_pem_private_key(key.encode(), None).public_key()
        theirs = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except ValueError:
        return False
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return ours.public_bytes(*form) == theirs.public_bytes(*form)


def der(pem: bytes) -> bytes:
    """Return a certificate's DER."""
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def ask_here(_ctx: Context, question: dict[str, object], _where: str) -> dict[str, Any]:
    """Check in this process: a start for each of hundreds of walks would take minutes."""
    try:
        return {"checked": check.check(question, lambda _kind, _what: None)}
    except (OperatorError, TransientError) as error:
        told = {"code": error.code.id, "detail": error.detail, "transient": isinstance(error, TransientError)}
        return {"error": told}


def make_host(
    volume: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Mapping[str, str] | None = None,
    release: str = "10.1.0",
    *,
    apart: bool = False,
) -> tuple[Context, Zimbra]:
    """Return a context over a volume with such a Zimbra, whose only public root is the tests' own.

    `apart`: the checks run in a process of their own, as in production.
    """
    if not apart:
        monkeypatch.setattr(pair, "_ask", ask_here)
    (volume / "app/tls").mkdir(parents=True, exist_ok=True)
    (volume / "roots.pem").write_bytes(root().pem)
    zimbra = Zimbra(volume, release)
    monkeypatch.setattr(pair, "SYSTEM_ROOTS", volume / "roots.pem")
    monkeypatch.setattr(handshake, "served", zimbra.served)
    monkeypatch.setattr(read, "_young", lambda _ctx: False)
    for name in ("FRONT_PATIENCE", "PATIENCE"):
        monkeypatch.setattr(deployed, name, 0.0)
    return context_of(zimbra, settings), zimbra


def context_of(zimbra: Zimbra, settings: Mapping[str, str] | None = None, now: datetime = NOW) -> Context:
    """Return a context over the Zimbra's volume at that time."""
    environment = {"ZFLOW_HOSTNAME": HOST, **(settings or {})}
    ctx = make_context(zimbra.volume, (*SETTINGS, *identity.SETTINGS, KEEP), environment, shell=zimbra)
    return replace(ctx, clock=now.timestamp)


def lay(ctx: Context, files: Mapping[str, bytes | Path]) -> None:
    """Put these files and links, and no others, into app/tls."""
    folder = ctx.volume / "app/tls"
    shutil.rmtree(folder)
    folder.mkdir()
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            place.symlink_to(content)
        else:
            place.write_bytes(content)


def walk(ctx: Context) -> None:
    """Take the steps of the certificate as a walk does."""
    for step in (pair.STEP, deployed.STEP):
        if step.probe(ctx) is None:
            if step.cleanup:
                step.cleanup(ctx)
            step.apply(ctx)
            assert step.probe(ctx) is not None
