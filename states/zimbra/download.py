"""A download that survives lost connections, restarts and wrong answers, and fetches each byte about once.

Bytes go into `NAME.part`; `NAME.part.tag` keeps the server's name of this version of the file, sent back as If-Range
(RFC 9110, 13.1.5): a file that changed in between is downloaded from its beginning, never joined from two versions.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

from states.zimbra import codes
from zflow.api import OperatorError, TransientError, write_atomic

PIECE = 256 << 10
QUIET = 30.0
"""Seconds without a byte after which a connection counts as cut."""
FRUITLESS = 3
"""Connections in a row without a byte, after which the attempt ends; then the step's retry policy waits."""
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Not the connection's fault: raised as it is, for the engine has an error for it."""
ANSWERS_FINAL = frozenset({400, 401, 403, 404, 405, 410, 451})


@dataclass(frozen=True)
class Download:
    """Source and target. `pause` waits and may raise to stop, `check` raises to stop, `report` gets sizes."""

    url: str
    target: Path
    proxy: str | None
    check: Callable[[], None]
    pause: Callable[[float], None]
    report: Callable[[float, float], None]

    @property
    def part(self) -> Path:
        """The bytes fetched so far."""
        return self.target.with_name(self.target.name + ".part")

    @property
    def tag(self) -> Path:
        """The server's name of the version that the bytes belong to."""
        return self.target.with_name(self.target.name + ".part.tag")


def fetch(download: Download) -> bool:
    """Download the complete file into `part`; return whether bytes of an earlier attempt are in it.

    Raises TransientError(DOWNLOAD) when several connections in a row bring nothing, OperatorError(RELEASE_GONE) when
    the server does not have the file.
    """
    resumed = size(download.part) > 0
    fruitless = 0
    while True:
        before = size(download.part)
        reason = one_connection(download)
        if reason is None:
            return resumed
        fruitless = 0 if size(download.part) > before else fruitless + 1
        if fruitless >= FRUITLESS:
            raise TransientError(codes.DOWNLOAD, f"{download.url}: {reason}; {size(download.part)} bytes are kept")
        download.pause(0.2 * 4**fruitless)


def one_connection(download: Download) -> str | None:
    """Download over one connection; return None when the file is complete, else the reason why not."""
    offset = size(download.part)
    try:
        with _opener(download.proxy).open(_request(download, offset), timeout=QUIET) as response:
            start, total = _placed(response, offset)
            if start != offset:
                drop(download)
            if start == 0:
                _keep_tag(download, response)
            with download.part.open("ab") as file:
                got = _copy(response, file, download, start, total)
    except urllib.error.HTTPError as error:
        return _refused(download, error, offset)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        return f"{getattr(error, 'reason', None) or error or type(error).__name__}"
    return None if total in {0, got} else f"the connection ended at {got} of {total} bytes"


def size(path: Path) -> int:
    """Return a file's size, 0 when it is absent."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def drop(download: Download) -> None:
    """Remove the downloaded part."""
    download.part.unlink(missing_ok=True)
    download.tag.unlink(missing_ok=True)


def opened(url: str, proxy: str | None) -> http.client.HTTPResponse:
    """Open a small document over http(s), through the proxy if there is one."""
    try:
        response: http.client.HTTPResponse = _opener(proxy).open(request(url), timeout=QUIET)
    except urllib.error.HTTPError as error:
        error.close()
        raise
    return response


def _opener(proxy: str | None) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {}))


def request(url: str) -> urllib.request.Request:
    """Return the request for a document. A name and password in the URL, percent-encoded, are sent to its server alone.

    urllib would take them for a part of the host's name. They are sent by RFC 7617, and not to a server to which
    the first one redirects.
    """
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    made = urllib.request.Request(  # noqa: S310 - http(s) only, by the setting's parser
        urlunsplit(parts._replace(netloc=host)), headers={"Accept-Encoding": "identity", "User-Agent": "zflow"}
    )
    if at:
        made.add_unredirected_header("Authorization", f"Basic {b64encode(unquote(user).encode()).decode()}")
    return made


def _request(download: Download, offset: int) -> urllib.request.Request:
    made = request(download.url)
    if offset:
        made.add_header("Range", f"bytes={offset}-")
        if download.tag.exists() and (tag := download.tag.read_text().strip()):
            made.add_header("If-Range", tag)
    return made


def _placed(response: http.client.HTTPResponse, offset: int) -> tuple[int, int]:
    """Return the offset of the body in the file, and the file's size (0: unknown)."""
    if response.status == 206:
        match = re.match(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != offset:
            raise http.client.HTTPException("the server sent another range than requested")
        return offset, int(match[2])
    length = response.headers.get("Content-Length", "").strip()
    return 0, int(length) if re.fullmatch(r"[0-9]{1,18}", length) else 0


def _keep_tag(download: Download, response: http.client.HTTPResponse) -> None:
    tag = response.headers.get("ETag", "")
    if not tag or tag.startswith("W/"):
        tag = response.headers.get("Last-Modified", "")
    write_atomic(download.tag, tag + "\n")


def _copy(response: http.client.HTTPResponse, file: IO[bytes], download: Download, start: int, total: int) -> int:
    got = start
    try:
        while piece := response.read1(PIECE):
            file.write(piece)
            got += len(piece)
            download.report(got, total)
            download.check()
    finally:
        file.flush()
        os.fsync(file.fileno())
    return got


def _refused(download: Download, error: urllib.error.HTTPError, offset: int) -> str | None:
    error.close()
    if error.code == 416:
        if error.headers.get("Content-Range", "").strip() == f"bytes */{offset}":
            return None
        drop(download)
        return "the server's file is shorter than the downloaded part; starting again"
    if error.code in ANSWERS_FINAL:
        raise OperatorError(codes.RELEASE_GONE, f"{download.url}: the server answered {error.code} {error.reason}")
    return f"the server answered {error.code} {error.reason}"
