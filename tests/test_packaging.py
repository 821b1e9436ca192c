"""What is shipped: dependencies pinned by hashes, and the words of the README about it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from zflow import __version__

ROOT = Path(__file__).parents[1]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned_by_hashes() -> None:
    """The lock has a version and hashes for each dependency of the project, and nothing without a hash."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {normal(re.split(r"[<>=~! ]", each)[0]) for each in project["dependencies"]}
    entries = re.split(r"\n(?=\S)", "\n".join(
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.lstrip().startswith("#")
    ))  # fmt: skip
    pinned = {normal(entry.split("==")[0]): entry.count("--hash=sha256:") for entry in entries if "==" in entry}
    assert wanted <= pinned.keys()
    assert min(pinned.values()) > 0


def test_the_changelog_names_the_version() -> None:
    """The project's version stands in the changelog."""
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
