"""The vendor's defaults file, written before its installers ask."""

from __future__ import annotations

from states.zimbra import answers
from states.zimbra.proof import finished
from states.zimbra.settings import GENERATED
from zflow.api import Context, Evidence, Step, holds, write_atomic


def probe(ctx: Context) -> Evidence | None:
    """Compare the file with what would be written now, and check that only root may read it."""
    if (done := finished(ctx)) is not None:
        return done
    path = ctx.volume / answers.PLACE
    made = [*answers.PASSWORDS.values(), "system_accounts", *([GENERATED] if answers.generates(ctx) else [])]
    if any(ctx.secrets.get(name) is None for name in made):
        return None
    wanted = answers.content(ctx)
    if not holds(path, wanted) or path.stat().st_mode & 0o077:
        return None
    return Evidence(f"/{answers.PLACE}, {len(wanted.splitlines())} answers, 0600")


def apply(ctx: Context) -> None:
    """Write the file; raises OperatorError(ANSWERS)."""
    write_atomic(ctx.volume / answers.PLACE, answers.content(ctx), mode=0o600)


STEP = Step(
    name="install.answers",
    title="Write the installer's defaults file",
    probe=probe,
    apply=apply,
    timeout=60,
)
