"""`python -m tests.crash.matrix [--short]`: runs the crash certificate, prints its matrix, and keeps it in the docs.

The long form, `make crash`, takes two hours or more, the short one less than a minute. Ends with 1
when anything was lost; the line then names the seed or the point that leads to it again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.commands import Failed
from rehearsal.image import make_image
from rehearsal.setup import stand_in
from tests.crash import points, world, writes
from tests.crash.cut import apart
from tests.crash.disk import FORMATS
from tests.crash.host import Violation
from tests.e2e.conftest import bootstrap_into
from tests.reliability import keep

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Line:
    """One line of the matrix."""

    what: str
    tried: str
    lost: str = "0"
    seed: str = "–"


@dataclass(frozen=True)
class Form:
    """How much is tried: each so-manieth point and write, so many cuts and steps, which share in containers."""

    every: int
    writes_every: int
    cuts: int
    steps: int
    share: str = "1"
    kills: str = "20"
    images: int = 20


LONG = Form(every=1, writes_every=1, cuts=200, steps=1_000_000)
SHORT = Form(every=60, writes_every=12, cuts=8, steps=15_000)


def arrows(form: Form, _seed: str) -> Iterator[Line]:
    """Kill each step at each arrow."""
    counts = points.sweep(form.every)
    for fate in points.FATES:
        yield Line(f"points of the product's steps: {fate}", f"{counts['points', str(fate)]:,} points")
    for arrow in points.ARROWS:
        by_state = {state: number for (state, where), number in counts.items() if where == arrow}
        if by_state:
            yield Line(f"of these {arrow}", ", ".join(f"{state} {number}" for state, number in by_state.items()))


def own_writes(form: Form, _seed: str) -> Iterator[Line]:
    """Kill the walker at the writes and syncs of its journal."""
    if shutil.which("strace") is None:
        yield Line("writes and syncs of the walker: process killed by strace", "none: strace is missing")
        return
    survived = list(writes.sweep(form.writes_every))
    for call in writes.CALLS:
        number = sum(each.startswith(call) for each in survived)
        yield Line(f"{call} of the walker's journal: process killed at it", f"{number} calls")


def cuts(form: Form, seed: str) -> Iterator[Line]:
    """Cut the power of a real file system."""
    if os.geteuid() != 0:
        yield Line("ext4: power cut", "none: needs root")
        return
    found = apart("tests.crash.power", "--cuts", str(form.cuts), "--seed", seed)
    tried = f"{found['cuts']:,} cuts, {found['acknowledged']:,} acknowledgements"
    yield Line("ext4: power cut", tried, "; ".join(found["lost"]) or "0", seed)
    found = apart("tests.crash.release")
    torn = [each["moment"] for each in found if each["holds"] and each["broken"]]
    yield Line("ext4: power cut while a release is unpacked", f"{len(found)} moments", ", ".join(torn) or "0")


def simulated(form: Form, seed: str) -> Iterator[Line]:
    """Let the simulated world happen."""
    total = world.run(seed, form.steps)
    for what in ("steps", "points", "commits", "worlds"):
        yield Line(f"simulated world: {what}", f"{total[what]:,}", seed=seed)
    for what in sorted(total.keys() - {"steps", "points", "commits", "worlds", "events"}):
        yield Line(f"simulated world: {what}", f"{total[what]:,}", seed=seed)


def containers(form: Form, seed: str) -> Iterator[Line]:
    """Kill the real walker at each point, over fresh volumes until no new point is met, and whole containers."""
    if shutil.which("podman") is None or os.geteuid() != 0:
        yield Line("container: real walker killed at a point", "none: needs podman and root")
        return
    with tempfile.TemporaryDirectory(prefix="zflow-points-") as folder:
        tried, before, code, passes = Path(folder, "tried"), -1, 0, 0
        tried.touch()
        while code == 0 and len(names := tried.read_text().splitlines()) > before:
            before, passes = len(names), passes + 1
            environment = {"ZFLOW_TEST_SHARE": form.share, "ZFLOW_TEST_TRIED": str(tried), "ZFLOW_TEST_SEED": seed}
            code = tested("tests/e2e/test_points.py", environment)
    steps = len({name.partition(" ")[0] for name in names})
    what = f"{len(names)} points of {steps} steps, {passes} volumes"
    yield Line("container: real walker killed at a point", what, verdict(code), seed)
    code = tested("tests/e2e/test_kills.py", {"ZFLOW_TEST_KILLS": form.kills, "ZFLOW_TEST_SEED": seed})
    yield Line("container: killed whole at random moments", f"{form.kills} kills", verdict(code), seed)


def images(form: Form, seed: str) -> Iterator[Line]:
    """Cut the power of whole volumes in which the product makes its first start."""
    if shutil.which("podman") is None or os.geteuid() != 0:
        yield Line("power cut of a whole volume", "none: needs podman and root")
        return
    with tempfile.TemporaryDirectory(prefix="zflow-images-") as folder:
        make_image()
        rootfs = Path(folder, "rootfs.tar")
        bootstrap_into(rootfs, stand_in(Path(folder, "release")))
        for kind in FORMATS:
            options = ("--images", str(form.images), "--seed", seed, "--rootfs", str(rootfs))
            found = apart("tests.crash.images", kind, *options)
            tried = f"{found['images']} images, {found['acknowledged']:,} acknowledgements"
            yield Line(f"{kind}: power cut of a whole volume", tried, "; ".join(found["lost"]) or "0", seed)
            inside = ", ".join(f"{place} {number}" for place, number in found["inside"].items())
            yield Line(f"{kind}: of these images", inside, seed=seed)


def tested(file: str, environment: Mapping[str, str]) -> int:
    """Run a file of tests; return pytest's exit code."""
    argv = [sys.executable, "-m", "pytest", "-q", file]
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, **environment}, check=False).returncode


def verdict(code: int) -> str:
    """Say what a test's end means for the matrix."""
    return "0" if code == 0 else f"FAILED, see above (pytest ended with {code})"


PARTS: Mapping[str, Callable[[Form, str], Iterator[Line]]] = {
    "arrows": arrows,
    "writes": own_writes,
    "power": cuts,
    "world": simulated,
    "container": containers,
    "images": images,
}
LONG_ONLY = {"container", "images"}


def certificate(form: Form, seed: str, chosen: Iterable[str]) -> Iterator[Line]:
    """Yield the matrix, line by line, as it comes to be."""
    for name in chosen:
        try:
            yield from PARTS[name](form, seed)
        except (AssertionError, Failed, Violation) as error:
            yield Line(name, "stopped there", str(error), seed)


def table(lines: list[Line]) -> str:
    """Return the matrix as Markdown."""
    rows = [f"| {line.what} | {line.tried} | {line.lost} | {line.seed} |" for line in lines]
    return "\n".join(["| what | tried | lost or doubled | seed |", "|---|---|---|---|", *rows]) + "\n"


def main() -> int:
    """Run, print, and keep what the whole long form has found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"some of: {', '.join(PARTS)}; all by default")
    parser.add_argument("--short", action="store_true", help="a sample without containers, in less than a minute")
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    chosen = options.parts or [name for name in PARTS if not (options.short and name in LONG_ONLY)]
    began, lines = time.monotonic(), []
    for line in certificate(SHORT if options.short else LONG, options.seed, chosen):
        print(f"{line.what:64} {line.tried:50} {line.lost:6} {line.seed}", flush=True)
        lines.append(line)
    print(f"{time.monotonic() - began:.0f} s")
    if chosen == list(PARTS):
        keep("make crash", table(lines))
    return 0 if all(line.lost == "0" for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
