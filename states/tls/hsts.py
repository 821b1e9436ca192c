"""HTTP Strict Transport Security (RFC 6797) by the proxy: in stages, and only with a certificate that verifies.

A browser that has seen the header refuses the server without valid TLS for the time in the header. So this time grows
in stages: a mistake in the first days ends soon. And the header is removed when the certificate does not verify.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from states.tls import codes, exchange
from states.tls.settings import HSTS
from states.zimbra import marks, restarts
from states.zimbra.directory import read_config, unless_silent
from states.zimbra.tools import differences, render, write_config, zimbra_version
from zflow.api import Context, Drift, Evidence, Step, TransientError

MARK = "tls-hsts.json"
ATTRIBUTE = "zimbraReverseProxyResponseHeaders"
HEADER = "Strict-Transport-Security"
DAY = 86_400
STAGES = ((0, 300), (1 * DAY, 1 * DAY), (7 * DAY, 7 * DAY), (35 * DAY, 30 * DAY))
"""Seconds since the header was sent first, and the longest time it may state until the next stage."""


@dataclass(frozen=True)
class Sent:
    """The mark: when the header was sent first, and the time in it; 0 until the server's configuration has one."""

    since: float
    seconds: int


def wanted(ctx: Context) -> int:
    """Return the seconds to state now; 0 is no header. Without a supplied pair that is deployed and valid: 0."""
    goal, valid, deployed = ctx.settings[HSTS], exchange.validity(ctx), exchange.in_place(ctx)
    now = datetime.fromtimestamp(ctx.clock(), UTC)
    if not goal or valid is None or valid[1] < now or deployed is None or deployed[1] is None:
        return 0
    age = ctx.clock() - _since(ctx)
    limits = [limit for begin, limit in STAGES if age >= begin]
    return goal if age >= STAGES[-1][0] or not limits else min(goal, limits[-1])


def _since(ctx: Context) -> float:
    """Return when the header was sent first; now, when it is not sent."""
    sent = _sent(ctx)
    return sent.since if sent is not None else ctx.clock()


def _sent(ctx: Context) -> Sent | None:
    return marks.load(marks.path(ctx, MARK), Sent)


def moments(ctx: Context) -> list[float]:
    """Return when the next stages begin."""
    sent = _sent(ctx)
    return [sent.since + begin for begin, _ in STAGES[1:]] if sent is not None else []


def inputs(ctx: Context) -> str:
    """Return what makes the step due: another time, another Zimbra."""
    return f"{wanted(ctx)} {zimbra_version(ctx)}"


def probe(ctx: Context) -> Evidence | Drift | None:
    """See the header with this time in the server's configuration; without a time, that no header of ours is left."""
    seconds, sent = wanted(ctx), _sent(ctx)
    if not seconds and sent is None:
        off = "off" if not ctx.settings[HSTS] else "not with this certificate"
        return Evidence(f"no header: {off}")
    if not seconds or sent is None or sent.seconds != seconds:
        return None
    have = read_config(ctx, (ATTRIBUTE,))[ATTRIBUTE]
    if not differences({ATTRIBUTE: _with(have, seconds)}, {ATTRIBUTE: have}):
        return _evidence(ctx, seconds)
    ours = next((each for each in have if _is_ours(each)), "gone")
    return Drift(f"{HEADER} is {ours}, not max-age={seconds}; set it by {HSTS.variable}, 0 removes it")


def _evidence(ctx: Context, seconds: int) -> Evidence:
    goal = ctx.settings[HSTS]
    return Evidence(f"max-age={seconds}" + (f", on the way to {goal}" if seconds != goal else ""))


def _with(have: Iterable[str], seconds: int) -> tuple[str, ...]:
    """Return the wanted headers; those that are not ours stay."""
    others = [each for each in have if not _is_ours(each)]
    return (*others, *([f"{HEADER}: max-age={seconds}"] if seconds else []))


def _is_ours(header: str) -> bool:
    return header.partition(":")[0].strip().lower() == HEADER.lower()


def apply(ctx: Context) -> None:
    """Write what differs, read back, render. Raises TransientError(HSTS)."""
    seconds, since = wanted(ctx), _since(ctx)
    have = read_config(ctx, (ATTRIBUTE,))
    want = {ATTRIBUTE: _with(have[ATTRIBUTE], seconds)}
    if changes := differences(want, have):
        if seconds:
            # Before the first browser can see it: a header that is not on record would never be removed again.
            marks.write(ctx, MARK, json.dumps(asdict(Sent(since, 0))))
        write_config(ctx, changes)
        if differences(want, read_config(ctx, (ATTRIBUTE,))):
            raise TransientError(codes.HSTS, f"{ATTRIBUTE} does not hold {want[ATTRIBUTE]}")
    render(ctx, "proxy")
    restarts.reload_front(ctx)
    marks.write(ctx, MARK, json.dumps(asdict(Sent(since, seconds)) if seconds else {}))


STEP = Step(
    name="tls.hsts",
    title="Make browsers insist on TLS (HSTS)",
    probe=unless_silent(probe),
    apply=apply,
    inputs=inputs,
    timeout=600,
    weight=2,
)
