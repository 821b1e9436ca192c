"""Commands that the supervisor starts; hidden from the help, they are no interface."""

from __future__ import annotations

import click

from zflow.cli import product
from zflow.light import volume


@click.command("admit", hidden=True)
def admit() -> int:
    """Take the volume, or refuse it untouched."""
    import sys

    from zflow.errors import OperatorError
    from zflow.exits import Exit
    from zflow.walk.process import prepare_home

    try:
        prepare_home(product.product(), volume())
    except OperatorError as error:
        print(f"refused: {error}\nwhat to do: {error.code.remedy}", flush=True, file=sys.stderr)
        return Exit.REFUSED
    return Exit.VALID


@click.command("walk", hidden=True)
@click.option("--reason", default="by hand")
@click.option("--deep", is_flag=True)
def walk(reason: str, *, deep: bool) -> int:
    """Walk once."""
    import gc

    gc.disable()  # all that is loaded stays: to search it for garbage meanwhile takes an eighth of a restart's imports
    from zflow.exits import WALK_STOPPED, Exit
    from zflow.walk.process import die_with_parent
    from zflow.walk.process import walk as walk_once

    die_with_parent()
    what = product.product()
    gc.freeze()
    gc.enable()
    ended = walk_once(what, volume(), product.environment(), reason, deep=deep)
    return WALK_STOPPED if ended == Exit.STOPPED else ended


@click.command("shut-down", hidden=True)
def shut_down() -> int:
    """Stop the services before the container ends."""
    from zflow.walk.process import shut_down as stop

    return stop(product.product(), volume(), product.environment())


COMMANDS = (admit, walk, shut_down)
