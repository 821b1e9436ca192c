"""A machine without what a target needs: it is installed, or one sentence says what is missing and how to get it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rehearsal import prerequisites
from rehearsal.prerequisites import TARGETS, Need, obstacle

ROOT = Path(__file__).parents[2]
SENTENCE = re.compile(r"^(?P<target>[a-z-]+): (?P<words>[^\n]+)\nmake: \*\*\* [^\n]+\n$")


def made(target: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the Makefile; its environment has a PATH, and a folder for temporary files of its own.

    `clean-first-start` removes what `make first-start` left, and the developer's own may stand on this machine.
    """
    make = shutil.which("make")
    assert make
    argv: list[str | Path] = [make, "--no-print-directory", "--directory", ROOT, f"VENV={path}/no-venv", target]
    return subprocess.run(argv, env={"PATH": path, "TMPDIR": path}, capture_output=True, text=True, check=False)


@pytest.fixture
def empty(tmp_path: Path) -> str:
    """A PATH on which there is python3 and nothing else, above all no apt-get."""
    (tmp_path / "python3").symlink_to(Path(sys.executable).resolve())
    return str(tmp_path)


@pytest.mark.parametrize("target", sorted(TARGETS.keys() - {"venv"}))
def test_a_machine_without_apt_is_told_in_one_sentence(target: str, empty: str) -> None:
    """Exit code 2, what is missing, and how to get it; nothing was begun, and no traceback."""
    done = made(target, empty)
    assert done.returncode == 2
    assert done.stdout == ""
    found = SENTENCE.match(done.stderr)
    assert found, done.stderr
    assert found["target"] == target
    assert re.search(r"install them yourself|run it as root|run it on Debian 12", found["words"])


def test_nothing_to_remove_where_nothing_can_run(empty: str) -> None:
    """`make clean-first-start` on a machine without podman has nothing to do, and says nothing."""
    done = made("clean-first-start", empty)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend a root on Debian 12 that lacks everything."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Need, "met", lambda _need: False)
    known = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: known)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


@pytest.mark.usefixtures("lacking")
@pytest.mark.parametrize(
    ("target", "known", "words"),
    [
        ("first-start", {"ID": "fedora", "VERSION_CODENAME": ""}, "this one is fedora: run it on Debian 12"),
        (
            "first-start",
            {"ID": "debian", "VERSION_CODENAME": "trixie"},
            "this one is debian trixie: run it on Debian 12",
        ),
        ("test", {}, "this one has no /etc/os-release: run it on Debian 12"),
    ],
)
def test_another_distribution(target: str, known: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's base comes from this machine's own mirror and keys: only a Debian 12 has the right ones."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: known)
    sentence = obstacle(target)
    assert sentence
    assert words in sentence


@pytest.mark.usefixtures("lacking")
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("first-start", "that takes root: run it as root"),
        ("test-fast", "install them as root: apt-get install dnsmasq-base "),
    ],
)
def test_not_root(target: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What mounts and makes containers takes root; what only lacks packages names them, as one types them."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    sentence = obstacle(target)
    assert sentence
    assert words in sentence


@pytest.mark.usefixtures("lacking")
def test_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is installed where the container could only refuse."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    sentence = obstacle("first-start")
    assert sentence
    assert "and this is aarch64: run it on such a machine" in sentence


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_an_older_python(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an older Debian or another distribution: said before anything is asked that it does not know."""
    monkeypatch.setattr(platform, "python_version_tuple", lambda: ("3", "9", "2"))
    monkeypatch.delattr(platform, "freedesktop_os_release")
    sentence = obstacle(target)
    assert sentence
    assert sentence.startswith("Python 3.11 or newer is needed, and this is ")


def test_python_is_the_projects_own() -> None:
    """The table asks for what pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={'.'.join(map(str, prerequisites.PYTHON))}"


@pytest.mark.usefixtures("lacking")
def test_what_is_there_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has everything is asked for nothing: neither a root nor a network."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(Need, "met", lambda _need: True)
    assert obstacle("test-fast") is None


@pytest.mark.root
def test_no_network() -> None:
    """A real apt in a namespace without a network: its reason, and what was to be installed."""
    code = "from rehearsal import prerequisites as p; p.NEEDS = (p.Need('no-such', 'sl', frozenset({p.FAST})),)"
    argv = ["unshare", "--net", sys.executable, "-c", f"{code}; print(p.obstacle('test-fast'))"]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[0] == "test-fast: installing missing Debian packages: sl …"
    assert re.match(
        r"missing Debian packages: sl; `apt-get update` ended with 100: E: Failed to fetch .*mirror", said[1]
    )
    assert len(said) == 2


def test_every_target_looks_first() -> None:
    """The Makefile asks before each target that the table names, and CI runs the README's command and no more."""
    makefile = (ROOT / "Makefile").read_text()
    for target in TARGETS.keys() - {"venv"}:
        assert re.search(rf"^{target}:(\n\t\$\(PREPARE\) \$@$| prepare-{target}\b)", makefile, re.MULTILINE), target
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "make test"
