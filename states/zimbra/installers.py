"""Runs the vendor's two installers: without input, with limits for time and output, and an error for each ending."""

from __future__ import annotations

from collections.abc import Callable

from states.ubuntu.dpkg import LOCK, PATIENCE
from states.zimbra import codes, history, leftovers
from states.zimbra.messages import asked, question
from zflow.api import COMMAND, OUTPUT_FLOOD, CommandError, Context, OperatorError, TransientError

ZMSETUP = "/opt/zimbra/libexec/zmsetup.pl"
"""The program that configures a server; without arguments it shows its menu."""
SILENCE = 900.0
"""Seconds without output after which an installer counts as waiting; packages unpack for minutes without a line."""
OUTPUT = 16 << 20
"""Bytes; a normal run prints some tens of kilobytes. The vendor's prompts repeat for ever at an end of file."""
ALONE = f"""\
exec 9>{LOCK}
flock -w {PATIENCE} 9 || {{ echo "Could not get lock {LOCK}"; exit 1; }}
"$@" 9>&-
"""
"""Locks out the daily updates while an installer runs; what the installer starts does not inherit the lock."""
SIGNALLED = 128
"""A shell's exit code for a signal is this plus the signal's number; sh(1)."""
BY_ITSELF = (*range(SIGNALLED + 1), *range(SIGNALLED + 65, 256))
"""Exit codes of an installer that was not ended by a signal; perl's `die` gives 255."""


class _Asked(Exception):
    """The installer printed a question: raised out of the middle of its output."""


Shut = Callable[[Context], None]
"""Closes the firewall."""


def run(ctx: Context, *argv: str, on_line: Callable[[str], None], shut: Shut, daemon: bool = False) -> str:
    """Run an installer in the Ubuntu and return its output, whatever its exit code: the codes are wrong.

    `shut` closes the firewall first: an installer starts servers that nothing has checked yet.

    A question is never answered. At the end of its input the vendor's `read` takes the default and continues, so the
    installer is stopped as soon as its output shows a question.

    Raises OperatorError(QUESTION), OperatorError(ENDLESS), TransientError(KILLED), CommandError (time, silence), and
    what `shut` raises.
    """

    def watched(line: str) -> None:
        if (text := question(line)) is not None:
            raise _Asked(text)
        on_line(line)

    history.repair(ctx)
    shut(ctx)
    try:
        return ctx.shell.chroot(
            *("sh", "-c", ALONE, "alone", *argv),
            ok=BY_ITSELF,
            silence=SILENCE,
            limit=OUTPUT,
            on_line=watched,
            daemon=daemon,
        ).output
    except _Asked as error:
        leftovers.end_installers(ctx)
        raise OperatorError(codes.QUESTION, f"‹{error}›") from None
    except CommandError as error:
        leftovers.end_installers(ctx)
        if error.code == COMMAND and error.exit_code not in BY_ITSELF:
            signal = abs(error.exit_code) % SIGNALLED
            raise TransientError(codes.KILLED, f"by signal {signal}; {_last(error)}") from error
        if error.code == OUTPUT_FLOOD:
            raise OperatorError(codes.ENDLESS, _last(error)) from error
        if (text := asked(error)) is not None:
            raise OperatorError(codes.QUESTION, f"‹{text}›") from error
        # Named by its own arguments; those of the lock would hide the command.
        raise CommandError(error.code, argv, error.exit_code, error.tail) from error


def _last(error: CommandError) -> str:
    """Return the last line of an installer; `Killed` is its shell's."""
    lines = [line for line in map(str.strip, error.tail.splitlines()) if line not in {"", "Killed", "Terminated"}]
    return f"its last line: ‹{lines[-1][-160:]}›" if lines else "it printed nothing"
