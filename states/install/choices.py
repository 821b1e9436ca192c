"""Settings that only an install uses: refused before an install begins, a notice on an installed server.

A password that the vendor's installer would change must not keep an installed server from starting.
"""

from __future__ import annotations

from states.zimbra.proof import data, proven, unfinished
from zflow.api import Context, Evidence, Scope, Step


def _installed(ctx: Context) -> bool:
    """Tell whether there is a server; one whose mark is missing is checked, and not installed again."""
    return proven(ctx) is not None or bool(data(ctx) and not unfinished(ctx))


def accept(ctx: Context) -> None:
    """Refuse them before an install; raises OperatorError(SETTINGS)."""
    if ctx.settings.mistakes and not _installed(ctx):
        ctx.settings.insist()


def probe(ctx: Context) -> Evidence:
    """Return a notice for each that an install would refuse."""
    found = ctx.settings.mistakes
    told = tuple(f"{each}; the installed server keeps it, a new install would refuse it" for each in found)
    return Evidence(f"not valid for an install: {len(found)}" if found else "all are valid", told)


def apply(_ctx: Context) -> None:
    """Do nothing: settings are the operator's."""


STEP = Step(
    name="install.choices",
    title="Check the settings for an install",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
