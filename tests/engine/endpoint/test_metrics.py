"""The metrics, judged by Prometheus' own parser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from tests.engine.toy import Bench, again, file_step, hold_as, product
from zflow import codes
from zflow.context import Context
from zflow.endpoint import metrics
from zflow.errors import OperatorError
from zflow.host.boot import boot_identity
from zflow.step import Evidence
from zflow.supervise.lock import RUNNER

TOY = product(file_step("one.a"), file_step("two.b"))


def refuse(_ctx: Context) -> None:
    """Want the operator."""
    raise OperatorError(codes.SETTINGS, "x")


def parsed(volume: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """Return each metric's samples by their labels' values; each metric is there once, with help and type."""
    families = list(text_string_to_metric_families(metrics.render(volume)))
    assert all(family.documentation and family.type == "gauge" for family in families)
    assert len({family.name for family in families}) == len(families)
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in families
    }


def test_the_states_steps_and_times_are_told(tmp_path: Path) -> None:
    """A serving volume: one state of all is 1, each step has its status, its duration and its attempts."""
    hold_as(tmp_path, RUNNER)
    bench = Bench(tmp_path, boot_identity())
    bench.walk(TOY)
    found = parsed(tmp_path)
    assert {labels for labels, value in found["zflow_state"].items() if value} == {("serving",)}
    assert {("one",), ("two",), ("blocked",)} < found["zflow_state"].keys()
    assert found["zflow_health"] == {("startup",): 1, ("live",): 1, ("ready",): 1}
    assert found["zflow_step_status"] == {("one", "one.a", "valid"): 1, ("two", "two.b", "valid"): 1}
    assert found["zflow_steps"][("valid",)] == 2
    assert found["zflow_step_attempts"] == {("one.a",): 1, ("two.b",): 1}
    assert found["zflow_step_failures"] == {("one.a",): 0, ("two.b",): 0}
    assert set(found["zflow_step_duration_seconds"]) == {("one.a",), ("two.b",)}
    assert found["zflow_last_whole_time_seconds"][()] == bench.events()[-1]["at"]
    assert 0 < time.time() - found["zflow_runner_start_time_seconds"][()] < 86_400
    assert "zflow_problem_info" not in found


def test_the_text_is_what_the_library_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by Prometheus' parser, the text says what its client library makes of the same samples."""
    hold_as(tmp_path, RUNNER)
    Bench(tmp_path, boot_identity()).walk(product(file_step('one.a"\\\n\t'), again(file_step("two.b"), apply=refuse)))
    samples = list(metrics.samples(tmp_path))
    monkeypatch.setattr(metrics, "samples", lambda _volume: iter(samples))

    class Collector:
        def collect(self) -> Iterator[GaugeMetricFamily]:
            for gauge, group in groupby(samples, itemgetter(0)):
                shown = list(group)
                family = GaugeMetricFamily(gauge.name, gauge.about, labels=list(shown[0][1]))
                for _, labels, value in shown:
                    family.add_metric(list(labels.values()), value)
                yield family

    registry = CollectorRegistry()
    registry.register(Collector())
    theirs = list(text_string_to_metric_families(generate_latest(registry).decode()))
    assert len(theirs) == len({gauge for gauge, _, _ in samples}) > 10
    assert list(text_string_to_metric_families(metrics.render(tmp_path))) == theirs


def test_notices_are_counted(tmp_path: Path) -> None:
    """What stops nothing can be alerted on all the same: a certificate that ended, too little memory."""
    hold_as(tmp_path, RUNNER)
    noticed = Evidence("seen", ("it ended", "it was replaced"))
    Bench(tmp_path, boot_identity()).walk(
        product(again(file_step("one.a"), probe=lambda _ctx: noticed), file_step("b.c"))
    )
    assert parsed(tmp_path)["zflow_step_notices"] == {("one.a",): 2, ("b.c",): 0}


def test_a_blocked_volume_tells_its_code(tmp_path: Path) -> None:
    """By the stable code, never by words that change."""
    hold_as(tmp_path, RUNNER)
    Bench(tmp_path, boot_identity()).walk(product(again(file_step("one.a"), apply=refuse)))
    found = parsed(tmp_path)
    assert found["zflow_problem_info"] == {("ZF-1001",): 1}
    assert found["zflow_state"][("blocked",)] == 1
    assert found["zflow_health"][("ready",)] == 0


def test_an_empty_volume_and_an_odd_name_break_nothing(tmp_path: Path) -> None:
    """Without a journal there are the other metrics; a label is escaped as the format wants it."""
    found = parsed(tmp_path)
    assert found["zflow_state"][("none",)] == 1
    assert found["zflow_health"][("live",)] == 0
    odd = 'one.a"\\\n\x1b[31m'
    Bench(tmp_path, boot_identity()).walk(product(file_step(odd, once=True)))
    assert ("one", 'one.a"\\\n\\x1b[31m', "valid") in parsed(tmp_path)["zflow_step_status"]
