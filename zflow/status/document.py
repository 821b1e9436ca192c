"""Where is it, what is it doing, since when, how long still, what must I do: gathered by the light reader."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from zflow import __version__, codes
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.host.boot import boot_identity
from zflow.host.clock import Clock, stamp, system_clock
from zflow.host.files import read_json
from zflow.journal.event import VALID
from zflow.journal.layout import home, its_log, paused
from zflow.journal.reader import milestones, position, reading, steps
from zflow.status.outlook import left, outlook, pace
from zflow.supervise.lock import HAND, RUNNER, WALKER, holder
from zflow.terminal.words import amount, duration, share

SCHEMA = 1
STOPPED = {"blocked", "failed", "unreadable"}
NUMBER = (int, float)
REPORTED: dict[str, type | tuple[type, ...]] = {
    "step": str, "done": NUMBER, "total": NUMBER, "unit": str, "rate": NUMBER, "note": str,
}  # fmt: skip
"""What a report of progress holds, and of which type; other files are passed over."""

Document = dict[str, Any]


def gather(volume: Path, clock: Clock = system_clock) -> Document:
    """Return the status as a JSON document (schema: `schema.json` in this package)."""
    runner, walker = holder(volume, RUNNER), holder(volume, WALKER)
    alive = runner is not None and runner.alive
    walking = walker is not None
    foreign = any(each is not None and not each.alive for each in (runner, walker, holder(volume, HAND)))
    document: Document = {
        "schema": SCHEMA,
        "version": __version__,
        "volume": str(volume),
        "runner": "elsewhere" if foreign else "alive" if alive else "absent",
        "walking": walking,
        "paused": paused(volume),
        "state": "none",
        "place": None,
        "step": None,
        "since": None,
        "reason": None,
        "first_start": True,
        "outlook": None,
        "updated": None,
        "problem": None,
        "states": [],
        "steps": [],
    }
    try:
        with reading(volume) as journal:
            return document | _journalled(volume, journal, clock, alive=alive, walking=walking)
    except OperatorError as error:
        missing = error.code is codes.NO_JOURNAL
        if alive and missing:
            return document | {"state": "starting"}
        problem = _problem(error.code.id, error.detail, error.code.remedy, None)
        return document | {"state": "none" if missing else "unreadable", "problem": problem}


def _journalled(volume: Path, journal: Connection, clock: Clock, *, alive: bool, walking: bool) -> Document:
    """Return what the journal says, and how long it will still take by that."""
    row, listed, past = position(journal), steps(journal), milestones(journal)
    found: Document = {}
    boot: str | None = boot_identity() if alive else (row["boot"] if row else None)
    if row is not None:
        found |= {name: row[name] for name in ("state", "place", "step")} | {"updated": stamp(row["updated"])}
        found |= {"reason": past["reason"], "first_start": not past["served"], "since": _since(row, past)}
        if row["code"]:
            remedy = f"{row['remedy']}{its_log(volume, row['step'])}"
            found["problem"] = _problem(row["code"], row["detail"], remedy, row["next_try"])
    if alive and (row is None or row["boot"] != boot):
        # What the journal says is of an earlier start: the services of this one have not been looked at yet.
        found |= {"state": "starting", "since": None, "reason": None, "problem": None}
    run = row["run"] if row is not None and walking else None
    look = _Look(boot, run, pace(listed), _progress(volume) if walking else {}, clock())
    found["steps"] = [look.step(each) for each in listed]
    found["states"] = [_state(name, list(group)) for name, group in groupby(found["steps"], _state_of)]
    if walking and found["steps"] and found.get("state") not in STOPPED:
        found["outlook"] = outlook(found["steps"], found.get("step"))
    return found


def _since(row: dict[str, Any], past: dict[str, Any]) -> str | None:
    """Return when what the headline says began: serving, the stop, the walk, or, before the first end, all of it."""
    match row["state"]:
        case "serving":
            seconds = past["serving"] or row["updated"]
        case "blocked" | "failed":
            seconds = row["updated"]
        case _:
            seconds = past["walk"] if past["served"] else past["first"]
    return None if seconds is None else stamp(seconds)


def exit_code(document: Document) -> Exit:
    """Return the exit code that a status stands for; a walker is at work also where `zflow resume` walks alone."""
    if document["runner"] == "elsewhere":
        return Exit.HELD
    if document["state"] in STOPPED or (document["runner"] == "absent" and not document["walking"]):
        return Exit.STOPPED
    return Exit.VALID if document["state"] == "serving" and not document["walking"] else Exit.IN_PROGRESS


def as_json(document: Document, *, unicode: bool = True) -> str:
    """Return the document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=not unicode)


def _state_of(step: Document) -> str:
    return str(step["state"])


def _state(name: str, members: list[Document]) -> Document:
    """Sum up a state: what is wrong or at work in it goes before what is still to come."""
    found = {step["status"] for step in members}
    status = next((each for each in ("failed", "waiting", "running", "due") if each in found), None)
    if status is None:
        status = "pending" if found == {"pending"} else "valid" if found == {"valid"} else "due"
    valid = sum(step["status"] == "valid" for step in members)
    return {"name": name, "status": status, "valid": valid, "total": len(members)}


class _Look:
    """What a row of the journal's list means at one moment, in one boot and one run."""

    def __init__(
        self, boot: str | None, run: str | None, slowness: float, progress: dict[str, Document], now: float
    ) -> None:
        """`run` is the walk under way, None when there is none."""
        self._boot = boot
        self._run = run
        self._slowness = slowness
        self._progress = progress
        self._now = now

    def step(self, row: dict[str, Any]) -> Document:
        """Return one step of the document."""
        status = self._status(row)
        valid, running = row["settled_kind"] in VALID, status == "running"
        progress = self._progress.get(row["name"]) if running else None
        step = {
            "name": row["name"],
            "state": row["state"],
            "title": row["title"],
            "scope": row["scope"],
            "status": status,
            "attempt": row["attempt"],
            "evidence": row["evidence"] if valid else None,
            "settled": stamp(row["settled_at"]) if valid else None,
            "code": row["code"] if status in {"failed", "waiting"} else None,
            "detail": row["detail"] if status in {"failed", "waiting"} else None,
            "next_try": stamp(row["next_try"]) if status == "waiting" and row["next_try"] else None,
            "took": row["duration"],
            "expected": round(row["duration"] or row["weight"] * self._slowness, 1),
            "elapsed": round(max(0.0, self._now - row["last_at"]), 1) if running else None,
            "progress": progress,
            "note": "",
        }
        step["remaining"] = round(left(step, self._now, row["next_try"]), 1)
        return step | {"note": _note(step, row["failures"])}

    def _status(self, row: dict[str, Any]) -> str:
        kind = row["last_kind"]
        if kind == "started":
            return "running" if self._run is not None and row["last_run"] == self._run else "due"
        if kind == "failed":
            return "failed" if self._run is None else "waiting"
        if kind in {"blocked", "gave-up"}:
            return "failed"
        if row["settled_kind"] in VALID:
            return "due" if row["scope"] == "boot" and row["settled_boot"] != self._boot else "valid"
        return "pending" if kind is None else "due"


def _note(step: Document, failures: int) -> str:
    """Say in a few words what a step's status means, for one line."""
    match step["status"]:
        case "running":
            attempt = f", attempt {step['attempt']}" if step["attempt"] > 1 else ""
            return f"{duration(step['elapsed'])} so far{attempt}{_progress_text(step['progress'])}"
        case "waiting":
            return f"{step['code']}, next try {step['next_try'][11:19]}Z ({failures} failed)"
        case "failed":
            return str(step["code"])
        case "valid":
            return str(step["evidence"] or "")
        case _:
            return ""


def _progress_text(progress: Document | None) -> str:
    if not progress:
        return ""
    done = share(progress)
    parts = [f"{done:.0%}" if done is not None else "", amount(progress), progress["note"]]
    told = ", ".join(part for part in parts if part)
    return f": {told}" if told else ""


def _progress(volume: Path) -> dict[str, Document]:
    found = {}
    for path in (home(volume) / "progress").glob("*.json"):
        content = read_json(path, dict)
        if content and all(isinstance(content.get(name), kind) for name, kind in REPORTED.items()):
            found[content["step"]] = {name: content[name] for name in REPORTED}
    return found


def _problem(code: str, detail: str, remedy: str, next_try: float | None) -> Document:
    return {"code": code, "detail": detail, "remedy": remedy, "next_try": stamp(next_try) if next_try else None}
