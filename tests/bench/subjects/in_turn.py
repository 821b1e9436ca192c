"""Runs commands in turn and prints the seconds of each, medians of the rounds. Arguments: ROUNDS COMMAND…, each of sh.

Needs nothing but the standard library: it also runs inside containers and network namespaces.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time


def main() -> None:
    """Run and print."""
    rounds, commands = int(sys.argv[1]), sys.argv[2:]
    found: list[list[float]] = [[] for _ in commands]
    for _ in range(rounds):
        for times, command in zip(found, commands, strict=True):
            begun = time.perf_counter()
            subprocess.run(["sh", "-ec", command], check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - begun)
    print(json.dumps([statistics.median(times) for times in found]))


if __name__ == "__main__":
    main()
