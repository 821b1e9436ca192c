"""A walk of zflow over steps that do nothing. Arguments: VOLUME STEPS run|half|resume volume|boot.

`run` prints the seconds a step took, `half` dies in the middle, and `resume` stops at the first step that is new and
prints when that was, on the monotonic clock.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path

gc.disable()  # while it loads, as `zflow.commands.inner` does

from zflow.api import Code, Context, Evidence, OperatorError, Product, Scope, State, Step  # noqa: E402
from zflow.journal import pruning  # noqa: E402
from zflow.walk.process import walk  # noqa: E402

pruning.ENOUGH = sys.maxsize  # a journal of a million events stays one, round after round
ENOUGH = Code("ZF-9999", "the benchmark has seen enough", "This is as far as it looks.", "Nothing.")


def main() -> None:
    """Walk and print."""
    volume, count, mode, scope = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Scope(sys.argv[4])
    world = os.open(volume / "world", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    done = set(range(os.fstat(world).st_size))
    times: list[float] = []

    def step(number: int) -> Step:
        def probe(_ctx: Context) -> Evidence | None:
            return Evidence("done") if number in done else None

        def apply(_ctx: Context) -> None:
            times.append(time.monotonic())
            if mode == "half" and number == count // 2:
                os._exit(0)
            if mode == "resume":
                raise OperatorError(ENOUGH, "first new step")
            if mode == "half":
                os.write(world, b".")
            done.add(number)

        return Step(name=f"one.s{number}", title="nothing", probe=probe, apply=apply, scope=scope)

    gc.freeze()
    gc.enable()
    product = Product("bench", (State("one", "nothing", tuple(step(number) for number in range(count))),))
    walk(product, volume, {}, "benchmark")
    print(json.dumps({"step": (times[-1] - times[0]) / max(1, len(times) - 1), "at": times[0]}))


if __name__ == "__main__":
    main()
