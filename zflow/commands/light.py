"""The light path: what a person or a probe waits for, answered without click and other heavy imports."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def volume() -> Path:
    """Return the volume: `/data`, or the path in ZFLOW_VOLUME, whose links are the operator's own."""
    return Path(os.environ.get("ZFLOW_VOLUME", "/data")).resolve()


def show_status(*, as_json: bool, steps: bool = False, colour: bool | None = None) -> int:
    """Print the status and return its exit code."""
    from zflow.status import document

    found = document.gather(volume())
    if as_json:
        unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        print(document.as_json(found, unicode=unicode))
    else:
        from zflow.status.view import as_text
        from zflow.terminal.screen import screen

        print(as_text(found, screen(colour=colour), steps=steps))
    return document.exit_code(found)


def health(question: str = "live") -> int:
    """Answer one of `zflow.status.health.QUESTIONS` with a line and the exit code 0 or 1."""
    from zflow.status.health import QUESTIONS

    verdict = QUESTIONS[question](volume())
    print(verdict.words)
    return 0 if verdict.good else 1


def endpoint() -> int:
    """Serve health, metrics and the page by HTTP, if the setting says so."""
    from zflow.endpoint.server import serve

    return serve(volume(), os.environ)


def run() -> int:
    """Supervise until a signal to stop."""
    from zflow.supervise.supervisor import run as supervise

    return supervise(volume())
