"""What is compared of two servers: their files, every attribute of the directory, and the local settings."""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as Xml
from dataclasses import dataclass
from pathlib import Path

from rehearsal.standin.runtime.entries import fits
from tests.e2e.trees import Entry, attributes, plain, tree
from zflow.journal.reader import events, reading
from zflow.status.document import gather

ADMIN = "account/admin@example.test"
OWN_RANDOM = {
    "mysql_root_password": "made by the vendor's script at random; no answer names it",
    "zimbra_mysql_password": "made by the vendor's script at random; no answer names it",
}
"""Local settings that no two installations have in common, and why."""


@dataclass(frozen=True)
class Seen:
    """A server as a walk left it, and what the walk left on record."""

    files: dict[str, Entry]
    entries: dict[str, dict[str, list[str]]]
    local: dict[str, str]
    maps: dict[str, str]
    """The texts of postfix's tables."""
    passwords: dict[str, bool]
    """Whether zflow's secret is the password that the server goes by."""
    leaks: list[str]
    """Where one of zflow's secrets can be read that is no place for it."""
    events: list[dict[str, str]]


def seen(volume: Path) -> Seen:
    """Return what is on a volume; what an unfinished one lacks is empty."""
    with reading(volume) as journal:
        rows = [{name: str(row[name]) for name in ("kind", "step", "code", "detail")} for row in events(journal)]
    home = volume / "opt/zimbra"
    whole = (home / "conf/ldap-slm").exists()
    return Seen(
        files=tree(volume),
        entries=attributes(volume) if whole else {},
        local=local(home / "conf/localconfig.xml") if whole else {},
        maps={path.name: settled(path.read_text()) for path in sorted((home / "conf").glob("ldap-*"))},
        passwords=passwords(volume) if whole else {},
        leaks=leaks(volume),
        events=rows,
    )


def settled(text: str) -> str:
    """Return a table without the account made last: it gets in some seconds after the configuration has ended."""
    return "".join(line for line in plain(text).splitlines(keepends=True) if not line.startswith("galsync"))


def local(path: Path) -> dict[str, str]:
    """Return the local settings but for those that are random."""
    keys = Xml.parse(path).getroot().findall("key")
    found = {key.attrib["name"]: key.findtext("value") or "" for key in keys}
    return {name: "random" if name in OWN_RANDOM else value for name, value in found.items()}


def passwords(volume: Path) -> dict[str, bool]:
    """Compare the server's passwords with zflow's secrets: the administrator's, the directory's, the services'."""
    secrets = {path.name: path.read_text().strip() for path in (volume / ".zflow/secrets").iterdir()}
    entries = json.loads((volume / "opt/zimbra/data/ldap/mdb/db/data.mdb").read_text())
    (stored,) = entries.get(ADMIN, {}).get("userPassword", [""])
    root = (volume / "opt/zimbra/data/ldap/config/cn=config").read_text()
    settings = local(volume / "opt/zimbra/conf/localconfig.xml")
    named = {
        "ldap_admin": "zimbra_ldap_password", "ldap_amavis": "ldap_amavis_password",
        "ldap_bes_searcher": "ldap_bes_searcher_password", "ldap_nginx": "ldap_nginx_password",
        "ldap_postfix": "ldap_postfix_password", "ldap_replication": "ldap_replication_password",
        "ldap_root": "ldap_root_password", "mailboxd_keystore": "mailboxd_keystore_password",
    }  # fmt: skip
    return {
        "the administrator's": fits(stored, secrets["admin_password"]),
        "cn=config": hashlib.sha256(secrets["ldap_root"].encode()).hexdigest() in root,
        **{secret: settings.get(key) == secrets[secret] for secret, key in named.items()},
    }


def leaks(volume: Path) -> list[str]:
    """Look for zflow's secrets in its journal, its logs, its progress and its status."""
    home = volume / ".zflow"
    secrets = {path.name: path.read_text().strip() for path in (home / "secrets").iterdir()}
    places = {"status": json.dumps(gather(volume))}
    for path in home.rglob("*"):
        if path.is_file() and path.parent.name not in {"secrets", "cache"}:
            places[str(path.relative_to(volume))] = path.read_bytes().decode("latin-1")
    return [f"{name} in {place}" for name, value in secrets.items() for place, text in places.items() if value in text]


def differences(first: dict[str, dict[str, object]], second: dict[str, dict[str, object]]) -> list[str]:
    """Return the attributes of the directory that are in one only, or differ, one a line."""
    lines = []
    for entry in sorted({*first, *second}):
        one, other = first.get(entry, {}), second.get(entry, {})
        lines += [
            f"{entry} {name}: {one.get(name)} / {other.get(name)}"
            for name in sorted({*one, *other})
            if one.get(name) != other.get(name)
        ]
    return lines
