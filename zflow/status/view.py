"""The status for a person: what happens, the time left, state by state, and what to do."""

from __future__ import annotations

import time
from datetime import datetime

from zflow.journal.event import NOTICE
from zflow.status.steps import Document, again
from zflow.terminal.screen import PIPED, Screen, shortened
from zflow.terminal.words import amount, duration, moment, roughly, share

MARKS = {"valid": "✓", "running": "▸", "pending": "·", "due": "○", "failed": "✗", "waiting": "…"}
STYLES = {"valid": "good", "running": "busy", "pending": "dim", "due": "warn", "failed": "bad", "waiting": "warn"}
NOMINAL = 80
"""Columns where the terminal does not say."""
WIDEST = 120
"""Columns that are used at most: in longer lines the eye loses the row."""
BAR = 48
TITLE = 40
"""Columns of a step's title; a longer title pushes what follows."""
INDENT = 8


def as_text(document: Document, screen: Screen = PIPED, *, steps: bool = False, now: float | None = None) -> str:
    """Return the status for a person; `steps` lists every step, else only those that matter now."""
    return "\n".join(_View(document, screen, time.time() if now is None else now, steps=steps).lines())


def headline(document: Document) -> str:
    """Return in one sentence what zflow is doing; it stays the same until something happens."""
    state = document["state"]
    if document["runner"] == "elsewhere":
        return f"{document['volume']} is held by another container; last state: {state}"
    if _absent(document):
        last = "" if state == "none" else f"; last state: {state}"
        return f"no supervisor is running on {document['volume']}{last}"
    if document["paused"] and not document["walking"]:
        return f"paused in {state}: nothing starts until `zflow resume`"
    if document["walking"] and state == "serving":
        return "serving; checking"
    if document["walking"] and state not in {"blocked", "failed", "starting"}:
        step = _present_step(document)
        doing = "waiting to retry" if _waits(document) else "at work"
        # A step that started ahead of time belongs to a later state than the one the walk is in.
        where = document["place"] if step is None else f"{step['state']}: {step['title']}"
        return f"{'first start, ' if document['first_start'] else ''}{doing} in {where}"
    words = {
        "serving": "serving: every state is valid",
        "blocked": f"blocked in {document['place']}: needs your action",
        "failed": f"failed in {document['place']}: will be retried",
        "starting": "starting",
        "unreadable": "the journal cannot be read",
    }
    return words.get(state, f"between two steps of {state}")


class _View:
    """One document on one screen at one moment."""

    def __init__(self, document: Document, screen: Screen, now: float, *, steps: bool) -> None:
        self._document = document
        self._screen = screen._replace(width=screen.width and min(screen.width, WIDEST))
        self._now = now
        self._steps = steps
        self._width = min(screen.width or NOMINAL, WIDEST)

    def lines(self) -> list[str]:
        """Return the lines, headline first."""
        document = self._document
        kind = _kind(document)
        text = self._screen.cut(headline(document), used=2)
        about = self._screen.cut(f"zflow {document['version']} on {document['volume']}")
        lines = [f"{self._mark(kind)} {self._screen.paint('bold', text)}", *self._facts(), ""]
        for state in document["states"]:
            lines += [self._state(state), *self._members(state["name"])]
        if document["states"]:
            lines.append("")
        return lines + self._notices() + self._advice() + [self._screen.paint("dim", about)]

    def _mark(self, status: str) -> str:
        return self._screen.paint(STYLES[status], MARKS[status])

    def _facts(self) -> list[str]:
        """Say since when, why, and how long it will take, with a bar for the walk."""
        document = self._document
        since, outlook = _seconds(document["since"]), document["outlook"]
        parts = []
        if _absent(document):
            if updated := _seconds(document["updated"]):
                parts.append(f"last event at {moment(updated, self._now)}, {duration(self._now - updated)} ago")
        elif since is not None:
            parts.append(f"since {moment(since, self._now)}, {duration(self._now - since)}")
        if outlook is not None:
            parts.append(f"{roughly(outlook['remaining'])} left")
        elif document["problem"] and (again := _seconds(document["problem"]["next_try"])):
            parts.append(f"next try in {duration(again - self._now)}, at {moment(again, self._now)}")
        lines = [self._screen.cut(f"  {' · '.join(parts)}")] if parts else []
        if document["walking"] and not document["first_start"] and document["reason"]:
            lines.append(self._screen.cut(f"  reason: {document['reason']}"))
        return lines + ([f"  {self._bar(outlook['share'], BAR)}"] if outlook is not None else [])

    def _bar(self, done: float, width: int) -> str:
        if self._screen.width is None:
            return f"{done:.0%} done"
        filled = round(done * width)
        full, rest = "━" * filled, "─" * (width - filled)
        return f"{self._screen.paint('busy', full)}{self._screen.paint('dim', rest)} {done:>4.0%}"

    def _state(self, state: Document) -> str:
        count = f"{state['valid']:>2} of {state['total']:>2}"
        took = sum(step["took"] or 0 for step in self._of(state["name"]))
        tail = duration(took) if state["status"] == "valid" and took >= 1 else ""
        line = f"  {self._mark(state['status'])} {state['name']:<12}{count}   {self._screen.paint('dim', tail)}"
        return line.rstrip()

    def _of(self, state: str) -> list[Document]:
        return [step for step in self._document["steps"] if step["state"] == state]

    def _members(self, state: str) -> list[str]:
        """Return the lines of the steps that are running, waiting or failed; of all of them on request."""
        lines = []
        for step in self._of(state):
            if self._steps or step["status"] in {"running", "waiting", "failed"}:
                lines += [*self._step(step), *self._progress(step)]
        return lines

    def _step(self, step: Document) -> list[str]:
        """Return a step's title with its note beside it, or on the next line where that does not fit."""
        title, note = self._screen.cut(step["title"], used=INDENT), self._note(step)
        head = f"      {self._mark(step['status'])} {title:<{TITLE}}"
        room = self._width - INDENT - max(TITLE, len(title)) - 2
        if step["status"] == "valid" and self._screen.width is not None:
            note = shortened(note, room) if room > 8 else ""
        if self._screen.width is None or len(note) <= room:
            lines = [f"{head}  {self._screen.paint('dim', note)}".rstrip() if note else head.rstrip()]
        else:
            lines = [head.rstrip(), self._screen.wrap(note, " " * INDENT)]
        if step["detail"] and step["status"] == "waiting":
            lines.append(self._screen.wrap(step["detail"], " " * INDENT))
        return lines

    def _note(self, step: Document) -> str:
        match step["status"]:
            case "running":
                late = step["elapsed"] > 1.5 * step["expected"] and step["expected"] >= 10
                usual = f", {_usual(step)} {duration(step['expected'])}" if late else ""
                beside = ", in the background" if step["name"] != self._document["step"] else ""
                return f"{duration(step['elapsed'])}{again(step)}{usual}{beside}"
            case "waiting":
                at = _seconds(step["next_try"]) or self._now
                wait = f"in {duration(at - self._now)}" if at > self._now else "now"
                return f"{step['code']}{again(step)} {wait}, at {moment(at, self._now)}"
            case "pending" | "due":
                return f"{_usual(step)} {duration(step['expected'])}" if step["expected"] >= 10 else ""
            case _:
                return str(step["note"])

    def _progress(self, step: Document) -> list[str]:
        progress = step["progress"]
        if not progress:
            return []
        done = share(progress)
        parts = [amount(progress), progress["note"]]
        if progress["rate"] and done is not None and done < 1:
            parts.insert(1, f"{roughly(step['remaining'])} left")
        told = " · ".join(part for part in parts if part)
        bar = [f"        {self._bar(done, BAR - 6)}"] if done is not None else []
        return bar + ([self._screen.cut(f"        {told}")] if told else [])

    def _headed(self, style: str, head: str, text: str) -> str:
        """Return a text of any length that begins with a highlighted word."""
        return self._screen.wrap(f"{head} {text}").replace(head, self._screen.paint(style, head), 1)

    def _notices(self) -> list[str]:
        """Return the notices: what stops nothing, and the operator should know."""
        told = [str(step["evidence"]) for step in self._document["steps"] if step["status"] == "valid"]
        lines = [
            self._headed("warn", NOTICE.strip(), text.removeprefix(NOTICE)) for text in told if text.startswith(NOTICE)
        ]
        return [*lines, ""] if lines else []

    def _advice(self) -> list[str]:
        document = self._document
        problem = document["problem"]
        lines = []
        if document["runner"] == "elsewhere":
            lines.append("What to do: Run `zflow status` in the container that holds the volume.")
        elif problem:
            lines.append(self._headed("bad", f"{problem['code']}:", problem["detail"]))
            lines.append(self._headed("bold", "What to do:", problem["remedy"]))
            lines.append(f"Cause: `zflow explain {problem['code']}`")
        elif _absent(document):
            lines.append("What to do: Start the container.")
        elif document["paused"] and not document["walking"]:
            lines.append("What to do: Run `zflow resume` when you are done.")
        elif _waits(document):
            lines.append("What to do: Nothing, or fix the cause; `zflow resume` retries at once.")
        elif document["walking"] or document["state"] == "starting":
            lines.append("What to do: Nothing. `zflow status --watch` shows the progress.")
        return [*lines, ""] if lines else []


def _present_step(document: Document) -> Document | None:
    return next((step for step in document["steps"] if step["name"] == document["step"]), None)


def _absent(document: Document) -> bool:
    """Tell whether nothing runs: no supervisor, and no walk of a `zflow resume` without one."""
    return document["runner"] == "absent" and not document["walking"]


def _waits(document: Document) -> bool:
    """Tell whether the walk itself waits in a back-off; a retry beside it stops nothing."""
    step = _present_step(document)
    return step is not None and step["status"] == "waiting"


def _kind(document: Document) -> str:
    """Return the status whose sign and colour the headline has."""
    if document["runner"] != "alive" and not document["walking"]:
        return "failed"
    if document["runner"] == "elsewhere":
        return "waiting"
    if document["state"] in {"blocked", "unreadable"}:
        return "failed"
    if document["state"] == "failed" or (document["paused"] and not document["walking"]):
        return "waiting"
    if document["walking"] or document["state"] != "serving":
        return "waiting" if _waits(document) else "running"
    return "valid"


def _usual(step: Document) -> str:
    return "estimated" if step["took"] is None else "usually"


def _seconds(stamped: str | None) -> float | None:
    return None if stamped is None else datetime.fromisoformat(stamped).timestamp()
