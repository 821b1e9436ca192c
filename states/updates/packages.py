"""Completes what an interrupted package manager left: an unattended upgrade or an operator's, killed in the middle.

What cannot be completed stops nothing, for the mail server may serve all the same; it is a notice until it is done.
"""

from __future__ import annotations

import json
from pathlib import Path

from states.ubuntu import dpkg
from states.zimbra import order
from states.zimbra.packages import PREFIX
from states.zimbra.proof import proven
from zflow.api import Context, Drift, Evidence, Scope, Step, make_folder, read_json, write_atomic

RECORD = Path("run/zflow/packages.json")
"""What this start completed and what it could not; on the volume's own tmpfs, gone with the container."""


def unfinished(ctx: Context) -> dict[str, str]:
    """Return what is half done and this step's to complete: nothing while a package manager is at work.

    The vendor's own packages are its installer's, until there is a proven server and while an upgrade is under way.
    """
    if not (found := dpkg.unfinished(ctx)) or dpkg.at_work(ctx):
        return {}
    whole = proven(ctx) is not None and order.under_way(ctx) is None
    return {name: state for name, state in found.items() if whole or not name.startswith(PREFIX)}


def listed(found: dict[str, str]) -> str:
    """Return packages and their states for people."""
    return ", ".join(f"{name} ({state})" for name, state in sorted(found.items()))


def recorded(ctx: Context) -> tuple[dict[str, str], dict[str, str]]:
    """Return what this start found half done, and what of it is left."""
    found = read_json(ctx.volume / RECORD, lambda content: (dict(content["found"]), dict(content["left"])))
    return found or ({}, {})


def probe(ctx: Context) -> Evidence | None:
    """See whether nothing is half done, or nothing but what this start tried to complete in vain."""
    found, (before, left) = unfinished(ctx), recorded(ctx)
    if not found:
        return Evidence(f"completed at this start: {listed(before)}" if before else "no package is half done")
    if found != left:
        return None
    return Evidence(
        "nothing more could be completed",
        (
            f"packages are half done, and no update can be installed: {listed(found)}; see "
            "`zflow logs updates.packages`, then `zflow shell apt-get --fix-broken install`",
        ),
    )


def audit(ctx: Context) -> Evidence | Drift | None:
    """See the same, and have tried again what could not be completed before."""
    found = unfinished(ctx)
    return Drift(f"half done: {listed(found)}") if found else probe(ctx)


def apply(ctx: Context) -> None:
    """Complete it, and write down what was done and what is left."""
    found = {**recorded(ctx)[0], **unfinished(ctx)}
    ctx.log(f"half done: {listed(found)}")
    left = dpkg.complete(ctx, unfinished)
    make_folder((ctx.volume / RECORD).parent)
    write_atomic(ctx.volume / RECORD, json.dumps({"found": found, "left": left}) + "\n")


STEP = Step(
    name="updates.packages",
    title="Complete what a package manager left half done",
    probe=probe,
    audit=audit,
    apply=apply,
    scope=Scope.BOOT,
    timeout=3600,
)
