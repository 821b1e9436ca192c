"""ldapsearch and slapcat over the stand-in's store: configuration, servers and domains, as LDIF."""

import argparse
import base64
import re
import sys
from typing import Iterator, List, Tuple

from . import host, localconfig, store

CLASSES = {"zimbraGlobalConfig": "config", "zimbraServer": "server", "zimbraDomain": "domain"}
"""What each class of entries is called in the store."""
FILTER = re.compile(r"\(?&?\(objectClass=(\w+)\)(?:\(cn=([^)]*)\)\))?$")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ldapsearch", add_help=False)
    for flag in ("-x", "-ZZ", "-LLL"):
        parser.add_argument(flag, action="store_true")
    for flag in ("-o", "-H", "-D", "-y", "-b", "-s"):
        parser.add_argument(flag, default="")
    parser.add_argument("filter")
    parser.add_argument("names", nargs="*")
    return parser


def _entries(directory: store.Directory, wanted: str) -> Iterator[Tuple[str, store.Entry]]:
    match = FILTER.match(wanted)
    if match is None or match.group(1) not in CLASSES:
        raise host.fail("ldap_search_ext: Bad search filter (-7)", 1)
    kind = CLASSES[match.group(1)]
    if kind == "config":
        yield "cn=config,cn=zimbra", directory.entries.get("config", {})
    for name in directory.names(kind):
        entry = directory.entries["{}/{}".format(kind, name)]
        if kind == "domain":
            yield ",".join("dc=" + part for part in name.split(".")), dict(entry, zimbraDomainName=[name])
        elif match.group(2) in (None, name):
            yield "cn={},cn=servers,cn=zimbra".format(name), dict(entry, cn=[name])


def _line(name: str, value: str) -> str:
    plain = value.isascii() if hasattr(value, "isascii") else all(ord(letter) < 128 for letter in value)
    if plain and value.isprintable() and not value.startswith((" ", ":", "<")):
        return "{}: {}".format(name, value)
    return "{}:: {}".format(name, base64.b64encode(value.encode()).decode())


def _show(wanted: str, names: List[str]) -> None:
    with store.opened() as directory:
        for path, entry in _entries(directory, wanted):
            print("dn: " + path)
            for name in sorted(entry):
                if not names or name in names:
                    print("\n".join(_line(name, value) for value in entry[name]))
            print()


def main(arguments: List[str]) -> int:
    """ldapsearch, bound as the user that Zimbra's own tools bind as."""
    options = _parser().parse_args(arguments)
    if not host.listens(389) or not store.initialised():
        raise host.fail("ldap_sasl_bind(SIMPLE): Can't contact LDAP server (-1)", 255)
    with open(options.y) as file:
        password = file.read()
    known = (localconfig.get("zimbra_ldap_userdn"), localconfig.get("zimbra_ldap_password"))
    if (options.D, password) != known:
        raise host.fail("ldap_bind: Invalid credentials (49)", 49)
    _show(options.filter, options.names)
    return 0


def slapcat(arguments: List[str]) -> int:
    """slapcat -F FOLDER -b '' -a FILTER: the same from the files, whether anything runs or not."""
    host.require_zimbra("slapcat: the database belongs to user zimbra")
    if not store.initialised():
        print("slapcat: could not open database.", file=sys.stderr)
        return 1
    _show(arguments[arguments.index("-a") + 1], [])
    return 0
