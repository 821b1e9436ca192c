"""How long the served certificate lasts, told in status: a plain end first, then the days, then a warning each day.

Nothing is done here. What makes the telling current is the key: in the last thirty days the number of days is part of
it, and the supervisor's watch answers otherwise at each of their beginnings.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from states.tls import codes, exchange, server
from zflow.api import Context, Evidence, Step, TransientError, Watch

WARN = {30: "renew it soon", 14: "renew it now", 7: "RENEW IT TODAY"}
"""Days before the end, and what to say from then on."""
EVERY = 60.0
"""Seconds between two looks at the clock, which cost one process of the shell."""
PASSED = 'now=$(date +%s); count=0; for each; do [ "$now" -lt "$each" ] || count=$((count+1)); done; echo $count'
"""How many of the moments named have passed."""


def served_until(ctx: Context) -> datetime | None:
    """Return when the installed certificate ends; None while there is none."""
    from cryptography import x509

    found = exchange.certificates(server.text(ctx, exchange.INSTALLED[0]))
    try:
        return x509.load_pem_x509_certificate(found[0].encode()).not_valid_after_utc
    except (IndexError, ValueError):
        return None


def days_left(ctx: Context, end: datetime) -> int:
    """Return the days that have begun until then; 0 and less: it has ended."""
    left = end - datetime.fromtimestamp(ctx.clock(), UTC)
    return math.ceil(left / timedelta(days=1))


def inputs(ctx: Context) -> str:
    """Return what makes the telling anew due: another end, and in the last days another day."""
    end = served_until(ctx)
    return "" if end is None else f"{end:%Y-%m-%dT%H:%M} {max(0, min(days_left(ctx, end), max(WARN) + 1))}"


def probe(ctx: Context) -> Evidence | None:
    """See the end of the installed certificate, and say what it asks for."""
    end = served_until(ctx)
    if end is None:
        return None
    days = days_left(ctx, end)
    if days <= 0:
        return Evidence(f"WARNING: it EXPIRED {end:%Y-%m-%d %H:%M} UTC, clients refuse the server")
    words = [WARN[each] for each in sorted(WARN) if days <= each][:1]
    return Evidence(f"WARNING: {days} days left: {words[0]}" if words else f"until {end:%Y-%m-%d}")


def apply(_ctx: Context) -> None:
    """Do nothing: without an installed certificate there is nothing to tell. Raises TransientError(DEPLOY)."""
    raise TransientError(codes.DEPLOY, f"there is no certificate in {exchange.INSTALLED[0]}")


def watch(ctx: Context, more: list[float]) -> Watch:
    """Return the watch on the clock: it answers otherwise when a day of the last ones begins, and at `more` moments."""
    end = served_until(ctx)
    moments = [(end - timedelta(days=each)).timestamp() for each in range(max(WARN) + 1)] if end else []
    later = sorted(math.ceil(each) for each in (*moments, *more) if each > ctx.clock())
    return Watch("calendar", argv=("sh", "-c", PASSED, "passed", *map(str, later)), every=EVERY)


STEP = Step(
    name="tls.lifetime",
    title="Watch the certificate's end",
    probe=probe,
    apply=apply,
    inputs=inputs,
    weight=1,
)
