"""The status as metrics, in Prometheus' text format 0.0.4: all read from the journal at the time of the question.

Written by hand: `prometheus_client` takes 3 MB and 35 ms of the endpoint's process for what `render` does. A test
compares the text with the library's.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from zflow import __version__
from zflow.errors import OperatorError
from zflow.host.proc import start_time
from zflow.journal.event import NOTICE
from zflow.journal.reader import last_whole, position, reading
from zflow.status import health
from zflow.status.document import gather
from zflow.status.steps import Document
from zflow.status.view import MARKS
from zflow.supervise.lock import RUNNER, holder
from zflow.terminal.plain import plain

TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("serving", "blocked", "failed", "starting", "unreadable", "none")
"""The values beside the product's states."""


class Gauge(NamedTuple):
    """One metric and what it means."""

    name: str
    about: str


BUILD = Gauge("zflow_build_info", "The version of zflow; always 1.")
VERDICT = Gauge("zflow_health", "The answer to a question of `zflow health`: 1 yes, 0 no.")
STATE = Gauge("zflow_state", "1 for the state that the walk is in, 0 for each other state.")
WALKING = Gauge("zflow_walking", "Whether a walk is in progress.")
PAUSED = Gauge("zflow_paused", "Whether `zflow pause` is in effect: no walk begins.")
PROBLEM = Gauge("zflow_problem_info", "The error that stopped the walk, by its code; absent while there is none.")
RUNNER_START = Gauge("zflow_runner_start_time_seconds", "When the supervisor was started, in seconds since the epoch.")
WHOLE = Gauge("zflow_last_whole_time_seconds", "When a walk last found everything valid, in seconds since the epoch.")
NEXT_TRY = Gauge("zflow_next_try_time_seconds", "When a stopped walk is retried, in seconds since the epoch.")
STEPS = Gauge("zflow_steps", "How many steps have a status.")
STEP = Gauge("zflow_step_status", "The current status of a step; always 1.")
NOTICES = Gauge("zflow_step_notices", "How many notices a step has: what stops nothing, and the operator should know.")
DURATION = Gauge("zflow_step_duration_seconds", "How long the last run of a step took that changed something.")
ATTEMPTS = Gauge("zflow_step_attempts", "How many attempts of a step were made on this volume.")
FAILURES = Gauge("zflow_step_failures", "How many attempts of a step have failed since its last success.")

Sample = tuple[Gauge, Mapping[str, str], float]


def render(volume: Path) -> str:
    """Return all metrics of a volume."""
    lines: list[str] = []
    named: set[str] = set()
    for gauge, labels, value in samples(volume):
        if gauge.name not in named:
            named.add(gauge.name)
            lines += [f"# HELP {gauge.name} {gauge.about}", f"# TYPE {gauge.name} gauge"]
        shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        lines.append(f"{gauge.name}{{{shown}}} {value}" if shown else f"{gauge.name} {value}")
    return "\n".join(lines) + "\n"


def samples(volume: Path) -> Iterator[Sample]:
    """Yield every sample, those of one metric together."""
    document = gather(volume)
    yield BUILD, {"version": __version__}, 1
    for question, ask in health.QUESTIONS.items():
        yield VERDICT, {"question": question}, int(ask(volume).good)
    for state in dict.fromkeys([*(step["state"] for step in document["steps"]), *STATES]):
        yield STATE, {"state": state}, int(state == document["state"])
    yield WALKING, {}, int(document["walking"])
    yield PAUSED, {}, int(document["paused"])
    if document["problem"]:
        yield PROBLEM, {"code": document["problem"]["code"]}, 1
    yield from _times(volume)
    yield from _steps(document["steps"])


def _times(volume: Path) -> Iterator[Sample]:
    runner = holder(volume, RUNNER)
    if runner is not None and runner.alive:
        since_boot = start_time(runner.pid) / os.sysconf("SC_CLK_TCK")
        yield RUNNER_START, {}, round(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot, 2)
    with suppress(OperatorError), reading(volume) as journal:
        if (whole := last_whole(journal)) is not None:
            yield WHOLE, {}, whole
        row = position(journal)
        if row is not None and row["next_try"]:
            yield NEXT_TRY, {}, row["next_try"]


def _steps(found: list[Document]) -> Iterator[Sample]:
    statuses = Counter(step["status"] for step in found)
    for status in MARKS:
        yield STEPS, {"status": status}, statuses[status]
    for step in found:
        yield STEP, {"state": step["state"], "step": step["name"], "status": step["status"]}, 1
    for step in found:
        yield NOTICES, {"step": step["name"]}, str(step["evidence"] or "").count(NOTICE)
    for step in found:
        if step["took"] is not None:
            yield DURATION, {"step": step["name"]}, step["took"]
    for gauge, key in ((ATTEMPTS, "attempt"), (FAILURES, "failures")):
        for step in found:
            yield gauge, {"step": step["name"]}, step[key] or 0


def _escaped(text: str) -> str:
    return plain(text).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
