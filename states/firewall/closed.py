"""Closes the firewall before anything else at each start of the container.

An extra port may open early, for the page that shows the first start; no port of the mail server may. The step also
holds after the ports were opened in this start: later walks must not close a serving server. A table that was changed
or removed is repaired by one load: closed, or open where this start had opened it.
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
    """Return what is open in the closed table; nothing where settings contradict each other."""
    try:
        return early(ctx)
    except OperatorError:
        return ()


def rules(ctx: Context) -> tuple[Rule, ...]:
    """Return the closed table's rules."""
    return closed(allowed(ctx))


def text(ctx: Context) -> str:
    """Return the closed table. It can be loaded with any settings, so that no setting leaves the server open."""
    return render(rules(ctx))


def probe(ctx: Context) -> Evidence | None:
    """See the table as it was loaded in this start. Raises OperatorError(CONTRADICTION) as early as possible."""
    found = table.intact(ctx)
    if found is None:
        return None
    openings(ctx)
    return Evidence("inbound dropped" if found.mode == "closed" else "closed at the start, open now")


def apply(ctx: Context) -> None:
    """Close, or open again what was open in this start. Raises what `table.load` and `openings` raise."""
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
    """Close what was opened in this start, because a server is about to be built. Raises what `table.load` raises."""
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
