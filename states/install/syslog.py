"""The system log inside the Ubuntu, started and seen to write."""

from __future__ import annotations

from states.ubuntu import logs
from states.zimbra import syslog
from zflow.api import Context, Drift, Evidence, Scope, Step

LOST = (
    "lines do not reach {}: check whether the volume is full or a rule in /data/etc/rsyslog.d drops them, then "
    "run `zflow resume`"
)


def probe(ctx: Context) -> Evidence | Drift | None:
    """See whether all is as it was when a line was last sent to each log, and nothing stands in the way of the next."""
    before, text = syslog.recorded(ctx), syslog.config(ctx)
    if (pid := syslog.serving(ctx, before)) is None or syslog.without_kernel_log(text) != text:
        return None
    rules = logs.configuration(ctx)
    if changed := [*logs.unlike(ctx, rules), *([] if logs.can_write(ctx) else [logs.ZIMBRA])]:
        return Drift(f"wrong owner, mode or rotation: {syslog.names(changed)}")
    if before is None or before.files != logs.files(ctx, rules):
        return Drift("the logs are new files; no line was seen in them yet")
    # A line that did not arrive may only have been late.
    lost = before.lost and syslog.names(logs.missing(ctx, logs.expected(ctx, rules), before.token))
    return Evidence(f"rsyslog is process {pid}", (LOST.format(lost),) if lost else ())


def audit(ctx: Context) -> Evidence | Drift | None:
    """See the same, and what becomes of a line now."""
    seen, before = probe(ctx), syslog.recorded(ctx)
    if not isinstance(seen, Evidence) or before is None:
        return seen
    if (lost := syslog.names(logs.lost(ctx, logs.configuration(ctx), syslog.new_token()))) != before.lost:
        return Drift(f"lines do not reach {lost}" if lost else f"lines reach {before.lost} again")
    return seen


STEP = Step(
    name="install.syslog",
    title="Start the system log",
    probe=probe,
    audit=audit,
    apply=syslog.settle,
    scope=Scope.BOOT,
    timeout=60,
)
