"""What the journal's rows of the steps mean at one moment: each step of the status' document."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from zflow.host.clock import stamp
from zflow.host.files import read_json
from zflow.journal.layout import home
from zflow.journal.record import Record, of_row
from zflow.status.outlook import left
from zflow.terminal.words import amount, duration, share

Document = dict[str, Any]
NUMBER = (int, float)
REPORTED: dict[str, type | tuple[type, ...]] = {
    "step": str, "done": NUMBER, "total": NUMBER, "unit": str, "rate": NUMBER, "note": str,
}  # fmt: skip
"""What a report of progress holds, and of which type; other files are passed over."""


def _status(row: dict[str, Any], record: Record, boot: str, run: str | None) -> str:
    """Return what a step is in one start of the container (`boot`), while a walk (`run`) is under way or none is."""
    match record.last_kind:
        case "started":
            return "running" if run is not None and row["last_run"] == run else "due"
        case "failed":
            return "failed" if run is None else "waiting"
        case "blocked" | "gave-up":
            return "failed"
        case None:
            return "pending"
    return "valid" if record.proven(row["scope"], boot) else "due"


def reports(volume: Path) -> dict[str, Document]:
    """Return the progress that steps report, by their names."""
    found = {}
    for path in (home(volume) / "progress").glob("*.json"):
        content = read_json(path, dict)
        if content and all(isinstance(content.get(name), kind) for name, kind in REPORTED.items()):
            found[content["step"]] = {name: content[name] for name in REPORTED}
    return found


class Look(NamedTuple):
    """One moment at which the steps are looked at."""

    boot: str
    run: str | None
    """The walk under way; None when there is none."""
    slowness: float
    """How much slower than declared the machine is; see `outlook.pace`."""
    progress: dict[str, Document]
    now: float

    def step(self, row: dict[str, Any]) -> Document:
        """Return one step of the document."""
        record = of_row(row)
        kind = _status(row, record, self.boot, self.run)
        valid, running, stopped = record.valid, kind == "running", kind in {"failed", "waiting"}
        step = {
            "name": row["name"],
            "state": row["state"],
            "title": row["title"],
            "scope": row["scope"],
            "status": kind,
            "attempt": row["attempt"],
            "failures": row["failures"],
            "evidence": row["evidence"] if valid else None,
            "settled": stamp(row["settled_at"]) if valid else None,
            "code": row["code"] if stopped else None,
            "detail": row["detail"] if stopped else None,
            "next_try": stamp(row["next_try"]) if kind == "waiting" and row["next_try"] else None,
            "took": row["duration"],
            "expected": round(row["duration"] or row["weight"] * self.slowness, 1),
            "elapsed": round(max(0.0, self.now - row["last_at"]), 1) if running else None,
            "progress": self.progress.get(row["name"]) if running else None,
            "note": "",
        }
        step["remaining"] = round(left(step, self.now, row["next_try"]), 1)
        return step | {"note": _note(step)}


def _note(step: Document) -> str:
    """Say in a few words what a step's status means, for one line."""
    match step["status"]:
        case "running":
            return f"{duration(step['elapsed'])} so far{again(step)}{_progress(step['progress'])}"
        case "waiting":
            return f"{step['code']}, next try {step['next_try'][11:19]}Z ({step['failures']} failed)"
        case "failed":
            return str(step["code"])
        case "valid":
            return str(step["evidence"] or "")
        case _:
            return ""


def again(step: Document) -> str:
    """Return which attempt this is where earlier ones failed: a restart runs many a step once more, and none failed."""
    return f", attempt {step['failures'] + 1}" if step["failures"] else ""


def _progress(progress: Document | None) -> str:
    if not progress:
        return ""
    done = share(progress)
    parts = [f"{done:.0%}" if done is not None else "", amount(progress), progress["note"]]
    told = ", ".join(part for part in parts if part)
    return f": {told}" if told else ""
