"""Commands that act: `run`, `resume`, `pause`, `reset-state`, `shell`."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from zflow import codes
from zflow.commands.completion import complete_states
from zflow.commands.guard import lockless, writes
from zflow.commands.light import run as supervise
from zflow.commands.light import volume
from zflow.commands.looking import describe, newest_event, recorded_since
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.host.clock import stamp
from zflow.host.files import write_atomic
from zflow.journal.ground import check_home
from zflow.journal.layout import home, pause_file, paused
from zflow.status.document import STOPPED, exit_code, gather
from zflow.status.view import as_text
from zflow.supervise.lock import RUNNER, holder, permit
from zflow.terminal.screen import screen

if TYPE_CHECKING:
    from zflow.step import Step

FROM_THE_KEYBOARD = {signal.SIGINT, signal.SIGQUIT}
POLL = 0.2
"""Seconds between two looks at the journal while following a walk."""
START = 15.0
"""Seconds that the supervisor has to begin a walk."""


@click.command()
@writes
def run() -> int:
    """Run the supervisor: the process of the container."""
    return supervise()


@click.command()
@click.option("--no-follow", is_flag=True, help="Return when the walk has begun; do not show it.")
@writes
def resume(*, no_follow: bool) -> int:
    """Continue now and show the walk. Ends a pause and a back-off; without a supervisor, makes the walk itself."""
    return go_on(follow=not no_follow)


def go_on(*, follow: bool) -> int:
    """Make a walk begin and, if `follow`, show it to its end; return the exit code of the status then."""
    permit(volume())
    pause_file(volume()).unlink(missing_ok=True)
    found = holder(volume(), RUNNER)
    if found is None or not found.alive:
        from zflow.commands.product import environment, product
        from zflow.walk.process import walk

        click.echo("No supervisor is running in this container; this command makes the walk.")
        return walk(product(), volume(), environment(), "resume without a supervisor", deep=True)
    before = newest_event()
    os.kill(found.pid, signal.SIGUSR1)
    if not follow:
        _await_walk(before)
        click.echo(f"Told the supervisor (process {found.pid}) to begin a walk; `zflow status` shows it.")
        return Exit.VALID
    return _follow(before)


def _await_walk(seen: int) -> None:
    """Return once a walk is under way: a `status --wait` that follows must not see the earlier stop."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        document = gather(volume())
        if document["walking"] and document["state"] not in STOPPED:
            return
        found = holder(volume(), RUNNER)
        if found is None or not found.alive or any(row["kind"] == "begun" for row in recorded_since(seen)):
            return
        time.sleep(POLL)


def _follow(seen: int) -> int:
    """Show the events until the requested walk has ended; return the exit code of the status then."""
    deadline = time.monotonic() + START
    out = screen()
    asked_for = False
    while True:
        document = gather(volume())
        for row in recorded_since(seen):
            seen = row["seq"]
            asked_for |= row["kind"] == "begun" and row["detail"] == "resume"
            click.echo(describe(row, out))
        if not document["walking"] and (asked_for or time.monotonic() > deadline):
            click.echo(as_text(document, out))
            return exit_code(document)
        time.sleep(POLL)


@click.command()
@writes
def pause() -> int:
    """Pause: no walk begins until `zflow resume` or the next start of the container."""
    check_home(volume())
    if not home(volume()).is_dir():
        raise OperatorError(codes.NO_JOURNAL, f"there is no {home(volume())}")
    write_atomic(pause_file(volume()), f"{stamp(time.time())}\n", mode=0o600)
    click.echo("Paused: no walk begins. A walk in progress ends first. `zflow resume` ends the pause.")
    return Exit.VALID


@click.command("reset-state")
@click.argument("state", shell_complete=complete_states)
@click.option("--dry-run", is_flag=True, help="Only show which steps would be due.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait until a walk in progress has ended.")
@writes
def reset_state(state: str, *, dry_run: bool, yes: bool, wait: bool) -> int:
    """Run the steps of a STATE again: they are due at the next walk. Mail, settings and the history stay."""
    from zflow.commands.product import product
    from zflow.walk.reset import PATIENCE, check, names_of, reset

    steps = names_of(product(), state)
    patience = math.inf if wait else PATIENCE
    if not dry_run:
        check(volume(), patience)
    for line in _lost_by_reset(state, steps, product().serves):
        click.echo(line)
    if dry_run:
        return Exit.VALID
    if not yes:
        try:
            click.confirm("Continue?", abort=True)
        except click.Abort:
            click.echo("\nNothing was changed. In a script, use `--yes`.", err=True)
            raise
    reset(product(), volume(), state, patience)
    found = holder(volume(), RUNNER)
    if found is None or not found.alive:
        click.echo("Done. A walk begins at the next start of the container.")
    elif paused(volume()):
        click.echo("Done. zflow is paused; `zflow resume` begins the walk.")
    else:
        click.echo("Done. A walk begins; `zflow status` shows it.")
    return Exit.VALID


def _lost_by_reset(state: str, steps: Sequence[Step], serves: Sequence[str]) -> Iterator[str]:
    """Yield what a reset of a state makes due, its effects, and what stays."""
    valid = {row["name"] for row in gather(volume())["steps"] if row["status"] == "valid"}
    groups = {
        f"Valid now, will be due ({state}):": [step for step in steps if step.name in valid],
        f"Due already ({state}):": [step for step in steps if step.name not in valid],
    }
    for head, members in groups.items():
        if members:
            yield head
        for step in members:
            again = " (runs once: again only if its result is gone)" if step.once else ""
            yield f"  {step.name:<28} {step.title}{again}"
    yield "The next walk checks each of them thoroughly first. What still holds is not run again."
    if asked := [step.name for step in steps if step.name in serves and step.name in valid]:
        yield f"Until it finds {' and '.join(asked)} valid, `zflow health ready` answers no."
    yield "Nothing is deleted. Mail, settings, the history and all other states stay."


@click.command(context_settings={"allow_interspersed_args": False})  # a command's options are its own
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@lockless
def shell(command: tuple[str, ...]) -> int:
    """Open a shell in the Ubuntu on the volume, or run COMMAND there."""
    root = volume()
    if not (root / "bin/bash").exists():
        raise click.UsageError(f"there is no Ubuntu on {root} yet; `zflow status` shows the progress")
    # So that apt-get and dpkg in a remedy do not ask questions.
    return on_the_terminal(
        ("chroot", str(root), *(command or ("/bin/bash", "-l"))), {"DEBIAN_FRONTEND": "noninteractive"}
    )


def on_the_terminal(argv: Sequence[str], more: Mapping[str, str] | None = None) -> int:
    """Run a command on this terminal to its end, and return its exit code as a shell does.

    Signals from the keyboard reach the command alone. This process keeps the locks, which the command does not inherit:
    a daemon that it starts would hold them.
    """
    from zflow.host.shell import PATH

    environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}
    before = {number: signal.signal(number, lambda *_: None) for number in FROM_THE_KEYBOARD}
    try:
        pid = os.posix_spawnp(argv[0], list(argv), {**environment, **(more or {})}, setsigdef=FROM_THE_KEYBOARD)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
