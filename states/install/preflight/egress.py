"""The servers that the install still needs something of: asked all at once, each for a moment.

Any HTTP answer is enough, even a refusal: the step that fetches from a server reports the rest. What is on the volume
already, or comes from it, needs no server: an installation from local files passes without any network.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from states.ubuntu import proxy
from states.ubuntu.settings import PROXY
from states.ubuntu.tree import os_release
from states.zimbra import source
from states.zimbra.archive import checked, wanted
from states.zimbra.settings import VENDOR_KEY
from zflow.api import Context, OperatorError

if TYPE_CHECKING:
    from email.message import Message

PATIENCE = 8.0
"""Seconds that all servers together get."""
OF_THE_PROXY = frozenset({407, 502, 503, 504})
"""Answers of a proxy that speak of itself and not of the server behind it; RFC 9110, 15.5.8 and 15.6."""


@dataclass(frozen=True)
class Answer:
    """A server's answer: why it was not reached, else its time (seconds since 1970) and this machine's."""

    place: str
    problem: str = ""
    theirs: float | None = None
    ours: float = 0.0

    @property
    def host(self) -> str:
        """The server's name, without the credentials that a URL may hold."""
        return urlsplit(self.place).hostname or self.place


def needed(ctx: Context) -> list[str]:
    """Return the URLs of what is still to be fetched: the archive, the key, the index of each package source."""
    return [each for each in (*_archive(ctx), *_key(ctx), *_indexes(ctx)) if each.startswith("http")]


def _archive(ctx: Context) -> list[str]:
    try:
        archive = wanted(ctx)
    except OperatorError:
        return []
    return [] if archive.local or checked(ctx, archive) else [archive.place]


def _key(ctx: Context) -> list[str]:
    return [] if source.has_key(ctx) else [ctx.settings[VENDOR_KEY]]


def _indexes(ctx: Context) -> list[str]:
    codename = os_release(ctx.volume).get("UBUNTU_CODENAME", "")
    missing = [each for each in source.sources(ctx) if not source.index(ctx, each).exists()]
    return [f"{each}/dists/{codename}/InRelease" for each in missing]


def through(ctx: Context, place: str) -> str | None:
    """Return the proxy by which a URL is fetched: apt has its own way to the package sources."""
    return proxy.for_apt(ctx, place) if place in _indexes(ctx) else ctx.settings.get(PROXY)


def reach(ctx: Context) -> tuple[Answer, ...]:
    """Ask all servers that are needed, in parallel; one that has not answered in time counts as not reached."""
    places = needed(ctx)
    found: dict[str, Answer] = {}

    def keep(place: str) -> None:
        found[place] = ask(place, through(ctx, place))

    threads = [threading.Thread(target=keep, args=(place,), daemon=True) for place in places]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return tuple(found.get(place, Answer(place, f"no answer within {PATIENCE:.0f} s")) for place in places)


def ask(place: str, proxy: str | None) -> Answer:
    """Ask one server for the head of a document, through the proxy if there is one."""
    import http.client
    import urllib.error
    import urllib.request

    from states.zimbra.download import request

    handler = urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {})
    head = request(place)
    head.method = "HEAD"
    try:
        with urllib.request.build_opener(handler).open(head, timeout=PATIENCE) as response:
            return _answered(place, response.headers)
    except urllib.error.HTTPError as error:
        with error:
            if proxy and error.code in OF_THE_PROXY:
                return Answer(place, f"the proxy answers {error.code} {error.reason}")
            return _answered(place, error.headers)
    except (OSError, http.client.HTTPException) as error:
        return Answer(place, f"{getattr(error, 'reason', None) or error or type(error).__name__}")


def _answered(place: str, headers: Message) -> Answer:
    """Return the answer with its time; a cache says in `Age` how long ago that was (RFC 9111, 5.1)."""
    from email.utils import parsedate_to_datetime

    try:
        theirs = parsedate_to_datetime(headers["Date"]).timestamp() + float(headers["Age"] or 0)
    except (TypeError, ValueError):
        theirs = None
    return Answer(place, theirs=theirs, ours=time.time())
