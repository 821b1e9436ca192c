"""zmconfigd: renders what the attributes changed and reloads the servers concerned."""

import sys
import time
from typing import List

from . import host, localconfig, rewrite, services


def once() -> None:
    """One cycle."""
    for name in rewrite.everything():
        server = services.SERVERS[name]
        if localconfig.get("zmconfigd_enable_config_restarts") == "true" and server.running():
            server.reload()


def forever() -> None:
    """A cycle every few seconds instead of the vendor's minute."""
    while True:
        time.sleep(3)
        try:
            once()
        except (OSError, ValueError, KeyError, IndexError) as problem:
            print(problem, file=sys.stderr, flush=True)


def main(arguments: List[str]) -> int:
    """configrewrite SERVICE...: a cycle at once."""
    host.require_zimbra()
    once()
    return 0
