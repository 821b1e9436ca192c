"""Looks at every step without changing anything: what `zflow plan` and `zflow verify` are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from zflow.errors import CommandError, ZflowError
from zflow.journal.event import VALID
from zflow.step import Drift, Evidence, Product, Step
from zflow.walk.keys import key_of, why_due
from zflow.walk.surroundings import Surroundings

Verdict = Literal["holds", "found", "due", "lost", "refused"]
"""`found`: holds although the journal does not say so; `lost`: the journal says so but it does not hold."""


@dataclass(frozen=True)
class Finding:
    """What one step's journal row and probe say together."""

    state: str
    step: str
    title: str
    verdict: Verdict
    why: str
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def survey(
    product: Product, statuses: Mapping[str, Mapping[str, Any]], around: Surroundings, *, deep: bool
) -> Iterator[Finding]:
    """Yield a finding for each step in walking order; `deep` asks the audits where there are any."""
    for state in product.states:
        for step in state.steps:
            verdict, why, seen = _judge(step, statuses.get(step.name, {}), around, deep=deep)
            clean = around.redactor.clean
            notices, remarks = (tuple(map(clean, each)) for each in (seen.notices, seen.remarks))
            yield Finding(state.name, step.name, step.title, verdict, clean(why), notices, remarks)


def _judge(step: Step, row: Mapping[str, Any], around: Surroundings, *, deep: bool) -> tuple[Verdict, str, Evidence]:
    ctx = around.context(step, None)
    nothing = Evidence("")
    try:
        key = key_of(step, ctx)
        seen = step.look(deep=deep or row.get("settled_kind") == "reset")(ctx)
    except CommandError as error:
        if not row.get("last_kind"):  # what the command is part of comes by an earlier step
            return "due", "never done, and cannot be looked at yet", nothing
        return "refused", str(error), nothing
    except ZflowError as error:
        return "refused", str(error), nothing
    except Exception as error:  # noqa: BLE001 - a probe's defect, or a damaged volume, hides no other finding
        return "refused", f"{type(error).__name__}: {error}", nothing
    valid = row.get("settled_kind") in VALID
    current = valid and row.get("settled_key") == key
    if isinstance(seen, Drift):
        return ("lost" if current else "due"), seen.summary, nothing
    if seen is not None:
        return ("holds" if current else "found"), seen.summary, seen
    if current:
        return "lost", "the journal says it was done, its probe does not see it", nothing
    if row.get("last_kind") == "started":
        return "due", "an attempt was cut off", nothing
    return "due", why_due(row.get("settled_key") if valid else None, key), nothing
