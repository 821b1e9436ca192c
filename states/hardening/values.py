"""Writes the desired settings: reads the server's in one call, writes only what differs, reads back.

A tunable (a number, an address, a recipient) whose setting the operator did not give keeps a value set by hand, that is
one that zflow did not write last. A protection is restored, and named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from states.hardening import codes, repairs
from states.hardening.desired import Desired, Service, Store, attributes, desired_settings
from states.zimbra import marks
from states.zimbra.directory import read_config, unless_silent
from states.zimbra.keep import kept, way_out
from states.zimbra.localconfig import read_local
from states.zimbra.tools import Attributes, as_zimbra, write_config, write_local, zimbra_version
from zflow.api import Context, Drift, Evidence, Step, TransientError, counted

NAME = "hardening.values"
MARK, OWED, BEFORE = "hardening.json", "hardening-restarts.json", "hardening-before-upgrade.json"
READ: dict[Store, Callable[[Context, tuple[str, ...]], Attributes]] = {"config": read_config, "local": read_local}
WRITE: dict[Store, Callable[[Context, Attributes], None]] = {"config": write_config, "local": write_local}
RESTARTS: dict[Service, tuple[str, ...]] = {
    "mailbox": ("zmmailboxdctl", "restart"),
    "mta": ("zmmtactl", "reload"),
    "alerts": ("zmauditswatchctl", "restart"),
    "all": ("zmcontrol", "restart"),
}
APART: frozenset[Service] = frozenset({"all", "alerts"})
"""Restarts that do not include each other: zmcontrol does not restart the login monitor."""


@dataclass(frozen=True)
class Deviation:
    """A desired setting and what the server has instead."""

    desired: Desired
    found: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.desired.name} is {_words(self.found)}, not {_words(self.desired.values)}"


def _words(values: tuple[str, ...]) -> str:
    return " ".join(sorted(values)) or "unset"


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other values, other kept attributes, another Zimbra version."""
    wanted = {each.name: each.values for each in desired_settings(ctx)}
    found = {"version": zimbra_version(ctx), "wanted": wanted, "kept": sorted(kept(ctx))}
    return json.dumps(found, sort_keys=True) + "\n"


def look(ctx: Context, table: Iterable[Desired]) -> dict[str, tuple[str, ...]]:
    """Return the server's values for the names of a table."""
    table = tuple(table)
    have: dict[str, tuple[str, ...]] = {}
    for store, read in READ.items():
        if names := tuple(attributes(table, store)):
            have |= read(ctx, names)
    return have


def deviations(table: Iterable[Desired], have: Attributes) -> list[Deviation]:
    """Return what differs from the table. The order of several values does not matter."""
    return [Deviation(each, have[each.name]) for each in table if sorted(have[each.name]) != sorted(each.values)]


def probe(ctx: Context) -> Evidence | Drift | None:
    """See that exactly these values were written on this version of Zimbra, and that the server still has them.

    The evidence also names what was set by hand and stays, and what was restored.
    """
    if not marks.agrees(ctx, MARK, inputs(ctx)):
        return None
    table = desired_settings(ctx)
    found = deviations(table, look(ctx, table))
    if drifted := [each for each in found if not each.desired.free(ctx)]:
        return Drift(f"{'; '.join(map(str, drifted))}; {way_out(ctx, (each.desired.name for each in drifted))}")
    by_hand = ", ".join(f"{each.desired.name} {_words(each.found)}" for each in found)
    told = f"{f'; by hand: {by_hand}' if found else ''}{repairs.suffix(ctx, NAME, inputs(ctx))}"
    summary = f"{counted(len(table) - len(found), 'desired setting')} on Zimbra {zimbra_version(ctx)}{told}"
    return Evidence(summary, remarks=tuple(map(_remark, found)))


def _remark(found: Deviation) -> str:
    return f"{found}: set by hand; it stays until {found.desired.setting.variable} is set"


def apply(ctx: Context) -> None:
    """Write what differs, read back, restart the services concerned. Raises TransientError(NOT_TAKEN)."""
    table = desired_settings(ctx)
    have = look(ctx, table)
    goal = _goal(ctx, table, have)
    if found := deviations(goal, have):
        for each in found:
            ctx.log(f"{each}: writing it")
        written, had = [each.desired for each in found], _read(ctx, MARK).wanted
        again = (each.name for each in written if each.values == had.get(each.name) or each not in table)
        repairs.note(ctx, NAME, inputs(ctx), again)
        owe(ctx, written)
        for store, write in WRITE.items():
            if changes := attributes(written, store):
                write(ctx, changes)
        if left := deviations(goal, look(ctx, goal)):
            raise TransientError(codes.NOT_TAKEN, "; ".join(map(str, left)))
    restart(ctx)
    marks.write(ctx, MARK, inputs(ctx))


def _goal(ctx: Context, table: Iterable[Desired], have: Attributes) -> tuple[Desired, ...]:
    """Return the table with the values set by hand in it.

    They are those of free tunables that zflow did not write last, or that the operator kept until now. After an upgrade
    the values from before it count, because the upgrade may change them.
    """
    ours, before = _read(ctx, MARK), _read(ctx, BEFORE)
    if before.version == ours.version != zimbra_version(ctx):
        have = {**have, **before.wanted}
    return tuple(
        replace(each, values=have[each.name])
        if each.free(ctx)
        and (each.name in ours.kept or sorted(ours.wanted.get(each.name, have[each.name])) != sorted(have[each.name]))
        else each
        for each in table
    )


@dataclass(frozen=True)
class Applied:
    """Values at a version of Zimbra, and the names that the operator kept then."""

    version: str = ""
    wanted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()


def _read(ctx: Context, name: str) -> Applied:
    return marks.load(marks.path(ctx, name), Applied) or Applied()


def remember(ctx: Context) -> None:
    """Write down the values that may have been set by hand, before an upgrade that may change them."""
    have = look(ctx, (each for each in desired_settings(ctx) if each.free(ctx)))
    marks.save(marks.path(ctx, BEFORE), Applied(zimbra_version(ctx), have))


def owe(ctx: Context, changed: Iterable[Desired]) -> None:
    """Write down which restarts the changes need, before writing: a kill in between must not lose them."""
    marks.write(ctx, OWED, json.dumps(sorted({*owed(ctx), *(each.service for each in changed)})))


def owed(ctx: Context) -> list[Service]:
    """Return the restarts that are still needed; `all` includes the others but those apart."""
    found: list[Service] = json.loads(marks.read(ctx, OWED) or "[]")
    return [each for each in found if each in APART] if "all" in found else found


def restart(ctx: Context) -> None:
    """Restart what is needed. A service that does not come up is left to the step that starts it."""
    for service in owed(ctx):
        ctx.progress.report(note=f"restarting for new settings: {service}")
        as_zimbra(ctx, *RESTARTS[service], ok=range(256), timeout=900, daemon=True)
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
