"""zmconfigd's work: configuration files from the attributes, section by section."""

import base64
import pwd
import re
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

from . import host, localconfig, proxyconf, store

POSTFIX = host.HOME / "common/conf"
JETTY = host.HOME / "mailboxd/etc/jetty.xml"
SENDER_RESTRICTIONS = host.CONF / "zmconfigd/smtpd_sender_restrictions.cf"

SENDER_LOGIN_MAPS = host.CONF / "zmconfigd/smtpd_sender_login_maps.cf"

LOCAL_MAPS = {
    "proxy:ldap:/opt/zimbra/conf/ldap-slm.cf": "texthash:/opt/zimbra/conf/ldap-slm",
    "lmdb:/opt/zimbra/conf/": "texthash:/opt/zimbra/conf/",
}
"""The vendor's maps, and where the stand-in keeps what they would answer (Ubuntu's postfix has no LDAP, no LMDB)."""

_DIRECTIVE = re.compile(r"%%(contains|exact)\s+VAR:(\w+)\s+(.*)%%$")


def transform(line: str, lookup: store.Lookup) -> str:
    """One line of a zmconfigd template: its text when the attribute holds the word, else nothing."""
    directive = _DIRECTIVE.match(line.strip())
    if directive is None:
        return re.sub(r"%%(\w+)%%", lambda name: " ".join(lookup(name.group(1))), line.strip())
    kind, attribute, rest = directive.groups()
    needle, _, replacement = rest.partition("^")
    needle = needle.strip()
    values = lookup(attribute)
    present = (
        any(needle in value for value in values)
        if kind == "contains"
        else any(needle in value.split() for value in values)
    )
    if not present:
        return ""
    text = replacement.strip() or needle
    return re.sub(r"%%(\w+)%%", lambda name: " ".join(lookup(name.group(1))), text)


def joined(template: Path, lookup: store.Lookup) -> str:
    """A FILE template: its lines transformed, the empty ones dropped, the rest joined."""
    lines = (transform(line, lookup) for line in template.read_text().splitlines())
    return ", ".join(line for line in lines if line)


def _local_maps(text: str) -> str:
    for vendor, ours in LOCAL_MAPS.items():
        text = text.replace(vendor, ours)
    return text


_MAIN = {
    "auth_only": "zimbraMtaTlsAuthOnly",
    "ciphers": "zimbraMtaSmtpdTlsCiphers",
    "exclude": "zimbraMtaSmtpdTlsExcludeCiphers",
    "level": "zimbraMtaTlsSecurityLevel",
    "mandatory_ciphers": "zimbraMtaSmtpdTlsMandatoryCiphers",
    "mandatory_protocols": "zimbraMtaSmtpdTlsMandatoryProtocols",
    "mynetworks": "zimbraMtaMyNetworks",
    "sasl": "zimbraMtaSaslAuthEnable",
    "tls_protocols": "zimbraMtaSmtpdTlsProtocols",
    "unlisted_recipient": "zimbraMtaSmtpdRejectUnlistedRecipient",
    "unlisted_sender": "zimbraMtaSmtpdRejectUnlistedSender",
}


def main_cf(lookup: store.Lookup) -> str:
    """postfix's main.cf."""
    values = {key: " ".join(lookup(attribute)) for key, attribute in _MAIN.items()}
    user = pwd.getpwnam(host.USER)
    values.update(
        auth_only="yes" if values["auth_only"] == "TRUE" else "no",
        mynetworks=values["mynetworks"] or "127.0.0.0/8 [::1]/128",
        protocols={"ipv4": "ipv4", "ipv6": "ipv6", "both": "all"}[proxyconf.ip_mode(lookup)],
        host=localconfig.get("zimbra_server_hostname"),
        uid=str(user.pw_uid),
        gid=str(user.pw_gid),
        login_maps=_local_maps(joined(SENDER_LOGIN_MAPS, lookup)),
        sender_restrictions=_local_maps(joined(SENDER_RESTRICTIONS, lookup)),
    )
    return host.template("main.cf") % values


def maps(directory: store.Directory) -> Dict[str, str]:
    """What the vendor's LDAP maps would answer, one text per map."""
    tables: Dict[str, List[Tuple[str, str]]] = {"vmd": [], "vmm": [], "vam": [], "slm": []}
    tables["vmd"] = [(name, "OK") for name in directory.names("domain")]
    for name in directory.names("account"):
        entry = directory.entries["account/" + name]
        aliases = entry.get("zimbraMailAlias", [])
        tables["vmm"].append((name, name + "/"))
        tables["vam"] += [(alias, name) for alias in aliases]
        tables["slm"] += [(address, name) for address in [name, *aliases, *entry.get("zimbraAllowFromAddress", [])]]
    return {
        key: "".join("{} {}\n".format(left, right) for left, right in sorted(set(rows))) for key, rows in tables.items()
    }


def _write_dhparam(lookup: store.Lookup) -> None:
    """MAPFILE: written whenever zmconfigd reads its zmconfigd.cf, whatever it was asked for (mtaconfig.py 283-284)."""
    for value in lookup("zimbraSSLDHParam"):
        host.write_atomic(proxyconf.DHPARAM, base64.b64decode(value).decode(), 0o644)


def _jetty(lookup: store.Lookup) -> str:
    return "<!-- sslProtocols: {} -->\n".format(" ".join(lookup("zimbraMailboxdSSLProtocols")))


_PROXY = host.words(
    "zimbraImapProxyBindPort zimbraImapSSLProxyBindPort zimbraMailPort zimbraMailProxyPort zimbraMailSSLProxyPort "
    "zimbraPop3ProxyBindPort zimbraPop3SSLProxyBindPort zimbraReverseProxyImapStartTlsMode zimbraReverseProxyMailMode "
    "zimbraReverseProxyPop3StartTlsMode zimbraReverseProxyResponseHeaders zimbraReverseProxySSLCiphers "
    "zimbraReverseProxySSLECDHCurve zimbraReverseProxySSLProtocols"
)
_MAILBOX = host.words("zimbraIPMode zimbraMailPort zimbraMailSSLPort")
"""Not zimbraMailboxdSSLProtocols: zmconfigd does not see it change (zmconfigd.cf 296-333)."""


class Section(NamedTuple):
    """One of zmconfigd.cf: what is compared, what is rendered, which command zmconfigd restarts by itself."""

    keys: Callable[[store.Lookup], List[object]]
    files: Callable[[store.Lookup], Dict[Path, str]]
    restarts: str


SECTIONS: Dict[str, Section] = {
    "mta": Section(
        lambda lookup: [
            *(lookup(name) for name in (*_MAIN.values(), "zimbraIPMode")),
            *(joined(template, lookup) for template in (SENDER_LOGIN_MAPS, SENDER_RESTRICTIONS)),
        ],
        lambda lookup: {POSTFIX / "main.cf": main_cf(lookup), POSTFIX / "master.cf": host.template("master.cf")},
        "zmmtactl",
    ),
    "mailbox": Section(
        lambda lookup: [lookup(name) for name in _MAILBOX], lambda lookup: {JETTY: _jetty(lookup)}, "zmmailboxdctl"
    ),
    "proxy": Section(
        lambda lookup: [lookup(name) for name in _PROXY],
        lambda lookup: {proxyconf.NGINX: proxyconf.nginx(lookup)},
        "zmproxyctl",
    ),
}
"""Of the vendor's zmconfigd.cf (zm-ldap-utilities) those that have files here; asking for others does nothing."""


def turn(seen: Dict[str, object], requested: Sequence[str] = ()) -> List[str]:
    """One turn of zmconfigd's loop; the sections that were rendered.

    The changes of all sections are noted in `seen`, and on a request only the requested ones are rendered: what
    changed in the others is not rendered by a later turn either (zm-jython 8.8.15, state.py 515-557, 576-585).
    """
    name = localconfig.get("zimbra_server_hostname")
    with store.opened() as directory:
        if "server/" + name not in directory.entries:
            return []

        def lookup(attribute: str) -> List[str]:
            return directory.value("server/" + name, attribute)

        _write_dhparam(lookup)
        rendered = []
        for title, section in SECTIONS.items():
            keys = section.keys(lookup)
            changed, seen[title] = seen.get(title) != keys, keys
            if title in requested or (changed and not requested):
                rendered.append(title)
                for path, text in section.files(lookup).items():
                    host.write_atomic(path, text, 0o644)
    return rendered


def refresh_maps() -> bool:
    """Write what the vendor's LDAP maps answer from the directory itself; whether anything changed."""
    with store.opened() as directory:
        tables = maps(directory)
    written = [host.write_atomic(host.CONF / ("ldap-" + key), text, 0o644) for key, text in tables.items()]
    return any(written)
