"""Opens the configured ports once the server runs: by one transaction, through which connections continue."""

from __future__ import annotations

from states.firewall import table
from states.firewall.model import Rule, opened
from states.firewall.render import render
from states.firewall.settings import RATE, openings
from states.ubuntu.gateways import gateways
from zflow.api import Context, Evidence, Scope, Step, counted


def rules(ctx: Context) -> tuple[Rule, ...]:
    """Return the model for the present settings and gateways. Raises OperatorError(CONTRADICTION)."""
    return opened(openings(ctx), gateways(), ctx.settings[RATE])


def text(ctx: Context) -> str:
    """Return the open table."""
    return render(rules(ctx))


def probe(ctx: Context) -> Evidence | None:
    """See the table as it was loaded in this start, from the present settings."""
    found = table.intact(ctx)
    if found is None or found.text != table.digest(text(ctx)):
        return None
    return _evidence(ctx)


def audit(ctx: Context) -> Evidence | None:
    """See that the live table equals the model loaded into another network, whatever the record says."""
    expected = table.rehearsed(ctx, text(ctx))
    return _evidence(ctx) if expected is not None and expected == table.live(ctx) else None


def _evidence(ctx: Context) -> Evidence:
    names = [f"{each} (only {', '.join(each.sources)})" if each.sources else str(each) for each in openings(ctx)]
    return Evidence(f"open: {', '.join(names) or 'nothing'}; {counted(len(rules(ctx)), 'rule')}")


def apply(ctx: Context) -> None:
    """Load the open table. Raises what `table.load` raises, and OperatorError(CONTRADICTION)."""
    table.load(ctx, "open", text(ctx))


STEP = Step(
    name="firewall.open",
    title="Open the configured ports",
    probe=probe,
    audit=audit,
    apply=apply,
    scope=Scope.BOOT,
    inputs=text,
    timeout=30,
)
