"""Closes the firewall before anything else at each start of the container.

An extra port may open early, for the page that shows the first start; no port of the mail server may. The step also
holds after the ports were opened in this start: later walks must not close a serving server. A table that was changed
or removed is repaired by one load: closed, or open where this start had opened it.
"""

from __future__ import annotations

from states.firewall import table
from states.firewall.rules import closed_text, open_text
from states.firewall.settings import openings
from zflow.api import Context, Evidence, OperatorError, Scope, Step


def probe(ctx: Context) -> Evidence | None:
    """See the table as it was loaded in this start. Raises OperatorError(CONTRADICTION) as early as possible."""
    found = table.intact(ctx)
    if found is None:
        return None
    openings(ctx)
    return Evidence("inbound dropped" if found.mode == "closed" else "closed at the start, open now")


def apply(ctx: Context) -> None:
    """Close, or open again what was open in this start. Raises what `table.load` and `openings` raise."""
    if _opened(ctx):
        try:
            table.load(ctx, "open", open_text(ctx))
        except OperatorError:
            table.load(ctx, "closed", closed_text(ctx))
            raise
    else:
        table.load(ctx, "closed", closed_text(ctx))
        openings(ctx)


def _opened(ctx: Context) -> bool:
    found = table.recorded(ctx)
    return found is not None and found.mode == "open"


def shut(ctx: Context) -> None:
    """Close what was opened in this start, because a server is about to be built. Raises what `table.load` raises."""
    if _opened(ctx):
        table.load(ctx, "closed", closed_text(ctx))


STEP = Step(
    name="firewall.closed",
    title="Close the firewall",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=30,
)
