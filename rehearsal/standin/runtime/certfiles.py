"""Where certificates lie, and the small repairs that zmcertmgr makes to them."""

import os
import re
import shutil
from pathlib import Path
from typing import Dict, List

from . import host

SSL = host.HOME / "ssl/zimbra"
CA_CONF = host.CONF / "ca"
KEYSTORE = host.HOME / "mailboxd/etc/keystore"
CACERTS = host.HOME / "common/etc/java/cacerts"

FILES: Dict[str, Path] = {
    "ca_key": SSL / "ca/ca.key",
    "ca_crt": SSL / "ca/ca.pem",
    "self_key": SSL / "server/server.key",
    "self_csr": SSL / "server/server.csr",
    "self_crt": SSL / "server/server.crt",
    "comm_key": SSL / "commercial/commercial.key",
    "comm_crt": SSL / "commercial/commercial.crt",
    "comm_ca_crt": SSL / "commercial/commercial_ca.crt",
    "mailboxd_crt": host.HOME / "mailboxd/etc/mailboxd.pem",
}

DEPLOYED: Dict[str, Path] = {
    "imapd": host.CONF / "imapd.crt",
    "ldap": host.CONF / "slapd.crt",
    "mailboxd": FILES["mailboxd_crt"],
    "mta": host.CONF / "smtpd.crt",
    "proxy": host.CONF / "nginx.crt",
}

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)


class Refused(Exception):
    """What makes the command end with 1, after `ERROR: ...` was printed."""


def refuse(message: str) -> Refused:
    """Print the vendor's error line (on stdout, as the vendor does)."""
    print("ERROR: {}".format(message))
    return Refused(message)


def check_readable(*files: Path) -> None:
    """Each file must be readable by zimbra."""
    bad = [path for path in files if not os.access(str(path), os.R_OK)]
    for path in bad:
        print("ERROR: Can't read file '{}'".format(path))
    if bad:
        raise Refused


def init_directories() -> None:
    """Make the directories; those present must be writable."""
    good = True
    for folder in (SSL, SSL / "ca", SSL / "ca/newcerts", SSL / "commercial", SSL / "server", CA_CONF):
        if not folder.is_dir():
            print("** Creating directory '{}'".format(folder))
            folder.mkdir(parents=True)
        elif not os.access(str(folder), os.W_OK):
            print("ERROR: initSSLDirs: no write permission for '{}'".format(folder))
            good = False
    if not good:
        raise Refused
    os.chmod(str(CA_CONF), 0o755)


def certificates(text: str) -> List[str]:
    """Each certificate of a concatenated PEM."""
    return _CERTIFICATE.findall(text)


def fix_newlines(path: Path) -> None:
    """CRLF and a missing last newline are repaired in place, with a copy beside."""
    text = path.read_bytes().decode()
    fixed = text.replace("\r", "")
    if not fixed.endswith("\n"):
        fixed += "\n"
    if fixed != text:
        print("** Fixing newlines in '{}'".format(path))
        shutil.copy(str(path), "{}.bak".format(path))
        path.write_text(fixed)


def keep_first(path: Path) -> None:
    """Of a full chain only the leaf stays in the certificate file."""
    found = certificates(path.read_text())
    if len(found) > 1:
        print("** Keeping first certificate in '{}'".format(path))
        shutil.copy(str(path), "{}.orig".format(path))
        path.write_text(found[0])


def copy(source: Path, target: Path) -> None:
    """Copy contents, saying so."""
    print("** Copying '{}' to '{}'".format(source, target))
    check_readable(source)
    with open(str(target), "wb") as out:
        out.write(source.read_bytes())


def append(chain: Path, target: Path) -> None:
    """Add the chain behind the leaf."""
    print("** Appending ca chain '{}' to '{}'".format(chain, target))
    with open(str(target), "a") as out:
        out.write(chain.read_text())
