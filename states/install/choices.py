"""Settings that only an install uses: refused before anything is made, told where a server is installed already.

A password that the vendor's installer would change is no reason to keep a server from starting that has its own.
"""

from __future__ import annotations

from states.install.proof import data, proven, unfinished
from zflow.api import Context, Evidence, Scope, Step


def _installed(ctx: Context) -> bool:
    """Tell whether there is a server already; one whose proof was lost is asked itself, and not made anew."""
    return proven(ctx) is not None or bool(data(ctx) and not unfinished(ctx))


def probe(ctx: Context) -> Evidence | None:
    """See whether a server can be made with the settings, or none is to be made."""
    found = ctx.settings.mistakes
    if found and not _installed(ctx):
        return None
    told = tuple(f"{each}; the installed server does without it, a new one would be refused" for each in found)
    return Evidence("nothing is asked that an install cannot do" if not found else "it is installed already", told)


def apply(ctx: Context) -> None:
    """Refuse them; raises OperatorError(SETTINGS)."""
    ctx.settings.insist()


STEP = Step(
    name="bootstrap.choices",
    title="Check the settings that only an install uses",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    retry="never",
    timeout=30,
)
