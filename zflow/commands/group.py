"""The group of commands. Each lies in a module by its purpose, and loads what it needs when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from zflow import __version__, codes
from zflow.commands import (
    analyze,
    collect,
    completion,
    config,
    doctor,
    explain,
    graph,
    journal,
    logs,
    looking,
    product,
    status,
    steering,
)
from zflow.commands.guard import guard
from zflow.commands.light import volume
from zflow.errors import OperatorError, ZflowError
from zflow.exits import Exit
from zflow.terminal.plain import plain

UNUSABLE = (
    codes.VOLUME_READ_ONLY, codes.JOURNAL_NEWER, codes.JOURNAL_DAMAGED, codes.JOURNAL_AWAY, codes.NO_JOURNAL,
    codes.NO_LOCKS, codes.NOT_A_FILE, codes.NOT_A_FOLDER, codes.NO_INODES, codes.OPEN_TO_OTHERS,
)  # fmt: skip
EXITS = {code.id: codes.refusal(code) for code in (*codes.HOLDING, *UNUSABLE)}
HELP = (
    f"{product.about()}\n\nA walk is one pass over all steps, in order: what holds stays unchanged, what does not is "
    "run again. A state is a named group of steps. The supervisor, the process of the container, starts a walk "
    "whenever one is due."
)
EPILOG = (
    "Exit codes: 0 all valid, 1 blocked, failed or not running, 2 usage, 3 in progress, 4 the volume is in use, "
    "5 the machine, the volume or its journal cannot be used."
)


@click.group(help=HELP, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="zflow %(version)s")
def group() -> None:
    """Group all commands: the engine's and the product's."""


COMMANDS = (
    analyze.analyze, collect.collect, completion.completion, config.config, doctor.doctor, explain.explain, graph.graph,
    journal.journal, logs.logs, looking.history, looking.plan, looking.verify, status.health, status.status,
    status.version, steering.pause, steering.reset_state, steering.resume, steering.run, steering.shell,
)  # fmt: skip
for command in (*COMMANDS, *product.commands()):
    group.add_command(command)
guard(group)


def main(arguments: Sequence[str]) -> int:
    """Run a command; one of zflow's errors is a line with its code and a line with its remedy, never a traceback.

    Not by click's own `main`: it turns Ctrl-C and a closed pipe into exit code 1, and `zflow.entry` has others.
    """
    if (answered := completion.asked(group)) is not None:
        return answered
    try:
        with group.make_context("zflow", list(arguments)) as context:
            return int(group.invoke(context) or 0)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except click.Abort:
        return Exit.STOPPED
    except ZflowError as error:
        return _tell(error)
    except BrokenPipeError:
        raise
    except OSError as error:  # on the volume, or in a file that the operator named
        if (code := codes.meant(error, volume())) is not None:
            return _tell(OperatorError(code, str(error)))
        print(plain(str(error)), file=sys.stderr)
        return Exit.STOPPED


def _tell(error: ZflowError) -> int:
    print(f"{plain(str(error))}\nWhat to do: {error.code.remedy}", file=sys.stderr)
    return EXITS.get(error.code.id, Exit.STOPPED)
