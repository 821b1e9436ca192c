"""Brings the server's configuration to the table of wishes: reads in one call, writes only what differs, reads back.

A tunable (a number, an address, a recipient) that no setting names keeps the value given by hand: one that is not what
zflow wrote last. A protection is put back, and named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from states.hardening import codes, restored
from states.hardening.desired import Place, Reader, Wish, attributes, wishes
from states.zimbra import marks
from states.zimbra.directory import read_config
from states.zimbra.keep import kept, way_out
from states.zimbra.localconfig import read_local
from states.zimbra.silence import unless_silent
from states.zimbra.tools import Attributes, as_zimbra, write_config, write_local, zimbra_version
from zflow.api import Context, Drift, Evidence, Step, TransientError

NAME = "hardening.values"
MARK, OWED, BEFORE = "hardening.json", "hardening-restarts.json", "hardening-before-upgrade.json"
READ: dict[Place, Callable[[Context, tuple[str, ...]], Attributes]] = {"config": read_config, "local": read_local}
WRITE: dict[Place, Callable[[Context, Attributes], None]] = {"config": write_config, "local": write_local}
RESTARTS: dict[Reader, tuple[str, ...]] = {
    "mailbox": ("zmmailboxdctl", "restart"),
    "mta": ("zmmtactl", "reload"),
    "alerts": ("zmauditswatchctl", "restart"),
    "all": ("zmcontrol", "restart"),
}
APART: frozenset[Reader] = frozenset({"all", "alerts"})
"""Restarts that do not cover each other: zmcontrol knows nothing of zmauditswatchctl."""


@dataclass(frozen=True)
class Deviation:
    """A wish and what the server has instead."""

    wish: Wish
    found: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.wish.name} is {_words(self.found)}, not {_words(self.wish.values)}"


def _words(values: tuple[str, ...]) -> str:
    return " ".join(sorted(values)) or "unset"


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other values, other attributes that the operator keeps, another Zimbra."""
    wanted = {each.name: each.values for each in wishes(ctx)}
    found = {"version": zimbra_version(ctx), "wanted": wanted, "kept": sorted(kept(ctx))}
    return json.dumps(found, sort_keys=True) + "\n"


def look(ctx: Context, table: Iterable[Wish]) -> dict[str, tuple[str, ...]]:
    """Return what the server has for a table's names."""
    table = tuple(table)
    have: dict[str, tuple[str, ...]] = {}
    for place, read in READ.items():
        if names := tuple(attributes(table, place)):
            have |= read(ctx, names)
    return have


def deviations(table: Iterable[Wish], have: Attributes) -> list[Deviation]:
    """Return what differs from the table. The order of several values says nothing."""
    return [Deviation(each, have[each.name]) for each in table if sorted(have[each.name]) != sorted(each.values)]


def probe(ctx: Context) -> Evidence | Drift | None:
    """See that exactly these values were applied on this Zimbra, and that the server has them still.

    What was set by hand and stays is told along with it; what is put back is named.
    """
    if not marks.agrees(ctx, MARK, inputs(ctx)):
        return None
    table = wishes(ctx)
    found = deviations(table, look(ctx, table))
    if drifted := [each for each in found if not each.wish.free(ctx)]:
        return Drift(f"{'; '.join(map(str, drifted))}; {way_out(ctx, (each.wish.name for each in drifted))}")
    by_hand = ", ".join(f"{each.wish.name} {_words(each.found)}" for each in found)
    told = f"{f'; by hand: {by_hand}' if found else ''}{restored.told(ctx, NAME, inputs(ctx))}"
    summary = f"{len(table) - len(found)} settings as wanted on Zimbra {zimbra_version(ctx)}{told}"
    return Evidence(summary, remarks=tuple(map(_remark, found)))


def _remark(found: Deviation) -> str:
    return f"{found}: set by hand, it stays as long as {found.wish.setting.variable} does not name it"


def apply(ctx: Context) -> None:
    """Write what differs, read back, restart what reads it. Raises TransientError(NOT_TAKEN)."""
    table = wishes(ctx)
    have = look(ctx, table)
    goal = _goal(ctx, table, have)
    if found := deviations(goal, have):
        for each in found:
            ctx.log(f"{each}: is written")
        written, had = [each.wish for each in found], _applied(ctx).wanted
        again = (each.name for each in written if each.values == had.get(each.name) or each not in table)
        restored.note(ctx, NAME, inputs(ctx), again)
        owe(ctx, written)
        for place, write in WRITE.items():
            if changes := attributes(written, place):
                write(ctx, changes)
        if left := deviations(goal, look(ctx, goal)):
            raise TransientError(codes.NOT_TAKEN, "; ".join(map(str, left)))
    restart(ctx)
    marks.write(ctx, MARK, inputs(ctx))


def _goal(ctx: Context, table: Iterable[Wish], have: Attributes) -> tuple[Wish, ...]:
    """Return the table with the values set by hand in it: those that zflow did not write last, or that the operator
    kept for himself until now, and no setting names.

    After an upgrade the values of before it count, for it may set what it likes.
    """
    ours, before = _applied(ctx), _read(ctx, BEFORE)
    if before.version == ours.version != zimbra_version(ctx):
        have = {**have, **before.wanted}
    return tuple(
        replace(each, values=have[each.name])
        if each.free(ctx)
        and (each.name in ours.kept or sorted(ours.wanted.get(each.name, have[each.name])) != sorted(have[each.name]))
        else each
        for each in table
    )


class _Record(NamedTuple):
    """Values at a version of Zimbra, and the names that the operator kept for himself then."""

    version: str
    wanted: dict[str, tuple[str, ...]]
    kept: tuple[str, ...]


def _applied(ctx: Context) -> _Record:
    """Return what zflow wrote last."""
    return _read(ctx, MARK)


def _read(ctx: Context, name: str) -> _Record:
    found = json.loads(marks.read(ctx, name) or '{"version": "", "wanted": {}}')
    values = {name: tuple(values) for name, values in found["wanted"].items()}
    return _Record(found["version"], values, tuple(found.get("kept", ())))


def remember(ctx: Context) -> None:
    """Write down the values that may have been set by hand, before an upgrade that may set them otherwise."""
    have = look(ctx, (each for each in wishes(ctx) if each.free(ctx)))
    marks.write(ctx, BEFORE, json.dumps({"version": zimbra_version(ctx), "wanted": have}, sort_keys=True))


def owe(ctx: Context, changed: Iterable[Wish]) -> None:
    """Write down which restarts the changes ask for, before they are made: a kill in between must not lose them."""
    marks.write(ctx, OWED, json.dumps(sorted({*owed(ctx), *(each.reader for each in changed)})))


def owed(ctx: Context) -> list[Reader]:
    """Return the restarts that are still to be made; a whole restart covers what belongs to it."""
    found: list[Reader] = json.loads(marks.read(ctx, OWED) or "[]")
    return [each for each in found if each in APART] if "all" in found else found


def restart(ctx: Context) -> None:
    """Make the restarts that are owed. What does not come up again is the business of the steps that start it."""
    for reader in owed(ctx):
        ctx.progress.report(note=f"restarting for the new settings: {reader}")
        as_zimbra(ctx, *RESTARTS[reader], ok=range(256), timeout=900, daemon=True)
    marks.write(ctx, OWED, "[]")


STEP = Step(
    name=NAME,
    title="Harden the server's settings",
    probe=unless_silent(probe),
    apply=apply,
    inputs=inputs,
    timeout=1800,
    weight=60,
)
