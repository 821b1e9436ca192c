"""A real web server on this machine that can cut connections, lie about ranges, and change its file in between."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """One file and how it is served; `before` is called with the site before each answer and may change it."""

    content: bytes
    tag: str | None = '"one"'
    cut: int | None = None
    """Bytes of the body after which each connection is closed."""
    ranges: bool = True
    status: int | None = None
    """Answer every request with this."""
    headers: dict[str, str] = field(default_factory=dict)
    """Put in the place of the right ones."""
    before: Callable[[Site], None] = lambda _site: None
    url: str = ""
    served: int = 0
    """Bytes of bodies sent."""
    requests: list[Message] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        """Answer with the file, or with what the site was told to answer."""
        site = self.site
        site.requests.append(self.headers)
        site.before(site)
        status, start = self._asked()
        body = site.content[start:] if status in {200, 206} else b""
        headers = {"Content-Length": str(len(body))} | ({"ETag": site.tag} if site.tag else {})
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{len(site.content) - 1}/{len(site.content)}"
        if status == 416:
            headers["Content-Range"] = f"bytes */{len(site.content)}"
        self.send_response(status)
        for name, value in (headers | site.headers).items():
            self.send_header(name, value)
        self.end_headers()
        sent = body if site.cut is None else body[: site.cut]
        site.served += len(sent)
        with contextlib.suppress(OSError):
            self.wfile.write(sent)

    def _asked(self) -> tuple[int, int]:
        """Return the status and the first byte asked for."""
        site, asked = self.site, self.headers.get("Range")
        if site.status is not None:
            return site.status, 0
        present = site.tag, site.headers.get("Last-Modified")
        if asked is None or not site.ranges or self.headers.get("If-Range", site.tag) not in present:
            return 200, 0
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        return (206, start) if start < len(site.content) else (416, 0)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve a site on a free port of 127.0.0.1, its address in `url`."""
    handler = type("Handler", (_Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}/release.tgz"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
