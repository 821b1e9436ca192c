"""The paths and their answers: a WSGI application that reads the volume for each request and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from zflow.endpoint import metrics, page
from zflow.status import health
from zflow.terminal.plain import plain

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

METHODS = ("GET", "HEAD")


@dataclass(frozen=True)
class Answer:
    """What goes back to the client."""

    status: HTTPStatus
    type: str
    text: str
    policy: str = "default-src 'none'; frame-ancestors 'none'"
    """The content security policy."""


def _verdict(ask: Callable[[Path], health.Verdict]) -> Callable[[Path], Answer]:
    def answer(volume: Path) -> Answer:
        verdict = ask(volume)
        status = HTTPStatus.OK if verdict.good else HTTPStatus.SERVICE_UNAVAILABLE
        return _plain(status, verdict.words)

    return answer


def _metrics(volume: Path) -> Answer:
    return Answer(HTTPStatus.OK, metrics.TYPE, metrics.render(volume))


def _page(volume: Path) -> Answer:
    return Answer(HTTPStatus.OK, "text/html; charset=utf-8", page.render(volume), page.POLICY)


def _plain(status: HTTPStatus, words: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{plain(words)}\n")


PATHS: dict[str, Callable[[Path], Answer]] = {
    "/": _page,
    "/livez": _verdict(health.live),
    "/readyz": _verdict(health.ready),
    "/startupz": _verdict(health.startup),
    "/metrics": _metrics,
}


def application(volume: Path, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request."""
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    headers = []
    if path not in PATHS:
        answer = _plain(HTTPStatus.NOT_FOUND, f"not found; the paths are {', '.join(PATHS)}")
    elif method not in METHODS:
        answer = _plain(HTTPStatus.METHOD_NOT_ALLOWED, f"only {' and '.join(METHODS)} are allowed")
        headers = [("Allow", ", ".join(METHODS))]
    else:
        answer = PATHS[path](volume)
    content = answer.text.encode("utf-8", "replace")
    headers += [
        ("Content-Type", answer.type),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", answer.policy),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    start_response(f"{answer.status.value} {answer.status.phrase}", headers)
    return [] if method == "HEAD" else [content]
