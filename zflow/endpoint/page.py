"""The page: the current status for a browser. It sends nothing, and loads nothing from elsewhere.

A short script keeps it up to date, and the reader can stop that (WCAG 2.2, success criterion 2.2.2); a screen reader
announces a changed headline only. Without scripts the page is complete, and a reload updates it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import socket
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from string import Template

from zflow.host.clock import stamp
from zflow.status.document import gather
from zflow.status.steps import Document
from zflow.status.view import headline
from zflow.terminal.plain import plain
from zflow.terminal.words import counted, roughly

FOLDER = Path(__file__).parent
LAYOUT = Template((FOLDER / "page.html").read_text())
STYLE, SCRIPT = (FOLDER / "page.css").read_text(), (FOLDER / "page.js").read_text()


def _source(content: str) -> str:
    """Return what allows exactly this inline content (CSP level 3, hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_source(STYLE)}; script-src {_source(SCRIPT)}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STATUSES = {
    "valid": "done", "running": "running", "pending": "to do", "due": "due", "failed": "failed", "waiting": "waiting",
}  # fmt: skip


def render(volume: Path) -> str:
    """Return the page for a volume."""
    document = gather(volume)
    return LAYOUT.substitute(
        style=STYLE,
        script=SCRIPT,
        host=_text(socket.gethostname()),
        state=_text(document["state"]),
        headline=_text(_sentence(headline(document))),
        problem=_problem(document),
        progress=_progress(document),
        states="".join(_states(document)),
        looked=f"Status at {stamp(time.time())[:19].replace('T', ' ')} UTC. zflow {_text(document['version'])}.",
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _problem(document: Document) -> str:
    problem = document["problem"]
    if not problem:
        return ""
    lines = [problem["detail"], f"What to do: {problem['remedy']}"]
    if problem["next_try"]:
        lines.append(f"Next try: {problem['next_try']}")
    told = "".join(f"<p>{_text(line)}</p>" for line in lines)
    return f'<section class="problem"><h2>{_text(problem["code"])}</h2>{told}</section>'


def _progress(document: Document) -> str:
    done, total = sum(step["status"] == "valid" for step in document["steps"]), len(document["steps"])
    if not total:
        return ""
    words = f"{done} of {counted(total, 'step')} valid"
    outlook = document["outlook"]
    left = f", {roughly(outlook['remaining'])} left" if outlook else ""
    return f'<p>{words}{left}.</p><progress aria-label="{words}" value="{done}" max="{total}">{words}</progress>'


def _states(document: Document) -> Iterator[str]:
    for state, steps in groupby(document["steps"], lambda step: step["state"]):
        yield f"<li><h2>{_text(state)}</h2><ol>"
        for step in steps:
            kind = step["status"]
            yield f'<li class="{kind}"><span class="status">{STATUSES[kind]}</span>'
            yield f'<span class="title">{_text(step["title"])}</span>'
            yield f'<span class="note">{_text(step["note"])}</span></li>'
        yield "</ol></li>"


def _text(content: object) -> str:
    return html.escape(plain(str(content or "")))
