"""zmldapinit and zmldappasswd: the first content of the stand-in's LDAP, and the passwords of its binds."""

import hashlib
import os
from typing import Dict, List

from . import entries, host, localconfig, services, store

ROOT = host.DATA / "ldap/config/cn=config"
"""The bind of cn=config: the shipped one is the word `zimbra`."""

_BINDS: Dict[str, str] = {
    "-a": "ldap_amavis_password",
    "-b": "ldap_bes_searcher_password",
    "-l": "ldap_replication_password",
    "-n": "ldap_nginx_password",
    "-p": "ldap_postfix_password",
    "-r": "ldap_root_password",
}


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def ship_config() -> None:
    """Lay down the shipped cn=config, over whatever password is there."""
    ROOT.parent.mkdir(parents=True, exist_ok=True)
    for folder in (ROOT.parent.parent, ROOT.parent):
        if os.geteuid() == 0:
            owner = os.stat(str(host.DATA))
            os.chown(str(folder), owner.st_uid, owner.st_gid)
    host.write_atomic(ROOT, "olcRootPW: {}\n".format(_hash("zimbra")), 0o600)


def set_root(password: str) -> None:
    """Change the root bind."""
    host.write_atomic(ROOT, "olcRootPW: {}\n".format(_hash(password)), 0o600)


def root_bind_works() -> bool:
    """Whether localconfig still knows the root password on disk."""
    return ROOT.read_text() == "olcRootPW: {}\n".format(_hash(localconfig.get("ldap_root_password")))


def _fill() -> None:
    with store.opened(write=True) as directory:
        release, known = host.version(), entries.ATTRIBUTES.values()
        begun = {
            place: {each.name: each.default(place, release) for each in known if each.default(place, release)}
            for place in ("config", "cos")
        }
        directory.create("config", begun["config"])
        directory.create("cos/default", dict(begun["cos"], cn=["default"]))


def main(arguments: List[str]) -> int:
    """zmldapinit ROOT-PASSWORD ADMIN-PASSWORD"""
    host.require_zimbra()
    if len(arguments) != 2:
        return 1
    localconfig.edit(ldap_root_password=arguments[0], zimbra_ldap_password=arguments[1], ldap_is_master="true")
    set_root(arguments[0])
    with store.opened(write=True):
        pass
    if services.CONTROLS["ldap"].start():
        return 1
    _fill()
    return 0


def passwd(arguments: List[str]) -> int:
    """zmldappasswd [-a|-b|-l|-n|-p|-r] PASSWORD"""
    host.require_zimbra()
    option, password = arguments if len(arguments) == 2 else ("", arguments[0])
    if not root_bind_works():
        print("Error: Unable to bind: Invalid credentials (49)")
        return 1
    if option == "-r":
        set_root(password)
    localconfig.edit(**{_BINDS.get(option, "zimbra_ldap_password"): password})
    print("Updating local config and LDAP")
    return 0
