"""Shared by all tests: nothing is skipped in silence where root or podman is missing, it is said why."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# Neither depends on how busy the machine is, nor writes beside the tests.
settings.register_profile("zflow", deadline=None, database=None)
settings.load_profile("zflow")


LIMITS = {"container": 1200, "network": 1200, "slow": 600, "root": 300}
"""Seconds that a test may take with its fixtures, by marker; the first one counts. Without a marker: pyproject.toml."""


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Give each test its time limit, and skip the tests that need root where the user is not root."""
    for item in items:
        needs = next((each for each in LIMITS if item.get_closest_marker(each)), None)
        if needs and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LIMITS[needs]))
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root") or item.get_closest_marker("container"):
            item.add_marker(pytest.mark.skip(reason="needs root"))


EXCUSED = ("needs root", "in the long form", "the vendor's definitions are not at hand")
"""How the reason of a skip begins or goes on that is no fault of the machine's."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where make prepared the machine nothing is left out for want of a program: a row of its table is missing."""
    report = yield
    if report.skipped and "PREPARED_BY_MAKE" in os.environ and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(words in reason for words in EXCUSED):
            report.outcome, report.longrepr = "failed", f"left out on a prepared machine: {reason}"
    return report


ALONE = {"test_engines.py", "test_suites.py", "test_refusals.py"}
"""Files whose tests share nothing that one of them changes."""


class BesideEachOther(LoadScopeScheduling):  # type: ignore[misc]
    """How the container tests go side by side: a file's one after the other, with the containers that they share."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith("tests/deploy/"):  # share programs that take a second to unpack
            return "tests/deploy"
        return nodeid if file.rpartition("/")[2] in ALONE else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Hand the tests to the processes by what they share."""
    return BesideEachOther(config, log)
