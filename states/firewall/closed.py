"""Closed before anything else: the first step of each start of the container.

It holds as well when the ports have been opened in this start: later walks must not close a serving server. When the
table was changed or removed meanwhile, it is put back as far as this start had come, by one load.
"""

from __future__ import annotations

from states.firewall import opened, table
from states.firewall.model import closed
from states.firewall.render import render
from states.firewall.settings import openings
from zflow.api import Context, Evidence, OperatorError, Scope, Step


def text() -> str:
    """Return the closed table; it depends on no setting, so that a wrong one cannot leave the machine open."""
    return render(closed())


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
            table.load(ctx, "closed", text())
            raise
        return
    table.load(ctx, "closed", text())
    openings(ctx)


STEP = Step(
    name="bootstrap.closed",
    title="Close the firewall",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=30,
)
