"""What the pages for people who work on zflow name is there: files, commands, and the workflow that runs the tests."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from states.product import PRODUCT
from zflow.codes import ENGINE_CODES
from zflow.commands.group import group

ROOT = Path(__file__).parents[1]
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "docs/deployment.md")
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
MADE = {"sbom.cdx.json"}
"""Files that a command makes."""


def quoted(page: str) -> list[str]:
    """Return what a page has in backquotes."""
    return re.findall(r"`([^`\n]+)`", (ROOT / page).read_text())


def commands(page: str) -> list[str]:
    """Return all commands of a page, in the text and in its blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    return [*quoted(page), *(line for block in blocks for line in block.splitlines())]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md"])
def test_every_file_that_a_page_names_exists(page: str) -> None:
    """A path in backquotes is one of this checkout."""
    paths = [
        word for word in quoted(page) if re.fullmatch(r"[\w./-]+(/|\.(md|py|toml|lock))|LICENSE|[a-z]+/[\w./-]+", word)
    ]
    assert len(paths) > 2
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_name_that_the_guide_gives_is_in_a_file_beside_it() -> None:
    """A constant in capitals is in one of the files that the same section names."""
    for section in (ROOT / "CONTRIBUTING.md").read_text().split("\n## "):
        words = re.findall(r"`([^`\n]+)`", section)
        texts = [(ROOT / word).read_text() for word in words if word.endswith(".py")]
        names = {word for word in words if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", word) and not (ROOT / word).is_file()}
        settings = {each.variable for each in PRODUCT.settings}
        found = {name for name in names if any(re.search(rf"\b{name}\b", text) for text in texts)}
        assert names - found - settings == set(), section


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_can_be_typed(page: str) -> None:
    """Targets are in the Makefile, modules can be run, and commands of zflow's exist."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in commands(page):
        for target in re.findall(r"^make ([a-z-]+)", command):
            assert target in targets, command
        for module in re.findall(r"python3? -m ((?:supply|tests|docs|rehearsal)[\w.]*)", command):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), command
        if match := re.fullmatch(r"zflow ([a-z][^|]*)", command):
            assert shlex.split(match[1])[0] in group.commands, command


def test_every_error_code_that_a_page_names_exists() -> None:
    """A code that is named for a check is the product's."""
    known = {each.id for each in (*ENGINE_CODES, *PRODUCT.codes)}
    for page in PAGES:
        assert set(re.findall(r"ZF-\d{4}", (ROOT / page).read_text())) <= known


def test_the_workflow_runs_all_tests_on_the_machine_that_they_are_for() -> None:
    """It calls what CI calls, in a Debian 12 that may mount; no step is somebody's who can change it."""
    tests = WORKFLOW["jobs"]["tests"]
    assert tests["container"]["image"] == "debian:12"
    assert "--privileged" in tests["container"]["options"].split()
    assert {"run": "bash .ci/run"} in tests["steps"]
    assert (ROOT / ".ci/run").is_file()
    for job in WORKFLOW["jobs"].values():
        for step in job["steps"]:
            assert re.search(r"@[0-9a-f]{40}$", step.get("uses", f"@{'0' * 40}"))
    assert WORKFLOW["permissions"] == {"contents": "read"}
