"""Runs commands in turn and prints the seconds of each, medians of the rounds. Arguments: ROUNDS COMMAND….

Each command is one word, quoted as for a shell, which is not used. Needs nothing but the standard library: it
also runs inside containers and network namespaces.
"""

from __future__ import annotations

import json
import shlex
import statistics
import subprocess
import sys
import time


def main() -> None:
    """Run and print."""
    rounds, commands = int(sys.argv[1]), [shlex.split(command) for command in sys.argv[2:]]
    found: list[list[float]] = [[] for _ in commands]
    for _ in range(rounds):
        for times, argv in zip(found, commands, strict=True):
            begun = time.perf_counter()
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - begun)
    print(json.dumps([statistics.median(times) for times in found]))


if __name__ == "__main__":
    main()
