"""The watcher of failed logins on the volume, in the place where zmauditswatchctl looks for it and no release has it.

The program is Perl, for that is all that is certain to be inside (docs/zimbra.md §3.7, §6.3). What somebody else put in
that place is left alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from states.hardening import repairs
from states.zimbra import files, marks
from states.zimbra.tools import zimbra_version
from zflow.api import Context, Drift, Evidence, Step, write_atomic

NAME = "hardening.watcher"
PLACE = "/opt/zimbra/libexec/auditswatch"
PROGRAM = Path(__file__).with_name("auditswatch.pl")
MARK = "# zflow-auditswatch "
MODE = 0o755


def program() -> str:
    """Return the program itself."""
    return PROGRAM.read_text()


def inputs(ctx: Context) -> str:
    """Return what makes the step due: another program, another Zimbra."""
    return f"{hashlib.sha256(program().encode()).hexdigest()} {zimbra_version(ctx)}"


def foreign(ctx: Context) -> bool:
    """Tell whether the program in the place is somebody else's."""
    found = files.text(ctx, PLACE)
    return bool(found) and MARK not in found


def probe(ctx: Context) -> Evidence | Drift | None:
    """See our program in its place, root's and executable; or somebody else's."""
    if foreign(ctx):
        return Evidence(f"{PLACE} is not zflow's and left alone")
    if (found := files.text(ctx, PLACE)) != program():
        return Drift(f"{PLACE} was changed; without the line `{MARK.strip()}` it would be left so") if found else None
    stat = files.on_volume(ctx, PLACE).stat()
    if stat.st_mode & 0o7777 != MODE or stat.st_uid != 0:
        return Drift(f"{PLACE} has the mode {stat.st_mode & 0o7777:o} and the owner {stat.st_uid}, not {MODE:o} and 0")
    return Evidence(f"{PLACE}{repairs.suffix(ctx, NAME, inputs(ctx))}")


def apply(ctx: Context) -> None:
    """Put the program in its place."""
    digest = hashlib.sha256(program().encode()).hexdigest()
    if marks.agrees(ctx, f"{NAME}.txt", digest) and files.text(ctx, PLACE) != program():
        repairs.note(ctx, NAME, inputs(ctx), [PLACE])
    write_atomic(files.on_volume(ctx, PLACE), program(), mode=MODE, owner=(0, 0))
    marks.write(ctx, f"{NAME}.txt", digest)


STEP = Step(
    name=NAME,
    title="Install the watcher of failed logins",
    probe=probe,
    apply=apply,
    inputs=inputs,
    timeout=60,
)
