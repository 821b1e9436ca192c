"""The status as a document: where the walk is, since when, how long it will take, what the operator must do."""

from __future__ import annotations

import json
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from zflow import __version__, codes
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.host.boot import boot_identity
from zflow.host.clock import Clock, stamp, system_clock
from zflow.journal.layout import its_log, paused
from zflow.journal.reader import milestones, position, reading, steps
from zflow.status.outlook import outlook, pace
from zflow.status.steps import Document, Look, reports
from zflow.supervise.lock import HAND, RUNNER, WALKER, holder

SCHEMA = 1
STOPPED = {"blocked", "failed", "unreadable"}


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
    """Return what the journal says, and the time left by that."""
    row, listed = position(journal), steps(journal)
    found = {} if row is None else _position(volume, row, milestones(journal))
    if alive and (row is None or row["boot"] != boot_identity()):
        # What the journal says is of an earlier start: the services of this one have not been looked at yet.
        found |= {"state": "starting", "since": None, "reason": None, "problem": None}
    boot = boot_identity() if alive or row is None else row["boot"]
    run = row["run"] if row is not None and walking else None
    look = Look(boot, run, pace(listed), reports(volume) if walking else {}, clock())
    found["steps"] = [look.step(each) for each in listed]
    found["states"] = [_state(name, list(group)) for name, group in groupby(found["steps"], itemgetter("state"))]
    if walking and found["steps"] and found.get("state") not in STOPPED:
        found["outlook"] = outlook(found["steps"], found.get("step"))
    return found


def _position(volume: Path, row: dict[str, Any], past: dict[str, Any]) -> Document:
    """Return where the walk is, since when, and what stopped it."""
    found: Document = {name: row[name] for name in ("state", "place", "step")}
    found |= {"updated": stamp(row["updated"]), "since": _since(row, past)}
    found |= {"reason": past["reason"], "first_start": not past["served"]}
    if row["code"]:
        remedy = f"{row['remedy']}{its_log(volume, row['step'])}"
        found["problem"] = _problem(row["code"], row["detail"], remedy, row["next_try"])
    return found


def _since(row: dict[str, Any], past: dict[str, Any]) -> str | None:
    """Return when what the headline says began: serving, the stop, the walk, or the first start as long as it lasts."""
    match row["state"]:
        case "serving":
            seconds = past["serving"] or row["updated"]
        case "blocked" | "failed":
            seconds = row["updated"]
        case _:
            seconds = past["walk"] if past["served"] else past["first"]
    return None if seconds is None else stamp(seconds)


def exit_code(document: Document) -> Exit:
    """Return the exit code of a status; `zflow resume` without a supervisor is a walk in progress too."""
    if document["runner"] == "elsewhere":
        return Exit.HELD
    if document["state"] in STOPPED or (document["runner"] == "absent" and not document["walking"]):
        return Exit.STOPPED
    return Exit.VALID if document["state"] == "serving" and not document["walking"] else Exit.IN_PROGRESS


def as_json(document: Document, *, unicode: bool = True) -> str:
    """Return the document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=not unicode)


def _state(name: str, members: list[Document]) -> Document:
    """Sum up a state: what is wrong or running in it takes precedence over what is still to come."""
    found = {step["status"] for step in members}
    status = next((each for each in ("failed", "waiting", "running", "due") if each in found), None)
    if status is None:
        status = "pending" if found == {"pending"} else "valid" if found == {"valid"} else "due"
    valid = sum(step["status"] == "valid" for step in members)
    return {"name": name, "status": status, "valid": valid, "total": len(members)}


def _problem(code: str, detail: str, remedy: str, next_try: float | None) -> Document:
    return {"code": code, "detail": detail, "remedy": remedy, "next_try": stamp(next_try) if next_try else None}
