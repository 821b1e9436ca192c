"""Compares two volumes file by file, leaving out what no two installations have in common, each with its reason."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

EXCLUDED: tuple[tuple[str, str], ...] = (
    (r"\.zflow(/|$)", "zflow's own journal, logs and caches: they tell of the interruptions"),
    (r"(proc|sys|dev|run|tmp)(/|$)", "mounts of the container and temporary files"),
    (r"var/(log|tmp|cache|backups)(/|$)", "logs, caches and their times"),
    (r"opt/zimbra/(log|zmstat|\.saveconfig)(/|$)", "logs of the vendor, copies its installer keeps"),
    (r"opt/zimbra/config\.\d+$", "the vendor names its saved configuration after a process id"),
    (r"opt/zimbra/ssl/zimbra\.\d+(/|$)", "the vendor names what it replaces by the time"),
    (r"opt/zimbra/\.standin-fired$", "where the stand-in counts how often it misbehaved as it was told to"),
    (r"opt/zimbra/\.install_history$", "the vendor's history has the time of each session, and each interrupted one"),
    (r"opt/zimbra/((common/)?conf|data/ldap)/([\w.-]+/)*[\w.-]+\.\d+$", "what the stand-in was writing when cut off"),
    (r"opt/zimbra/data/postfix/spool/pid/", "locks of the services that mail happened to pass through"),
    (r"var/spool/postfix/dev/log$", "a socket that the system log makes when it starts after postfix was installed"),
    (r"etc/(ld\.so\.cache|mailcap|.*-)$", "caches and the previous copy that tools keep beside a file"),
    (r"var/lib/(apt|dpkg/info/.*\.list-new|systemd|logrotate|ucf|sgml-base)(/|$)", "apt's lists and stamps of runs"),
)
"""Patterns of paths relative to the volume, and why they may differ."""

VARIABLE: tuple[tuple[str, str], ...] = (
    (r"etc/zflow-release$", "has the time of the build"),
    (r"etc/machine-id$|var/lib/dbus/machine-id$", "random by its nature"),
    (r"(\.crt|\.key|\.pem|\.jks|\.pkcs12|\.p12|\.srl|\.csr|\.db|keystore|cacerts)$", "made from random keys"),
    (r"\.pid$|\.lock$|/master\.lock$", "process ids"),
    (r"etc/(passwd|group|shadow|gshadow)-?$", "the day of a password's last change"),
    (r"etc/postfix/main\.cf$", "what a cut-off script of Ubuntu's postfix left; no server reads it"),
    (r"\.pyc$", "Python writes sets in the order of their hashes, which are random"),
    (r"etc/ssl/.*", "certificates made at installation"),
    (r"var/lib/dpkg/(status|diversions|triggers)", "the order of packages depends on how often they were set up"),
    (
        r"opt/zimbra/(data|conf)/.*",
        "certificates, entry ids and times; the directory is compared attribute by attribute, see `attributes`",
    ),
)
"""Files that must be there in both, with the same type, owner and mode, but whose content differs by its nature."""

BLOTTED: tuple[tuple[str, bytes, str], ...] = (
    (
        r"etc/hosts$|opt/zimbra/(\.zflow-networks|common/conf/main\.cf)$",
        rb"\b10\.\d+\.\d+\.\d+\b",
        "the container's address, another in each of its starts",
    ),
    (r"etc/hosts$", rb"\bzflow-test-\S+", "the engine gives a container its own name beside its host name"),
    (r"opt/zimbra/\.zflow-verified$", rb"\d+", "names the vendor's session by its time"),
    (r"var/spool/cron/crontabs/", rb"(?m)^# \(.*\)$", "cron writes the time of the installation above the table"),
)
"""Files compared without what matches, and why."""

Entry = tuple[str, int, int, int, str]


@dataclass(frozen=True)
class Snapshot:
    """What a first start left on a volume: its files, and the entries of the server's directory."""

    files: dict[str, Entry]
    entries: dict[str, dict[str, list[str]]]


def snapshot(volume: Path) -> Snapshot:
    """Return both, as they are now."""
    return Snapshot(tree(volume), attributes(volume))


def tree(volume: Path) -> dict[str, Entry]:
    """Return every path below a volume with its type, mode, owner, group and content's hash or link's target."""
    found: dict[str, Entry] = {}
    for folder, names, files in os.walk(volume):
        for name in [*names, *files]:
            path = Path(folder, name)
            relative = str(path.relative_to(volume))
            if any(re.match(pattern, relative) for pattern, _ in EXCLUDED):
                if name in names:
                    names.remove(name)
                continue
            found[relative] = _entry(path, relative)
    return found


def _entry(path: Path, relative: str) -> Entry:
    status = path.lstat()
    kind = stat.filemode(status.st_mode)[0]
    content = ""
    if kind == "l":
        content = str(path.readlink())
    elif kind == "-" and not any(re.search(pattern, relative) for pattern, _ in VARIABLE):
        content = hashlib.sha256(_blotted(path.read_bytes(), relative)).hexdigest()
    return kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content


RANDOM = frozenset(
    {
        "zimbraId", "userPassword", "zimbraSSLCertificate", "zimbraSSLPrivateKey", "zimbraCertAuthorityCertSelfSigned",
        "zimbraCertAuthorityKeySelfSigned", "DKIMKey", "DKIMPublicKey", "DKIMSelector", "DKIMIdentity",
    }
)  # fmt: skip
"""Attributes whose values are made from random numbers; that they are there is compared."""


def attributes(volume: Path) -> dict[str, dict[str, list[str]]]:
    """Return the stand-in's directory: each entry's attributes, without what is random and without addresses."""
    entries = json.loads((volume / "opt/zimbra/data/ldap/mdb/db/data.mdb").read_text())
    return {
        plain(key): {name: _values(name, values) for name, values in entry.items()} for key, entry in entries.items()
    }


def _values(name: str, values: list[str]) -> list[str]:
    return ["random"] * len(values) if name in RANDOM else sorted(plain(value) for value in values)


def plain(text: str) -> str:
    """Return a text without the container's address and the random name of the account for address books."""
    return re.sub(r"galsync\.[^@]+", "galsync", re.sub(r"\b10\.\d+\.\d+\.\d+\b", "ADDRESS", text))


def _blotted(content: bytes, relative: str) -> bytes:
    for place, what, _ in BLOTTED:
        if re.match(place, relative):
            content = re.sub(what, b"", content)
    return content


def differences(first: dict[str, Entry], second: dict[str, Entry]) -> list[str]:
    """Return what is in one tree only, or differs, as lines for a failing test."""
    lines = [f"only in the first: {path}" for path in sorted(first.keys() - second.keys())]
    lines += [f"only in the second: {path}" for path in sorted(second.keys() - first.keys())]
    both = sorted(first.keys() & second.keys())
    return lines + [f"differs: {path}: {first[path]} / {second[path]}" for path in both if first[path] != second[path]]
