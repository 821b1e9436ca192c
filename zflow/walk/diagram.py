"""Pictures of the state machine as text, Mermaid and SVG, all from the table of moves that the walk uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from zflow.walk.machine import BLOCKED, FAILED, SERVING, STOPPED, moves

MEANING = {
    "advance": "all its steps are valid",
    "fail": "all attempts failed",
    "block": "your action is needed",
    "resume": "you, a changed input, or the next try",
    "reopen": "a step is due again",
    "reset": "zflow reset-state",
}
"""What makes each move, in the order in which they are shown."""
STYLES = {
    "valid": ("#e3f4e5", "#1b6b2a"), "running": ("#dff0fb", "#0b5c8a"), "waiting": ("#fdf3d7", "#7a5a00"),
    "failed": ("#fbe3e4", "#9b1c23"), "due": ("#fdf3d7", "#7a5a00"), "pending": ("#f3f4f5", "#4a4f55"),
}  # fmt: skip
"""Fill and line of a box by the status of its state; each pair has a contrast of more than 4.5 (WCAG 2.1, 1.4.3)."""


@dataclass(frozen=True)
class Present:
    """Where the walk is: the machine's state, the product's state, and the status of each of the states."""

    state: str | None = None
    place: str | None = None
    statuses: Mapping[str, str] | None = None

    def status(self, name: str) -> str:
        """Return the status that gives a state its mark and colour."""
        if name in STOPPED or name == SERVING:
            return {FAILED: "waiting", BLOCKED: "failed", SERVING: "valid"}[name] if self.state == name else "pending"
        return (self.statuses or {}).get(name, "pending")

    def here(self, name: str) -> bool:
        """Tell whether the walk is in that state, or stopped in it."""
        return name in {self.state, self.place}


@dataclass(frozen=True)
class Way:
    """All moves of one kind."""

    trigger: str
    sources: frozenset[str]
    goals: frozenset[str]


def ways(names: Sequence[str]) -> list[Way]:
    """Return the moves of the machine by their triggers."""
    order = (*names, SERVING)
    table = list(moves(names))
    found = []
    for trigger in MEANING:
        rows = [row for row in table if row["trigger"] == trigger]
        sources = {each for row in rows for each in _sources(row["source"], order)}
        found.append(Way(trigger, frozenset(sources), frozenset(row["dest"] for row in rows)))
    return found


def _sources(source: str | list[str], order: Sequence[str]) -> Sequence[str]:
    if source == "*":
        return (*order, *STOPPED)
    return [source] if isinstance(source, str) else source


def _route(way: Way, names: Sequence[str]) -> str:
    """Return in words where a move leads from and to."""
    return "each → the next" if way.trigger == "advance" else f"{_said(way.sources, names)} → {_said(way.goals, names)}"


def _said(states: frozenset[str], names: Sequence[str]) -> str:
    """Return a set of states in words."""
    if states >= {*names, SERVING, *STOPPED}:
        return "anywhere"
    if states >= {*names, SERVING}:
        return "any state"
    return " or ".join(sorted(states))


def as_text(names: Sequence[str], present: Present, marks: Mapping[str, str]) -> str:
    """Return the states in a column, the present one marked, then the other moves."""
    lines = []
    for name in (*names, SERVING):
        here = "  ◂ here" if present.here(name) else ""
        lines += [f"  {marks[present.status(name)]} {name}{here}", "  │"]
    lines[-1] = ""
    for name in STOPPED:
        here = "  ◂ here" if present.state == name else ""
        lines.append(f"  {marks[present.status(name)]} {name}{here}")
    lines.append("")
    for way in ways(names):
        lines.append(f"  {way.trigger:<8}{_route(way, names):<33}{MEANING[way.trigger]}")
    return "\n".join(lines)


def as_mermaid(names: Sequence[str], present: Present = Present()) -> str:
    """Return a state diagram in Mermaid's language (mermaid.js.org/syntax/stateDiagram.html)."""
    order = (*names, SERVING)
    lines = ["stateDiagram-v2", '    state "the walk" as walk {', f"        [*] --> {order[0]}"]
    lines += [f"        {here} --> {there}: advance" for here, there in pairwise(order)]
    lines.append("    }")
    for way in ways(names):
        if way.trigger != "advance":
            lines += [
                f"    {source} --> {goal}: {way.trigger}"
                for source in _ends(way.sources, order)
                for goal in _ends(way.goals, order)
            ]
    for name in (*order, *STOPPED):
        if present.here(name):
            lines.append(f"    class {name} here")
    if present.state or present.place:
        lines.append("    classDef here stroke-width:4px,font-weight:bold")
    return "\n".join(lines)


def _ends(states: frozenset[str], order: Sequence[str]) -> list[str]:
    """Return `walk` for all states of the walk, and those beside it by name."""
    return [*(["walk"] if states & set(order) else []), *(name for name in STOPPED if name in states)]


WIDE, HIGH, GAP, LEFT, RIGHT, TOP = 150, 36, 26, 40, 400, 56


def as_svg(names: Sequence[str], present: Present = Present()) -> str:
    """Return a picture: the walk as a column, `failed` and `blocked` beside it, and what leads there and back."""
    order = (*names, SERVING)
    bottom = TOP + len(order) * (HIGH + GAP) - GAP
    places = {name: (LEFT, TOP + place * (HIGH + GAP)) for place, name in enumerate(order)}
    middle = (TOP + bottom) // 2
    places |= {FAILED: (RIGHT, middle - HIGH - 40), BLOCKED: (RIGHT, middle + 40)}
    parts = [_box(name, *places[name], present) for name in (*order, *STOPPED)]
    parts += [_arrow(LEFT + WIDE // 2, places[name][1] - GAP, 0, GAP) for name in order[1:]]
    edge = LEFT + WIDE + 14
    parts.append(f'<path d="M{edge - 8} {TOP} h8 V{bottom} h-8" fill="none" stroke="#4a4f55"/>')
    for name, out, back in ((FAILED, "fail", "resume"), (BLOCKED, "block", "resume")):
        y = places[name][1]
        parts += [_arrow(edge, y + 10, RIGHT - edge, 0, out), _arrow(RIGHT, y + 28, edge - RIGHT, 0, back)]
    lines = [f"{way.trigger}: {_route(way, names)}, {MEANING[way.trigger]}" for way in ways(names)]
    parts += [_words(LEFT, bottom + 40 + 20 * line, text) for line, text in enumerate(lines)]
    at = present.place if present.state in {None, present.place} else f"{present.state} in {present.place}"
    title = "The states of the walk" + (f"; now: {at}" if at else "")
    parts.insert(0, _words(LEFT, 32, title, size=16))
    height = bottom + 60 + 20 * len(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" width="640" height="{height}" role="img" '
        f'aria-labelledby="title" font-family="sans-serif"><title id="title">{escape(title)}</title>'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#4a4f55"/></marker></defs>'
        f'<rect width="640" height="{height}" fill="#ffffff"/>' + "".join(parts) + "</svg>"
    )


def _box(name: str, x: int, y: int, present: Present) -> str:
    fill, line = STYLES[present.status(name)]
    thick = 4 if present.here(name) else 1
    return (
        f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="6" fill="{fill}" stroke="{line}" '
        f'stroke-width="{thick}"/>' + _words(x + WIDE // 2, y + 23, name, colour=line, anchor="middle")
    )


def _arrow(x: int, y: int, dx: int, dy: int, text: str = "") -> str:
    path = f'<path d="M{x} {y} l{dx} {dy}" stroke="#4a4f55" marker-end="url(#head)"/>'
    return path + (_words(x + dx // 2, y - 5, text, anchor="middle") if text else "")


def _words(x: int, y: int, text: str, *, size: int = 13, colour: str = "#1f2328", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
