"""Settings that only an install uses: refused before anything is made, told where a server is installed already.

A password that the vendor's installer would change is no reason to keep a server from starting that has its own.
"""

from __future__ import annotations

from states.zimbra.proof import data, proven, unfinished
from zflow.api import Context, Evidence, Scope, Step


def _installed(ctx: Context) -> bool:
    """Tell whether there is a server already; one whose proof was lost is asked itself, and not made anew."""
    return proven(ctx) is not None or bool(data(ctx) and not unfinished(ctx))


def accept(ctx: Context) -> None:
    """Refuse them where a server is still to be made; raises OperatorError(SETTINGS)."""
    if ctx.settings.mistakes and not _installed(ctx):
        ctx.settings.insist()


def probe(ctx: Context) -> Evidence:
    """Tell those that would be refused now."""
    found = ctx.settings.mistakes
    told = tuple(f"{each}; an installed server goes on with it, for a new one it would be refused" for each in found)
    return Evidence(f"{len(found)} could not be used for an install" if found else "all can be used", told)


def apply(_ctx: Context) -> None:
    """There is nothing to bring about: settings are the operator's."""


STEP = Step(
    name="install.choices",
    title="Look at the settings that only an install uses",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
