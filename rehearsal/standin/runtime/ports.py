"""Which ports the stand-in's tiny servers hold, by server."""

from typing import Dict, List, NamedTuple


class Port(NamedTuple):
    number: int
    kind: str
    tls: bool


def _ports(kind: str, *numbers: int, tls: bool = False) -> List[Port]:
    return [Port(number, kind, tls) for number in numbers]


PORTS: Dict[str, List[Port]] = {
    "amavisd": _ports("smtp", 10024, 10026, 10032),
    "antispam": [],
    "antivirus": _ports("silent", 3310),
    "logger": [],
    "mailboxd": [
        *_ports("http", 7071, 7073, 8443, tls=True),
        *_ports("http", 8080),
        *_ports("lookup", 7072),
        *_ports("lmtp", 7025),
        *_ports("imap", 7143),
        *_ports("imap", 7993, tls=True),
        *_ports("pop", 7110),
        *_ports("pop", 7995, tls=True),
        *_ports("silent", 5222),
        *_ports("silent", 5223, tls=True),
    ],
    "mysql": _ports("silent", 7306),
    "opendkim": _ports("silent", 8465),
    "saslauthd": [],
    "slapd": _ports("silent", 389),
    "spell": _ports("http", 7780),
    "stats": [],
    "swatch": [],
    "zmconfigd": _ports("configd", 7171),
}
