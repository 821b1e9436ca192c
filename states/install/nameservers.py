"""The container's nameservers, which the server's own DNS asks for the rest of the world."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from states.server import mail_domain
from states.ubuntu.container import container_resolver, nameservers
from states.ubuntu.dnsquery import MX, NS, ask
from states.zimbra.networks import family_lost
from zflow.api import Context

OURSELVES = frozenset({"127.0.0.1", "::1"})
"""Never forwarded to. Other loopback addresses may be the engine's resolver (Docker's is 127.0.0.11)."""
UPSTREAM_PATIENCE = 1.0
"""Seconds that a nameserver of the container gets for an answer, twice."""
FRESH = 60.0
"""Seconds for which an answer is reused: the looks of a walk follow each other."""


def upstream() -> list[str]:
    """Return the container's nameservers in order, without this machine itself."""
    return [each for each in nameservers(container_resolver()) if each not in OURSELVES]


@lru_cache(maxsize=1)
def silent(servers: tuple[str, ...], domain: str, _moment: float = 0.0) -> list[str]:
    """Return the nameservers that do not answer, or answer only with a failure.

    An engine's resolver always answers, and knows its containers' names without any nameserver behind it; so it is
    asked for the root, and for the mail domain, which a private network may have alone. Another `_moment` asks again.
    """

    def answers(server: str) -> bool:
        for question, kind in ((".", NS), (domain, MX)):
            try:
                ask(question, kind, server=server, timeout=UPSTREAM_PATIENCE)
            except OSError:
                continue
            return True
        return False

    with ThreadPoolExecutor(len(servers)) as pool:
        return [server for server, answered in zip(servers, pool.map(answers, servers), strict=True) if not answered]


def notices(ctx: Context) -> tuple[str, ...]:
    """Return notices: nameservers that do not answer, and addresses that do not fit the server."""
    lost = family_lost(ctx)
    return (*([lost] if lost else []), *_nameservers(mail_domain(ctx)))


def _nameservers(domain: str) -> tuple[str, ...]:
    servers = upstream()
    if not servers:
        return ("the container has no nameserver: mail to other servers cannot be delivered; use --dns",)
    if not (dead := silent(tuple(servers), domain, time.monotonic() // FRESH)):
        return ()
    if len(dead) < len(servers):
        verb, them = ("does", "it") if len(dead) == 1 else ("do", "them")
        return (f"of the container's nameservers {', '.join(dead)} {verb} not answer; remove {them} from --dns",)
    return (
        f"no nameserver answers ({', '.join(dead)}): mail to other servers cannot be delivered; give the container "
        "another one with --dns",
    )
