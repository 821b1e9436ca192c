"""Checks every step without changing anything, for `zflow plan` and `zflow verify`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zflow.errors import CommandError, ZflowError
from zflow.journal.record import Record
from zflow.step import Evidence, Product, Step
from zflow.walk.decide import Decision, Verdict, decide, look
from zflow.walk.surroundings import Surroundings


@dataclass(frozen=True)
class Finding:
    """What the walk would do about a step."""

    state: str
    step: str
    title: str
    verdict: Verdict
    why: str
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def survey(product: Product, records: Mapping[str, Record], around: Surroundings, *, deep: bool) -> Iterator[Finding]:
    """Yield a finding for each step in walking order; `deep` asks the audits where there are any."""
    clean = around.redactor.clean
    for state in product.states:
        for step in state.steps:
            decision, seen = _decided(step, records.get(step.name, Record()), around, deep=deep)
            notices, remarks = (tuple(map(clean, each)) for each in (seen.notices, seen.remarks))
            yield Finding(state.name, step.name, step.title, decision.verdict, clean(decision.why), notices, remarks)


def _decided(step: Step, record: Record, around: Surroundings, *, deep: bool) -> tuple[Decision, Evidence]:
    nothing = Evidence("")
    try:
        world = look(step, record, around.context(step, None), deep=deep)
    except CommandError as error:
        if record.last_kind is None:  # an earlier step installs the command
            return Decision("due", "never done; cannot be checked yet"), nothing
        return Decision("refused", str(error)), nothing
    except ZflowError as error:
        return Decision("refused", str(error)), nothing
    except Exception as error:  # noqa: BLE001 - a probe's defect, or a damaged volume, hides no other finding
        return Decision("refused", f"{type(error).__name__}: {error}"), nothing
    seen = world.seen if isinstance(world.seen, Evidence) else nothing
    return decide(step, record, world), seen
