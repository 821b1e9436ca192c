"""A directory that does not answer while a step only looks: told, and no reason to stop the walk.

A step whose look fails is blocked without a try of its own; one that stands before the firewall opens kept all ports
closed for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from zflow.api import CommandError, Context, Drift, Evidence

Look = Callable[[Context], "Evidence | Drift | None"]


def unless_silent(look: Look) -> Look:
    """Return `look` as one that is never stopped by a directory that does not answer, but has a notice of it.

    `look` sees by a record of its own, before it asks, whether all was written once: silence is no proof of that.
    """

    @wraps(look)
    def asked(ctx: Context) -> Evidence | Drift | None:
        try:
            return look(ctx)
        except CommandError as error:
            return Evidence("as written last", (f"the directory does not answer: {error.detail}",))

    return asked
