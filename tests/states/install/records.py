"""Writes what the vendor's installers leave on the volume: their history, dpkg's list, the mark of a proven server."""

from __future__ import annotations

from pathlib import Path

from states.zimbra.history import HISTORY
from states.zimbra.proof import MARK
from states.zimbra.releases import PACKAGES

VERSION = "8.8.15.GA.3869.UBUNTU18.64-20190918004220"
STAGES = ("BEGIN", "configLCValues", "configInitCore", "END")


def session(
    start: int,
    *,
    packages: tuple[str, ...] = PACKAGES,
    word: str = "INSTALLED",
    version: str = VERSION,
    complete: bool = True,
    stages: tuple[str, ...] = (),
) -> str:
    """Return the lines of one session of install.sh and what zmsetup.pl adds, as docs/zimbra.md §1.5 and §2.3 show."""
    lines = ["INSTALL SESSION START"]
    if complete:
        lines += [f"{word} {name}_{version}_amd64.deb" for name in packages]
        lines += ["INSTALL SESSION COMPLETE"]
    if stages:
        lines += ["CONFIG SESSION START", *(f"CONFIGURED {each}" for each in stages)]
    return "".join(f"{start + number // 20}: {line}\n" for number, line in enumerate(lines))


def write_history(volume: Path, *sessions: str) -> None:
    """Put a history onto the volume."""
    (volume / HISTORY).parent.mkdir(parents=True, exist_ok=True)
    (volume / HISTORY).write_text("".join(sessions))


def write_status(volume: Path, states: dict[str, str], version: str = "1") -> None:
    """Put a package list onto the volume: `Status:` by name, one version of all."""
    path = volume / "var/lib/dpkg/status"
    path.parent.mkdir(parents=True, exist_ok=True)
    stanzas = [f"Package: {name}\nStatus: {status}\nVersion: {version}\n" for name, status in states.items()]
    path.write_text("\n".join(["Package: bash\nStatus: install ok installed\nVersion: 4\n", *stanzas]))


def write_packages(volume: Path, *names: str) -> None:
    """Put a package list of Ubuntu's own packages onto the volume, all installed."""
    path = volume / "var/lib/dpkg/status"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(f"Package: {name}\nStatus: install ok installed\nVersion: 1\n" for name in names))


def installed(*, held: bool = False) -> dict[str, str]:
    """Return the list of a whole server."""
    return dict.fromkeys(PACKAGES, f"{'hold' if held else 'install'} ok installed")


def write_proof(volume: Path, start: int) -> None:
    """Put the mark of a proven server onto the volume."""
    (volume / MARK).parent.mkdir(parents=True, exist_ok=True)
    (volume / MARK).write_text(f"{start}\n")


def write_server(volume: Path, start: int = 100) -> None:
    """Put all records of a proven server onto the volume."""
    write_history(volume, session(start, stages=STAGES))
    write_status(volume, installed())
    write_proof(volume, start)
    (volume / "opt/zimbra/conf").mkdir(parents=True, exist_ok=True)
    text = '<localconfig>\n  <key name="zimbra_server_hostname">\n    <value>{}</value>\n  </key>\n</localconfig>\n'
    (volume / "opt/zimbra/conf/localconfig.xml").write_text(text.format("mail.example.org"))
