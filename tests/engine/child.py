"""`python -m tests.engine.child VOLUME admit|walk|slow|endpoint|shut-down`: the real walker process over a toy product.

An effect is one line in `effects`, made durable; its probe sees that line, so a doubled effect would show.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.engine.toy import effects, product
from zflow.context import Context
from zflow.exits import WALK_STOPPED, Exit
from zflow.step import Evidence, Product, Scope, Step
from zflow.walk.process import die_with_parent, prepare_home, shut_down, walk

NAMES = ("one.once", "one.plain", "two.boot", "two.last")


def step(name: str, **options: object) -> Step:
    """Return a step that adds its line durably."""

    def probe(ctx: Context) -> Evidence | None:
        return Evidence("its line is there") if name in effects(ctx.volume) else None

    def apply(ctx: Context) -> None:
        with (ctx.volume / "effects").open("a") as file:
            file.write(f"{name}\n")
            file.flush()
            os.fsync(file.fileno())

    return Step(name, f"make {name}", probe, apply, **options)  # type: ignore[arg-type]


def toy() -> Product:
    """Return the product."""
    return product(
        step("one.once", once=True),
        step("one.plain"),
        step("two.boot", scope=Scope.BOOT),
        step("two.last"),
    )


def slow() -> Step:
    """Return a step whose command says its number and then takes a minute."""

    def apply(ctx: Context) -> None:
        pid = ctx.volume / "pid"
        ctx.shell.run("sh", "-c", f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 60")

    return Step("one.slow", "take long", lambda _ctx: None, apply)


def main() -> int:
    """Do what the supervisor asks of `zflow`."""
    volume, verb = Path(sys.argv[1]), sys.argv[2]
    if verb == "admit":
        prepare_home(toy(), volume)
        return 0
    if verb == "endpoint":
        return 0
    if verb == "shut-down":
        return shut_down(toy(), volume, {})
    if verb == "slow":
        return walk(product(slow()), volume, {}, "test")
    die_with_parent()
    ended = walk(toy(), volume, {}, sys.argv[4] if len(sys.argv) > 4 else "test")
    return WALK_STOPPED if ended == Exit.STOPPED else ended


if __name__ == "__main__":
    sys.exit(main())
