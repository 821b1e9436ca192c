"""The restart of a finished volume: from the start of the container to the command that starts the services."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from rehearsal.engine import podman
from rehearsal.image import make_image
from rehearsal.machine import Machine
from rehearsal.setup import machine, stand_in
from tests.bench.figures import Figure, Row, faster, span, within
from tests.bench.measure import SUBJECTS, side_by_side
from tests.bench.place import LABELLED, Place
from tests.bench.rows.journalled import events, moment
from tests.bench.rows.memory import SLEEP, in_memory
from tests.bench.rows.predecessor import restart
from tests.bench.rows.rival_image import begun_at, lifetime, make_rival, run_rival
from zflow.supervise.lock import RUNNER, holder

NAME = "zflow-bench-restart"
SERVICES = "install.services"
OWN = 0.5
"""Seconds of zflow's own that are allowed."""
PYTHON = "/opt/zflow/bin/python"
MEMORY = f"""\
{PYTHON} -c '{SLEEP}' &
sleep 2
for pid in $0 $!; do grep -E '^(Rss|Pss):' /proc/$pid/smaps_rollup; done
kill $!
"""


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Make a finished volume, and start it again and again, the predecessor's way in turn."""
    make_image()
    make_rival()
    container = machine(NAME, stand_in(place.new("release")), label=LABELLED)
    container.create()
    container.start()
    container.must_serve(900)

    def zflow() -> float:
        container.stop()
        before = time.time()
        container.start()
        container.wait_valid(300)
        return moment(events(container.volume_path()), SERVICES, "started", before) - begun_at(NAME)

    def ended(script: str) -> float:
        container.stop()
        name = run_rival(script, NAME)
        seconds = lifetime(name)
        podman("rm", "-f", name)
        return seconds

    ours, nothing, theirs = side_by_side(rounds, zflow, lambda: ended("true"), lambda: ended("\n".join(restart())))
    own, against = ours - nothing, f"{span(nothing)}: true in the same image"
    yield Figure("own time until the services' start", span(own), against, "", f"< {OWN} s", own < OWN, "0 s")
    yield faster("restart to the services' start", ours, theirs, "the predecessor's entrypoint", least=1)
    container.start()
    container.must_serve(300)
    yield from _inside(container, rounds)


def _inside(container: Machine, rounds: int) -> Iterator[Figure]:
    """Look at status, health and memory where they are used: in the image, byte-compiled, beside real services."""
    podman("cp", str(SUBJECTS / "in_turn.py"), f"{NAME}:/tmp/in_turn.py")
    commands = (f"{PYTHON} -c 'import click'", "zflow status", "zflow health")
    done = container.run("python3", "/tmp/in_turn.py", str(rounds * 4), *commands, check=True)
    click, status, health = json.loads(done.stdout)
    yield within("in the image, zflow status", status, click, 'python -c "import click"', most=1)
    yield within("in the image, zflow health", health, click, 'python -c "import click"', most=1)
    runner = holder(container.volume_path(), RUNNER)
    assert runner is not None
    held = container.run("bash", "-c", MEMORY, str(runner.pid), check=True).stdout.splitlines()
    rss, pss, rss_asleep, pss_asleep = (int(line.split()[1]) for line in held)
    yield in_memory("in the image, supervisor at rest", "Rss", rss, rss_asleep)
    yield in_memory("in the image, supervisor at rest", "Pss", pss, pss_asleep)


ROW = Row("restart", measure)
