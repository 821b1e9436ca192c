"""Installs the login monitor at the path that zmauditswatchctl starts; no release has a program there.

The program is Perl, the only language that every Ubuntu with Zimbra has (docs/zimbra.md §3.7, §6.3). A program of the
operator at that path is left alone.
"""

from __future__ import annotations

from states.hardening import repairs
from states.hardening.monitor import LINE, PATH, digest, foreign, program
from states.zimbra import files, marks
from states.zimbra.tools import zimbra_version
from zflow.api import Context, Drift, Evidence, Step, write_atomic

NAME = "hardening.watcher"
MARK = f"{NAME}.txt"
"""The SHA-256 of the program that was installed last."""
MODE = 0o755


def inputs(ctx: Context) -> str:
    """Return what makes the step due: another program, another version of Zimbra."""
    return f"{digest(program())} {zimbra_version(ctx)}"


def probe(ctx: Context) -> Evidence | Drift | None:
    """See our program, owned by root and executable; or another program."""
    if foreign(ctx):
        return Evidence(f"{PATH} is not zflow's and is left alone")
    if (found := files.text(ctx, PATH)) != program():
        if not found or marks.agrees(ctx, MARK, digest(found)):  # absent, or as an earlier zflow installed it
            return None
        return Drift(f"{PATH} was changed; remove the line that begins with `{LINE.strip()}` to keep it as it is")
    stat = files.on_volume(ctx, PATH).stat()
    if stat.st_mode & 0o7777 != MODE or stat.st_uid != 0:
        return Drift(f"{PATH} has the mode {stat.st_mode & 0o7777:o} and the owner {stat.st_uid}, not {MODE:o} and 0")
    return Evidence(f"{PATH}{repairs.suffix(ctx, NAME, inputs(ctx))}")


def apply(ctx: Context) -> None:
    """Install the program."""
    if marks.agrees(ctx, MARK, digest(program())) and files.text(ctx, PATH) != program():
        repairs.note(ctx, NAME, inputs(ctx), [PATH])
    write_atomic(files.on_volume(ctx, PATH), program(), mode=MODE, owner=(0, 0))
    marks.write(ctx, MARK, digest(program()))


STEP = Step(
    name=NAME,
    title="Install the login monitor",
    probe=probe,
    apply=apply,
    inputs=inputs,
    timeout=60,
)
