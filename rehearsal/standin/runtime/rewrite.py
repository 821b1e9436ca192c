"""zmconfigd's work: configuration files from the attributes, section by section."""

import base64
import pwd
import re
import socket
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from . import host, localconfig, store

NGINX = host.CONF / "nginx.conf"
POSTFIX = host.HOME / "common/conf"
DHPARAM = host.CONF / "dhparam.pem"
JETTY = host.HOME / "mailboxd/etc/jetty.xml"
SENDER_RESTRICTIONS = host.CONF / "zmconfigd/smtpd_sender_restrictions.cf"

SENDER_LOGIN_MAPS = host.CONF / "zmconfigd/smtpd_sender_login_maps.cf"

LOCAL_MAPS = {
    "proxy:ldap:/opt/zimbra/conf/ldap-slm.cf": "texthash:/opt/zimbra/conf/ldap-slm",
    "lmdb:/opt/zimbra/conf/": "texthash:/opt/zimbra/conf/",
}
"""The vendor's maps, and where the stand-in keeps what they would answer (Ubuntu's postfix has no LDAP, no LMDB)."""

_DIRECTIVE = re.compile(r"%%(contains|exact)\s+VAR:(\w+)\s+(.*)%%$")

Lookup = Callable[[str], List[str]]


def transform(line: str, lookup: Lookup) -> str:
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


def joined(template: Path, lookup: Lookup) -> str:
    """A FILE template: its lines transformed, the empty ones dropped, the rest joined."""
    lines = (transform(line, lookup) for line in template.read_text().splitlines())
    return ", ".join(line for line in lines if line)


def _template(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text()


def _local_maps(text: str) -> str:
    for vendor, ours in LOCAL_MAPS.items():
        text = text.replace(vendor, ours)
    return text


def _tls(lookup: Lookup) -> str:
    lines = [
        "ssl_certificate /opt/zimbra/conf/nginx.crt;",
        "ssl_certificate_key /opt/zimbra/conf/nginx.key;",
        "ssl_protocols {};".format(" ".join(lookup("zimbraReverseProxySSLProtocols"))),
        "ssl_ciphers {};".format(lookup("zimbraReverseProxySSLCiphers")[0]),
        "ssl_ecdh_curve {};".format(lookup("zimbraReverseProxySSLECDHCurve")[0]),
        "ssl_prefer_server_ciphers on;",
        "ssl_session_timeout 10m;",
    ]
    if DHPARAM.exists():
        lines.append("ssl_dhparam {};".format(DHPARAM))
    return "\n".join("    " + line for line in lines)


def _listen(port: str, mode: str, words: str = "", at: Optional[str] = None) -> str:
    """zm-nginx-conf 8.8.15, nginx.conf.web.https.default.template 33-35; `at` is a virtual host's `${vip}`."""
    place = ("" if mode == "ipv4" else "[::]:") if at is None else at
    return "listen {}{}{}{};".format(place, port, words, " ipv6only=off" if mode == "both" else "")


def _server(lines: Sequence[str]) -> str:
    return "\n".join(["    server {", *("        " + line for line in lines), "    }"])


class VirtualHost(NamedTuple):
    name: str
    address: str
    """The domain's own for it; empty where it has none."""


def virtual_hosts() -> List[VirtualHost]:
    """Those of all domains, which get a server each (zm-mailbox 8.8.15, ProxyConfGen.java 2183-2264).

    A domain without a certificate of its own counts too, for it inherits zimbraReverseProxyClientCertMode.
    """
    with store.opened() as directory:
        domains = [directory.entries["domain/" + name] for name in directory.names("domain")]
    found: List[VirtualHost] = []
    for domain in domains:
        names, addresses = domain.get("zimbraVirtualHostname", []), domain.get("zimbraVirtualIPAddress", [])
        if len(addresses) != len(names):
            addresses = (addresses[:1] or [""]) * len(names)
        found += [VirtualHost(*pair) for pair in zip(names, addresses)]
    return found


def _place(virtual: VirtualHost, mode: str, sni: bool) -> str:
    """Where the server of a virtual host listens; ProxyConfGen.java 2612-2668."""
    try:
        found = socket.getaddrinfo(virtual.address or virtual.name, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return ""
    family, address = min((each[0], each[4][0]) for each in found)  # Java takes IPv4 first
    six = family == socket.AF_INET6
    if mode != "both" and six == (mode == "ipv4"):
        raise ValueError("{} is of another family than zimbraIPMode '{}'".format(address, mode))
    if sni:
        return "[::]:" if six else ""
    return ("[{}]:" if six else "{}:").format(address)


def _http(lookup: Lookup, mode: str) -> str:
    """The servers in the order of nginx.conf.web.template: those of virtual hosts before the server's own."""
    web = (lookup("zimbraReverseProxyMailMode") or ["https"])[0]
    name = "server_name {};".format(localconfig.get("zimbra_server_hostname"))
    backend = "location / {{ proxy_pass http://127.0.0.1:{}; }}".format((lookup("zimbraMailPort") or ["8080"])[0])
    headers = [
        'add_header {} "{}";'.format(name.strip(), value.strip().replace('"', '\\"'))
        for name, _, value in (header.partition(":") for header in lookup("zimbraReverseProxyResponseHeaders"))
    ]
    sni = lookup("zimbraReverseProxySNIEnabled") == ["TRUE"]
    hosts = virtual_hosts()
    places = [(virtual.name, _place(virtual, mode, sni)) for virtual in hosts]

    def servers(port: str, words: str, content: Sequence[str]) -> List[str]:
        virtual = [
            _server(["server_name {};".format(host_name), _listen(port, mode, words, at=place), *content])
            for host_name, place in places
        ]
        default = "" if words else " default_server"  # with TLS strict names decide which one is
        return [*virtual, _server([name, _listen(port, mode, words + default), *content])]

    found: List[str] = []
    if web in ("https", "both", "mixed", "redirect"):
        port = lookup("zimbraMailSSLProxyPort")[0]
        found = servers(port, " ssl", [*headers, backend])
        if lookup("zimbraReverseProxyStrictServerNameEnabled") == ["TRUE"]:
            own = sorted({virtual.address + ":" for virtual in hosts if virtual.address})
            listens = [_listen(port, mode, " default_server ssl", at=each) for each in (None, *own)]
            found.insert(len(found) - 1, _server(["server_name _;", *listens, "return 400;"]))
    port = lookup("zimbraMailProxyPort")[0]
    if web in ("http", "both", "mixed"):
        found += servers(port, "", [*headers, backend])
    if web == "redirect":
        found += servers(port, "", ["return 301 https://$host$request_uri;"])
    return "\n".join(found)


def _mail(lookup: Lookup, mode: str) -> str:
    servers = []
    for protocol, name in (("imap", "Imap"), ("pop3", "Pop3")):
        start = lookup("zimbraReverseProxy{}StartTlsMode".format(name))[0]
        plain = lookup("zimbra{}ProxyBindPort".format(name))[0]
        secure = lookup("zimbra{}SSLProxyBindPort".format(name))[0]
        spoken = "protocol {};".format(protocol)
        servers.append(_server([_listen(plain, mode), spoken, "starttls {};".format(start)]))
        servers.append(_server([_listen(secure, mode, " ssl"), spoken]))
    return "\n".join(servers)


def _mode(lookup: Lookup) -> str:
    return (lookup("zimbraIPMode") or ["ipv4"])[0]


def nginx(lookup: Lookup) -> str:
    """The proxy's configuration."""
    mode = _mode(lookup)
    return _template("nginx.conf") % {
        "host": localconfig.get("zimbra_server_hostname"),
        "tls": _tls(lookup),
        "http": _http(lookup, mode),
        "mail": _mail(lookup, mode),
    }


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


def main_cf(lookup: Lookup) -> str:
    """postfix's main.cf."""
    values = {key: " ".join(lookup(attribute)) for key, attribute in _MAIN.items()}
    user = pwd.getpwnam(host.USER)
    values.update(
        auth_only="yes" if values["auth_only"] == "TRUE" else "no",
        mynetworks=values["mynetworks"] or "127.0.0.0/8 [::1]/128",
        protocols={"ipv4": "ipv4", "ipv6": "ipv6", "both": "all"}[_mode(lookup)],
        host=localconfig.get("zimbra_server_hostname"),
        uid=str(user.pw_uid),
        gid=str(user.pw_gid),
        login_maps=_local_maps(joined(SENDER_LOGIN_MAPS, lookup)),
        sender_restrictions=_local_maps(joined(SENDER_RESTRICTIONS, lookup)),
    )
    return _template("main.cf") % values


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


def _write_dhparam(lookup: Lookup) -> None:
    """MAPFILE: written whenever zmconfigd reads its zmconfigd.cf, whatever it was asked for (mtaconfig.py 283-284)."""
    for value in lookup("zimbraSSLDHParam"):
        host.write_atomic(DHPARAM, base64.b64decode(value).decode(), 0o644)


def _jetty(lookup: Lookup) -> str:
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

    keys: Callable[[Lookup], List[object]]
    files: Callable[[Lookup], Dict[Path, str]]
    restarts: str


SECTIONS: Dict[str, Section] = {
    "mta": Section(
        lambda lookup: [
            *(lookup(name) for name in (*_MAIN.values(), "zimbraIPMode")),
            *(joined(template, lookup) for template in (SENDER_LOGIN_MAPS, SENDER_RESTRICTIONS)),
        ],
        lambda lookup: {POSTFIX / "main.cf": main_cf(lookup), POSTFIX / "master.cf": _template("master.cf")},
        "zmmtactl",
    ),
    "mailbox": Section(
        lambda lookup: [lookup(name) for name in _MAILBOX], lambda lookup: {JETTY: _jetty(lookup)}, "zmmailboxdctl"
    ),
    "proxy": Section(
        lambda lookup: [lookup(name) for name in _PROXY], lambda lookup: {NGINX: nginx(lookup)}, "zmproxyctl"
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
