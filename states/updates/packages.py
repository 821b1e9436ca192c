"""Completes an interrupted package manager's work: an unattended upgrade or an operator's, killed in the middle.

What cannot be completed stops nothing, because the mail server may work without it. It stays a notice until it is done.
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
"""What this start completed, and what it could not; on the volume's tmpfs, gone with the container."""


def unfinished(ctx: Context) -> dict[str, str]:
    """Return the half-done packages that this step completes: none while a package manager is at work.

    The vendor's installer completes its own packages, until there is a proven server and while an upgrade is under way.
    """
    if not (found := dpkg.unfinished(ctx)) or dpkg.at_work(ctx):
        return {}
    whole = proven(ctx) is not None and order.under_way(ctx) is None
    return {name: state for name, state in found.items() if whole or not name.startswith(PREFIX)}


def listed(found: dict[str, str]) -> str:
    """Return packages and their states as text."""
    return ", ".join(f"{name} ({state})" for name, state in sorted(found.items()))


def recorded(ctx: Context) -> tuple[dict[str, str], dict[str, str]]:
    """Return what this start found half done, and what is left of it."""
    found = read_json(ctx.volume / RECORD, lambda content: (dict(content["found"]), dict(content["left"])))
    return found or ({}, {})


def probe(ctx: Context) -> Evidence | None:
    """See whether no package is half done, or only packages that this start could not complete."""
    found, (before, left) = unfinished(ctx), recorded(ctx)
    if not found:
        return Evidence(f"completed at this start: {listed(before)}" if before else "no package is half done")
    if found != left:
        return None
    return Evidence(
        "packages are half done",
        (
            f"packages are half done, so no update can be installed: {listed(found)}; see "
            "`zflow logs updates.packages`, then run `zflow shell apt-get --fix-broken install`",
        ),
    )


def audit(ctx: Context) -> Evidence | Drift | None:
    """See the same, but let what could not be completed before be tried again."""
    found = unfinished(ctx)
    return Drift(f"half done: {listed(found)}") if found else probe(ctx)


def apply(ctx: Context) -> None:
    """Complete the packages, and write down what was half done and what is left."""
    found = {**recorded(ctx)[0], **unfinished(ctx)}
    ctx.log(f"half done: {listed(found)}")
    left = dpkg.complete(ctx, unfinished)
    make_folder((ctx.volume / RECORD).parent)
    write_atomic(ctx.volume / RECORD, json.dumps({"found": found, "left": left}) + "\n")


STEP = Step(
    name="updates.packages",
    title="Complete interrupted package installations",
    probe=probe,
    audit=audit,
    apply=apply,
    scope=Scope.BOOT,
    timeout=3600,
)
