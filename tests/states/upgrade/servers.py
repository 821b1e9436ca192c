"""A volume with an installed server of 8.8.15, an unpacked newer release beside it, and orders for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from states.hardening.settings import SETTINGS as HARDENING
from states.server import SETTINGS as SERVER
from states.ubuntu.settings import PROXY
from states.upgrade import backup
from states.zimbra import readback, unpack
from states.zimbra.order import Order
from states.zimbra.releases import PACKAGES, Archive
from states.zimbra.settings import SETTINGS
from tests.states.bootstrap.ubuntu import make_tree
from tests.states.install.records import session, write_history, write_server, write_status
from tests.states.install.shells import Answering
from tests.support import make_context
from zflow.api import Context

OLD, NEW = "8.8.15.GA.3869.UBUNTU18.64", "9.0.0.GA.3924.UBUNTU18.64"
NAME = "mail.example.org"
ARCHIVE = Archive("/release/zcs.tgz", "a" * 64)
ORDER = Order("9.0", ARCHIVE, OLD)
STAGES = ("BEGIN", "configLCValues", "configInitMta", "END")
BEFORE = {"the administrators' accounts": ("1-2-3",), "the enabled services": ("ldap", "mta")}
UNDER_WAY = replace(ORDER, goal=NEW, before=BEFORE)
ANSWERS = {
    "gad": "example.org\n",
    "gcf": "zimbraDefaultDomainName: example.org",
    "gs": "\n".join(f"zimbraServiceEnabled: {each}" for each in readback.ENABLED),
    "gaaa": "admin@example.org\n",
    "ga": "zimbraId: 1-2-3",
    "cn=config,cn=zimbra": "dn: cn=config,cn=zimbra\nzimbraHttpDosFilterMaxRequestsPerSec: 77\n",
    "status": "\tmta                     Running\n",
    "-v": "Release 9.0.0.GA.3924.UBUNTU18.64 UBUNTU18_64 FOSS edition.",
}
"""The answers of a complete server, by a word of the question."""

LOCAL = """\
<localconfig>
  <key name="zimbra_ldap_password"><value>of-the-directory</value></key>
  <key name="zimbra_server_hostname"><value>mail.example.org</value></key>
</localconfig>
"""
"""The local settings of a server."""

Effect = Callable[[tuple[str, ...]], "str | Exception | None"]


def write_packages(volume: Path, version: str, *, held: bool = True, names: tuple[str, ...] = PACKAGES) -> None:
    """Put a package list onto the volume with one version of everything."""
    write_status(volume, dict.fromkeys(names, f"{'hold' if held else 'install'} ok installed"), version)


def server(volume: Path, effect: Effect = lambda _argv: None, **environment: str) -> Context:
    """Return a context over a proven server of the older release; `effect` may answer a command before the table."""
    make_tree(volume)
    write_server(volume)
    write_packages(volume, OLD)
    (volume / backup.FILE.lstrip("/")).write_text(LOCAL)
    (volume / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (volume / "run/zflow").mkdir(parents=True, exist_ok=True)

    def answer(argv: tuple[str, ...]) -> str | Exception:
        found = effect(argv)
        return next((ANSWERS[word] for word in argv if word in ANSWERS), "") if found is None else found

    settings = (*SERVER, PROXY, *SETTINGS, *HARDENING)
    named = {"ZFLOW_HOSTNAME": NAME, "ZFLOW_MINIMUM_DISK_GIB": "1", **environment}
    return make_context(volume, settings, named, shell=Answering(volume, answer))


def unpacked(ctx: Context, version: str = NEW, *names: str) -> Path:
    """Unpack the newer release: its labels, its packages by their names."""
    folder = unpack.installer(ctx)
    (folder / "packages").mkdir(parents=True, exist_ok=True)
    for name in ("util", "bin"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "install.sh").touch()
    (folder / ".BUILD_PLATFORM").write_text("UBUNTU18_64\n")
    (folder / ".BUILD_TYPE").write_text("FOSS\n")
    (folder / unpack.MARK).write_text(f"{ARCHIVE.sha256}\n")
    for name in names or [each for each in PACKAGES if each != "zimbra-memcached"]:
        (folder / "packages" / f"{name}_{version}_amd64.deb").touch()
    return folder


def upgraded(volume: Path, *, stages: tuple[str, ...] = (), complete: bool = True) -> None:
    """Write what the installer of the newer release leaves, and how far zmsetup.pl came."""
    newer = session(200, word="UPGRADED", version=NEW, complete=complete, stages=stages)
    write_history(volume, session(100, stages=STAGES), newer)
    if complete:
        write_packages(volume, NEW, held=False)
