"""What the supervisor starts: not for people, not an interface, and without click."""

from __future__ import annotations

import gc
import sys

from zflow.commands.light import volume
from zflow.exits import WALK_STOPPED, Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zflow.errors import OperatorError


def admit() -> int:
    """Take the volume, or refuse it without changing it."""
    from zflow.commands import product
    from zflow.errors import OperatorError
    from zflow.supervise.lock import permit
    from zflow.walk.process import prepare_home

    try:
        permit(volume())
        prepare_home(product.product(), volume())
    except OperatorError as error:
        return _refused(error)
    return Exit.VALID


def walk(reason: str = "by hand", *, deep: bool = False) -> int:
    """Walk once."""
    gc.disable()  # all that is loaded stays: to search it for garbage meanwhile takes an eighth of a restart's imports
    from zflow.commands import product
    from zflow.walk.process import die_with_parent
    from zflow.walk.process import walk as walk_once

    die_with_parent()
    what = product.product()
    gc.freeze()
    gc.enable()
    ended = walk_once(what, volume(), product.environment(), reason, deep=deep)
    return WALK_STOPPED if ended == Exit.STOPPED else ended


def shut_down() -> int:
    """Stop the services before the container ends."""
    from zflow.commands import product
    from zflow.errors import OperatorError
    from zflow.walk.process import shut_down as stop

    try:
        return stop(product.product(), volume(), product.environment())
    except OperatorError as error:
        return _refused(error)


def _refused(error: OperatorError) -> int:
    from zflow.codes import refusal

    print(f"refused: {error}\nwhat to do: {error.code.remedy}", flush=True, file=sys.stderr)
    return refusal(error.code)
