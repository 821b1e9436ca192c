"""Brings the server's configuration to the table of wishes: reads in one call, writes only what differs, reads back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from states import witness
from states.hardening import codes, restored
from states.hardening.wishes import Place, Reader, Wish, attributes, wishes
from states.zimbra import (
    Attributes,
    as_zimbra,
    read_config,
    read_local,
    write_config,
    write_local,
    zimbra_version,
)
from zflow.api import Context, Drift, Evidence, Step, TransientError

NAME = "hardening.values"
WITNESS, OWED = "hardening.json", "hardening-restarts.json"
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
    """Return what makes the step due: other values, another Zimbra."""
    wanted = {each.name: each.values for each in wishes(ctx)}
    return json.dumps({"version": zimbra_version(ctx), "wanted": wanted}, sort_keys=True) + "\n"


def deviations(ctx: Context) -> list[Deviation]:
    """Ask the server; return what differs from the table. The order of several values says nothing."""
    table = wishes(ctx)
    have: dict[str, tuple[str, ...]] = {}
    for place, read in READ.items():
        if names := tuple(attributes(table, place)):
            have |= read(ctx, names)
    return [
        Deviation(each, have.get(each.name, ()))
        for each in table
        if sorted(have.get(each.name, ())) != sorted(each.values)
    ]


def probe(ctx: Context) -> Evidence | None:
    """See the witness of exactly these values on this Zimbra."""
    return _evidence(ctx) if witness.agrees(ctx, WITNESS, inputs(ctx)) else None


def audit(ctx: Context) -> Evidence | Drift | None:
    """See the values in the server itself; name each that has drifted."""
    if drifted := deviations(ctx):
        return Drift("; ".join(map(str, drifted)))
    return probe(ctx)


def _evidence(ctx: Context) -> Evidence:
    told = restored.told(ctx, NAME, inputs(ctx))
    return Evidence(f"{len(wishes(ctx))} settings as wanted on Zimbra {zimbra_version(ctx)}{told}")


def apply(ctx: Context) -> None:
    """Write what differs, read back, restart what reads it. Raises TransientError(NOT_TAKEN)."""
    found = deviations(ctx)
    for each in found:
        ctx.log(f"{each}: is written")
    if found:
        restored.note(ctx, NAME, inputs(ctx), _drifted(ctx, found))
        owe(ctx, (each.wish for each in found))
        for place, write in WRITE.items():
            if changes := attributes((each.wish for each in found), place):
                write(ctx, changes)
        if left := deviations(ctx):
            raise TransientError(codes.NOT_TAKEN, "; ".join(map(str, left)))
    restart(ctx)
    witness.attest(ctx, WITNESS, inputs(ctx))


def _drifted(ctx: Context, found: Iterable[Deviation]) -> list[str]:
    """Return which of them were as wanted before: put back, where the others are set for the first time."""
    before = json.loads(witness.recall(ctx, WITNESS) or '{"wanted": {}}')["wanted"]
    return [each.wish.name for each in found if before.get(each.wish.name) == list(each.wish.values)]


def owe(ctx: Context, changed: Iterable[Wish]) -> None:
    """Write down which restarts the changes ask for, before they are made: a kill in between must not lose them."""
    witness.attest(ctx, OWED, json.dumps(sorted({*owed(ctx), *(each.reader for each in changed)})))


def owed(ctx: Context) -> list[Reader]:
    """Return the restarts that are still to be made; a whole restart covers what belongs to it."""
    found: list[Reader] = json.loads(witness.recall(ctx, OWED) or "[]")
    return [each for each in found if each in APART] if "all" in found else found


def restart(ctx: Context) -> None:
    """Make the restarts that are owed. What does not come up again is the business of the steps that start it."""
    for reader in owed(ctx):
        ctx.progress.report(note=f"restarting for the new settings: {reader}")
        as_zimbra(ctx, *RESTARTS[reader], ok=range(256), timeout=900, daemon=True)
    witness.attest(ctx, OWED, "[]")


STEP = Step(
    name=NAME,
    title="Harden the server's settings",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=inputs,
    timeout=1800,
    weight=60,
)
