"""Where is it, what is it doing, since when, what must I do: gathered by the light reader, shown as text or JSON."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from zflow import __version__, codes
from zflow.boot import boot_identity
from zflow.clock import stamp
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.journal.event import VALID
from zflow.journal.layout import home, paused
from zflow.journal.reader import position, reading, steps
from zflow.lock import RUNNER, WALKER, holder

SCHEMA = 1
MARKS = {"valid": "✓", "running": "▸", "pending": "·", "due": "○", "failed": "✗", "waiting": "…"}
ASCII_MARKS = {"valid": "+", "running": ">", "pending": ".", "due": "o", "failed": "x", "waiting": "~"}

Document = dict[str, Any]


def gather(volume: Path) -> Document:
    """Return the status as a JSON document (schema: `status.schema.json` in this package)."""
    runner, walker = holder(volume, RUNNER), holder(volume, WALKER)
    alive = runner is not None and runner.alive
    walking = walker is not None and walker.alive
    document: Document = {
        "schema": SCHEMA,
        "version": __version__,
        "volume": str(volume),
        "runner": "alive" if alive else "absent",
        "walking": walking,
        "paused": paused(volume),
        "state": "none",
        "place": None,
        "step": None,
        "updated": None,
        "problem": None,
        "steps": [],
    }
    try:
        with reading(volume) as journal:
            row, listed = position(journal), steps(journal)
    except OperatorError as error:
        missing = error.code is codes.NO_JOURNAL
        if alive and missing:
            return document | {"state": "starting"}
        problem = _problem(error.code.id, error.detail, error.code.remedy, None)
        return document | {"state": "none" if missing else "unreadable", "problem": problem}
    boot: str | None = boot_identity() if alive else (row["boot"] if row else None)
    if row is not None:
        document |= {name: row[name] for name in ("state", "place", "step")} | {"updated": stamp(row["updated"])}
        if row["code"]:
            document["problem"] = _problem(row["code"], row["detail"], row["remedy"], row["next_try"])
    if alive and (row is None or row["boot"] != boot):
        # What the journal says is of an earlier start: the services of this one have not been looked at yet.
        document |= {"state": "starting", "problem": None}
    progress = _progress(volume) if walking else {}
    document["steps"] = [_step(each, boot, progress.get(each["name"]), walking) for each in listed]
    return document


def exit_code(document: Document) -> Exit:
    """Return the exit code that a status stands for."""
    if document["state"] in {"blocked", "failed", "unreadable"} or document["runner"] == "absent":
        return Exit.STOPPED
    return Exit.VALID if document["state"] == "serving" and not document["walking"] else Exit.IN_PROGRESS


def as_json(document: Document, *, unicode: bool = True) -> str:
    """Return the document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=not unicode)


def as_text(document: Document, *, unicode: bool = True) -> str:
    """Return the status for a person: a headline, one line a step, and what to do when something is wrong."""
    marks = MARKS if unicode else ASCII_MARKS
    lines = [f"zflow {document['version']}  {_headline(document)}"]
    state = None
    for step in document["steps"]:
        if step["state"] != state:
            state = step["state"]
            lines.append(f"\n{state}")
        lines.append(_line(step, marks[step["status"]]))
    problem = document["problem"]
    if problem:
        lines += ["", f"{problem['code']}: {problem['detail']}", f"What to do: {problem['remedy']}"]
        if problem["next_try"]:
            lines.append(f"Next try by itself: {problem['next_try']}")
    text = "\n".join(lines)
    return text if unicode else text.encode("ascii", "replace").decode()


def _headline(document: Document) -> str:
    state, alive = document["state"], document["runner"] == "alive"
    if not alive:
        return f"no runner is at work on {document['volume']}; last state: {state}. Start the container."
    if document["paused"] and not document["walking"]:
        return f"paused in {state}: nothing is done until `zflow resume`"
    if document["walking"] and state not in {"blocked", "failed", "starting"}:
        return f"at work in {document['place']}"
    words = {
        "serving": "serving: every state is valid",
        "blocked": f"blocked in {document['place']}: needs you",
        "failed": f"failed in {document['place']}: will try again",
        "starting": "starting",
    }
    return words.get(state, f"between two steps of {state}")


def _line(step: Document, mark: str) -> str:
    note = step["note"] or ""
    return f"  {mark} {step['title']:<44.44} {note}".rstrip()


def _step(row: dict[str, Any], boot: str | None, progress: Document | None, walking: bool) -> Document:
    status = _status(row, boot, walking)
    return {
        "name": row["name"],
        "state": row["state"],
        "title": row["title"],
        "scope": row["scope"],
        "status": status,
        "attempt": row["attempt"],
        "evidence": row["evidence"] if row["settled_kind"] in VALID else None,
        "settled": stamp(row["settled_at"]) if row["settled_kind"] in VALID else None,
        "code": row["code"] if status in {"failed", "waiting"} else None,
        "next_try": stamp(row["next_try"]) if status == "waiting" and row["next_try"] else None,
        "progress": progress if status == "running" else None,
        "note": _note(row, status, progress),
    }


def _status(row: dict[str, Any], boot: str | None, walking: bool) -> str:
    kind = row["last_kind"]
    if kind == "started":
        return "running" if walking and row["last_boot"] == boot else "due"
    if kind == "failed":
        return "waiting" if walking else "failed"
    if kind in {"blocked", "gave-up"}:
        return "failed"
    if row["settled_kind"] in VALID:
        return "due" if row["scope"] == "boot" and row["settled_boot"] != boot else "valid"
    return "pending" if kind is None else "due"


def _note(row: dict[str, Any], status: str, progress: Document | None) -> str:
    if status == "running":
        since = f"{_duration(time.time() - row['last_at'])} so far"
        attempt = f", attempt {row['attempt']}" if row["attempt"] > 1 else ""
        return f"{since}{attempt}{_progress_text(progress)}"
    if status == "waiting":
        return f"{row['code']}, next try {stamp(row['next_try'])[11:19]}Z ({row['failures']} failed)"
    if status == "failed":
        return str(row["code"])
    return str(row["evidence"] or "") if status == "valid" else ""


def _progress_text(progress: Document | None) -> str:
    if not progress:
        return ""
    parts = []
    if progress["total"]:
        parts.append(f"{progress['done'] / progress['total']:.0%}")
    if progress["unit"]:
        parts.append(f"{progress['done']:.0f} {progress['unit']}")
    if progress["note"]:
        parts.append(progress["note"])
    return ": " + ", ".join(parts) if parts else ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _progress(volume: Path) -> dict[str, Document]:
    found = {}
    for path in (home(volume) / "progress").glob("*.json"):
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and "step" in content:
            found[content["step"]] = content
    return found


def _problem(code: str, detail: str, remedy: str, next_try: float | None) -> Document:
    return {"code": code, "detail": detail, "remedy": remedy, "next_try": stamp(next_try) if next_try else None}
