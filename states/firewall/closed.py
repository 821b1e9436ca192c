"""Closed before anything else: the first step of each start of the container.

An extra port may come early, that of the page which shows the first start; none of the mail server's can. The step
holds as well when the ports have been opened in this start: later walks must not close a serving server. When the
table was changed or removed meanwhile, it is put back as far as this start had come, by one load.
"""

from __future__ import annotations

from states.firewall import open as opened
from states.firewall import table
from states.firewall.model import Rule, closed
from states.firewall.ports import Opening
from states.firewall.render import render
from states.firewall.settings import early, openings
from zflow.api import Context, Evidence, OperatorError, Scope, Step


def allowed(ctx: Context) -> tuple[Opening, ...]:
    """Return what is open already; where settings contradict each other that is nothing."""
    try:
        return early(ctx)
    except OperatorError:
        return ()


def rules(ctx: Context) -> tuple[Rule, ...]:
    """Return the closed table's rules."""
    return closed(allowed(ctx))


def text(ctx: Context) -> str:
    """Return the closed table; it can be loaded whatever the settings are, so that none leaves the machine open."""
    return render(rules(ctx))


def probe(ctx: Context) -> Evidence | None:
    """See the table just as it was loaded in this start. Raises OperatorError(CONTRADICTION), early for its readers."""
    found = table.intact(ctx)
    if found is None:
        return None
    openings(ctx)
    return Evidence("inbound dropped" if found.mode == "closed" else "closed at first, opened since")


def apply(ctx: Context) -> None:
    """Close, or put back what was open in this start. Raises what `table.load` and `openings` raise."""
    found = table.recorded(ctx)
    if found is not None and found.mode == "open":
        try:
            opened.apply(ctx)
        except OperatorError:
            table.load(ctx, "closed", text(ctx))
            raise
        return
    table.load(ctx, "closed", text(ctx))
    openings(ctx)


def shut(ctx: Context) -> None:
    """Close what was opened in this start: a server is about to be built. Raises what `table.load` raises."""
    found = table.recorded(ctx)
    if found is not None and found.mode == "open":
        table.load(ctx, "closed", text(ctx))


STEP = Step(
    name="firewall.closed",
    title="Close the firewall",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=30,
)
