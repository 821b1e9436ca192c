"""4096-bit Diffie-Hellman parameters: how many candidates a second the search tries, beside one openssl.

How long one search takes is chance, from seconds to a quarter of an hour; what can be compared is how fast it draws.
openssl prints a mark for each candidate that its sieve lets through and that it then tests: those are counted.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from states.tls.dh import RACE
from tests.bench.figures import Figure, Row
from tests.bench.measure import TIED_WHOLE, side_by_side
from tests.bench.place import Place

WINDOW = 15.0
"""Seconds of each look; an expected search takes minutes, and the race is begun anew when one ends before."""
QUIET, HEARD = "2>/dev/null", '2>>"$file.marks"'
ONE = "openssl dhparam -out /dev/null 4096 2>>one.marks"


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Let the search of `states.tls.dh` and one openssl work for a while in turn, and count what they tested."""
    if QUIET not in RACE:
        raise RuntimeError("the search is not as this row expects it")
    cores = len(os.sched_getaffinity(0))
    race = ("bash", "-c", RACE.replace(QUIET, HEARD), "race", *(f"{number}.pem" for number in range(cores)))
    ours, theirs = side_by_side(
        min(rounds, 3), lambda: drawn(place.new("dh"), race), lambda: drawn(place.new("dh"), ("sh", "-c", ONE))
    )
    ratio, least = ours / theirs, 0.9 * cores
    against = f"{theirs:.1f}/s: one openssl dhparam 4096"
    goal = f"≥ {least:g} × ({cores} cores)"
    yield Figure(
        "candidates of a DH search",
        f"{ours:.1f}/s",
        against,
        f"{ratio:.2f} × faster",
        goal,
        ratio >= least,
        f"{cores} ×",
    )


def drawn(folder: Path, argv: tuple[str, ...]) -> float:
    """Return how many candidates a second were tested."""
    begun = time.monotonic()
    while (left := begun + WINDOW - time.monotonic()) > 0:
        with subprocess.Popen([*TIED_WHOLE, *argv], cwd=folder, stdout=subprocess.DEVNULL) as search:
            try:
                search.wait(left)
            except subprocess.TimeoutExpired:
                search.kill()
    return sum(path.read_text().count(".") for path in folder.glob("*.marks")) / (time.monotonic() - begun)


ROW = Row("dh", measure)
