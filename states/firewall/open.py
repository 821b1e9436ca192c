"""Opens the configured ports once the server runs: by one transaction, through which connections continue."""

from __future__ import annotations

from states.firewall import table
from states.firewall.rules import open_rules, open_text
from states.firewall.settings import openings
from zflow.api import Context, Evidence, Scope, Step, counted


def probe(ctx: Context) -> Evidence | None:
    """See the table as it was loaded in this start, from the present settings."""
    found = table.intact(ctx)
    if found is None or found.text != table.digest(open_text(ctx)):
        return None
    return _evidence(ctx)


def audit(ctx: Context) -> Evidence | None:
    """See that the live table equals the model loaded into another network, whatever the record says."""
    expected = table.rehearsed(ctx, open_text(ctx))
    return _evidence(ctx) if expected is not None and expected == table.live(ctx) else None


def _evidence(ctx: Context) -> Evidence:
    names = [f"{each} (only {', '.join(each.sources)})" if each.sources else str(each) for each in openings(ctx)]
    return Evidence(f"open: {', '.join(names) or 'nothing'}; {counted(len(open_rules(ctx)), 'rule')}")


def apply(ctx: Context) -> None:
    """Load the open table. Raises what `table.load` raises, and OperatorError(CONTRADICTION)."""
    table.load(ctx, "open", open_text(ctx))


STEP = Step(
    name="firewall.open",
    title="Open the configured ports",
    probe=probe,
    audit=audit,
    apply=apply,
    scope=Scope.BOOT,
    inputs=open_text,
    timeout=30,
)
