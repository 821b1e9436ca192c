"""configrewrite: asks zmconfigd to render sections now."""

import socket
from typing import List, Sequence

from . import host, rewrite

PORT = 7171
PATIENCE = 120.0
"""Seconds; zimbra_configrewrite_timeout."""


def ask(sections: Sequence[str]) -> None:
    """Have the running zmconfigd render sections; without one it is done here (libexec/configrewrite 24-32)."""
    try:
        with socket.create_connection(("127.0.0.1", PORT), PATIENCE) as peer:
            peer.sendall("REWRITE {}\n".format(" ".join(sections)).encode())
            peer.recv(2048)
    except OSError:
        rewrite.turn({}, sections)
        rewrite.refresh_maps()


def main(arguments: List[str]) -> int:
    """configrewrite SECTION..."""
    host.require_zimbra()
    ask(arguments)
    return 0
