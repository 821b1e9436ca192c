"""`make bench`, or `make bench ROWS="step status"`: measures and prints the table."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from tests.bench.figures import Row, missed, table
from tests.bench.place import place
from tests.bench.rows import commands, dh, events, firewall, first_start, memory, restart, resume, step, volume

ROWS: tuple[Row, ...] = (
    volume.ROW, first_start.ROW, restart.ROW, step.ROW, resume.ROW, commands.ROW, firewall.ROW, dh.ROW, events.ROW,
    memory.ROW,
)  # fmt: skip


def main() -> int:
    """Measure the rows asked for, all by default; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {' '.join(row.name for row in ROWS)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each pair is run; the medians count")
    options = parser.parse_args()
    if unknown := set(options.rows) - {row.name for row in ROWS}:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    lines = []
    with place() as here:
        for row in ROWS:
            if not options.rows or row.name in options.rows:
                begun = time.monotonic()
                print(f"{row.name} …", end="", file=sys.stderr, flush=True)
                lines += [(row.name, figure) for figure in row.measure(here, options.rounds)]
                print(f" {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    print(f"{options.rounds} rounds, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}\n")
    print("\n".join(table(lines)))
    return int(missed(figure for _, figure in lines))


if __name__ == "__main__":
    sys.exit(main())
