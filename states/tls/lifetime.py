"""When the served certificate ends, shown in the status: first the date, then the days left, with warnings in stages.

The step changes nothing. Its key keeps the status current: it holds the stage and, within the stages, the days left.
The answer of the supervisor's watch changes at the second when either does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from states.tls import exchange
from zflow.api import Context, Evidence, Step, Watch, counted

DAY = timedelta(days=1)
EVERY = 60
"""Seconds between two looks at the clock, which cost one process of the shell."""
RECENT = 300.0
"""Seconds for which a moment still counts: it may have passed while the last walk was under way."""
PASSED = f"""\
now=$(date +%s); count=0
for each; do
    left=$((each - now))
    [ "$left" -le {EVERY} ] || break
    [ "$left" -le 0 ] || {{ sleep "$left"; now=$each; }}
    count=$((count + 1))
done
echo $count
"""
"""How many of the given moments, the next one first, have passed; it waits for one that comes before the next look."""


@dataclass(frozen=True)
class Stage:
    """A warning and when it begins: so many days before the end, and not before this part of the lifetime is left."""

    days: int
    part: int
    words: str
    told: bool
    """Whether it is a notice."""

    def begins(self, lifetime: timedelta) -> timedelta:
        """Return how long before the end it begins."""
        return min(self.days * DAY, lifetime / self.part)


STAGES = (
    Stage(7, 12, "RENEW IT TODAY", told=True),
    Stage(14, 6, "renew it now", told=True),
    Stage(30, 3, "renew it soon", told=False),
)
"""The last first. The parts suit a certificate of ninety days: ACME clients renew when a third is left."""


@dataclass(frozen=True)
class Validity:
    """From when to when the installed certificate is valid."""

    begin: datetime
    end: datetime

    def stage(self, now: datetime) -> Stage | None:
        """Return the present stage; None before the first."""
        left = self.end - now
        return next((each for each in STAGES if left <= each.begins(self.end - self.begin)), None)

    @property
    def moments(self) -> list[datetime]:
        """Return when the status changes: at each stage, at each day after the first, and at the end."""
        begins = [each.begins(self.end - self.begin) for each in STAGES]
        days = [count * DAY for count in range(math.ceil(max(begins) / DAY))]
        return sorted({self.end - each for each in (*begins, *days)})


def validity(ctx: Context) -> Validity | None:
    """Return from when to when the installed certificate is valid; None while there is none."""
    found = exchange.validity(ctx)
    return None if found is None else Validity(*found)


def _now(ctx: Context) -> datetime:
    return datetime.fromtimestamp(ctx.clock(), UTC)


def _days(found: Validity, now: datetime) -> int:
    """Return the days until the end, rounded up; 0 and less: it has ended."""
    return math.ceil((found.end - now) / DAY)


def inputs(ctx: Context) -> str:
    """Return what makes the step due: another end, another stage and, within the stages, another day."""
    found, now = validity(ctx), _now(ctx)
    if found is None:
        return ""
    stage = found.stage(now)
    told = f"{stage.days} {max(0, _days(found, now))}" if stage is not None else ""
    return f"{found.end:%Y-%m-%dT%H:%M} {told}"


def probe(ctx: Context) -> Evidence:
    """See the end of the installed certificate, and warn when it is near."""
    found, now = validity(ctx), _now(ctx)
    if found is None:
        return Evidence("no certificate is installed")
    moment, days, stage = f"{found.end:%Y-%m-%d %H:%M} UTC", _days(found, now), found.stage(now)
    if days <= 0:
        told = f"the served certificate expired {moment}, and clients refuse the server; supply a renewed pair"
        return Evidence(f"WARNING: it EXPIRED {moment}, clients refuse the server", (told,))
    if stage is None:
        return Evidence(f"until {found.end:%Y-%m-%d}")
    notices = (f"the served certificate expires {moment}; {stage.words.lower()}",) if stage.told else ()
    return Evidence(f"WARNING: {counted(days, 'day')} left: {stage.words}", notices)


def apply(_ctx: Context) -> None:
    """Do nothing: the probe always holds."""


def watch(ctx: Context, more: list[float]) -> Watch:
    """Return the watch on the clock: its answer changes when the status does, and at `more` moments.

    It is as wanted while none of them has passed; one that passed during the last walk starts another walk.
    """
    found = validity(ctx)
    moments = [each.timestamp() for each in found.moments] if found is not None else []
    later = sorted(math.ceil(each) for each in (*moments, *more) if each > ctx.clock() - RECENT)
    argv = ("sh", "-c", PASSED, "passed", *map(str, later))
    return Watch("calendar", argv=argv, every=float(EVERY), wanted="0\n")


STEP = Step(
    name="tls.lifetime",
    title="Watch the certificate's end",
    probe=probe,
    apply=apply,
    inputs=inputs,
    weight=1,
)
