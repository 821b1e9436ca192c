"""The proxy's configuration from the attributes, as the vendor's ProxyConfGen and templates make it."""

import socket
from typing import List, NamedTuple, Optional, Sequence

from . import host, localconfig, store

NGINX = host.CONF / "nginx.conf"
DHPARAM = host.CONF / "dhparam.pem"


def _tls(lookup: store.Lookup) -> str:
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


def _leads(name: str, mode: str) -> List[str]:
    """The addresses of a name, the one first that Java takes.

    By zmiptool's options (zm-core-utils 8.8.15, src/libexec/zmiptool 143-144, 274-275) it sees IPv4 alone in mode
    `ipv4`, unless an address is asked for, and takes IPv6 first in mode `ipv6`; else IPv4 first.
    """
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)}
    except OSError:
        return []
    seen = [each for each in found if mode != "ipv4" or ":" not in each or each == name]
    return sorted(seen, key=lambda each: ((":" in each) != (mode == "ipv6"), each))


def _place(virtual: VirtualHost, mode: str, sni: bool) -> str:
    """Where the server of a virtual host listens; ProxyConfGen.java 2612-2668."""
    address = (_leads(virtual.address or virtual.name, mode) or [""])[0]
    if not address:
        return ""
    six = ":" in address
    if mode != "both" and six == (mode == "ipv4"):
        kind = "IPv6" if six else "IPv4"
        raise ValueError("{} is an {} address but zimbraIPMode is '{}'".format(address, kind, mode))
    if sni:
        return "[::]:" if six else ""
    return ("[{}]:" if six else "{}:").format(address)


def _http(lookup: store.Lookup, mode: str) -> str:
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


def _mail(lookup: store.Lookup, mode: str) -> str:
    servers = []
    for protocol, name in (("imap", "Imap"), ("pop3", "Pop3")):
        start = lookup("zimbraReverseProxy{}StartTlsMode".format(name))[0]
        plain = lookup("zimbra{}ProxyBindPort".format(name))[0]
        secure = lookup("zimbra{}SSLProxyBindPort".format(name))[0]
        spoken = "protocol {};".format(protocol)
        servers.append(_server([_listen(plain, mode), spoken, "starttls {};".format(start)]))
        servers.append(_server([_listen(secure, mode, " ssl"), spoken]))
    return "\n".join(servers)


def ip_mode(lookup: store.Lookup) -> str:
    return (lookup("zimbraIPMode") or ["ipv4"])[0]


def nginx(lookup: store.Lookup) -> str:
    """The proxy's configuration; its last line says whether it is whole (ProxyConfGen.java 3264, 3274)."""
    mode = ip_mode(lookup)
    try:
        return host.template("nginx.conf") % {
            "host": localconfig.get("zimbra_server_hostname"),
            "tls": _tls(lookup),
            "http": _http(lookup, mode),
            "mail": _mail(lookup, mode),
        }
    except ValueError as problem:
        return "\n#__CONF_GEN_ERROR__:{}\n".format(problem)


def fault(text: str) -> str:
    """Why zmproxyctl does not start nginx on such a configuration; empty where it does (zmproxyctl 8.8.15, 76-90)."""
    last = (text.splitlines() or [""])[-1]
    return "" if "__SUCCESS__" in last else last.partition(":")[2] or "unknown"
