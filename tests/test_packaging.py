"""What is shipped and what it is made with: all of it pinned, the same wheel from the same files, one version."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from zflow import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOCKS = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-build.lock": PROJECT["build-system"]["requires"],
    "requirements-dev.lock": [*PROJECT["project"]["dependencies"], *EXTRAS["dev"]],
    "requirements-bench.lock": [*PROJECT["project"]["dependencies"], *EXTRAS["bench"]],
}
"""Each lock file, and what pyproject.toml asks of it."""
SOURCES = ("alembic", "states", "zflow", "LICENSE", "README.md", "pyproject.toml")
"""What a wheel is made from; the Dockerfile copies the same."""
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def entries(lock: str) -> Iterator[tuple[Requirement, int]]:
    """Yield each distribution of a lock file, with its version and markers, and the number of its hashes."""
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.lstrip().startswith("#")]
    for entry in re.split(r"\n(?=\S)", "\n".join(lines)):
        yield Requirement(entry.partition(" \\\n")[0]), entry.count("--hash=sha256:")


def pinned(lock: str) -> dict[str, str]:
    """Return the version of each distribution in a lock file."""
    found: dict[str, str] = {}
    for requirement, _ in entries(lock):
        (only,) = requirement.specifier
        assert only.operator == "=="
        found[canonicalize_name(requirement.name)] = only.version
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_by_hashes(lock: str) -> None:
    """A lock has a version that the project accepts for all it asks for, nothing without a hash, and no address."""
    found = pinned(lock)
    for each in map(Requirement, LOCKS[lock]):
        assert found[canonicalize_name(each.name)] in each.specifier
    assert min(hashes for _, hashes in entries(lock)) > 0
    assert not re.search(r"://|--(extra-)?index|--find-links", (ROOT / lock).read_text())


def test_all_locks_agree() -> None:
    """What is tested, built with and compared has the versions that the image has."""
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in pinned(lock).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("file", ["Dockerfile", "Makefile"])
def test_nothing_is_installed_that_is_not_pinned(file: str) -> None:
    """Each call of pip takes wheels by their hashes, or adds zflow to them, without fetching anything for it."""
    calls = re.findall(r"pip install [^&\n]*", (ROOT / file).read_text())
    assert len(calls) >= 2
    for call in calls:
        locked = {"--require-hashes", "--only-binary"}.issubset(call.split())
        assert locked or ("--no-deps" in call and ("--no-index" in call or "--no-build-isolation" in call))


def built(folder: Path, umask: int, time: int) -> Path:
    """Return the wheel that is built in a folder, from a copy of the sources with such modes and times."""
    folder.mkdir(parents=True)
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, folder / name)
    for each in ("alembic", "zflow"):
        (folder / each / "__pycache__").mkdir(exist_ok=True)
        (folder / each / "__pycache__/left.cpython-311.pyc").write_text(str(time))
    for path in folder.rglob("*"):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
        os.utime(path, (time, time))
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "out")]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, umask=umask, timeout=60)
    (wheel,) = (folder / "out").iterdir()
    return wheel


def test_the_same_files_give_the_same_wheel(tmp_path: Path) -> None:
    """Neither the folder nor the umask nor the files' times nor what Python left beside them is in the wheel."""
    (tmp_path / "one").mkdir()
    wheels = [built(tmp_path / "one/zflow", 0o022, 1_700_000_000), built(tmp_path / "another", 0o077, 1_600_000_000)]
    names = [wheel.name for wheel in wheels]
    assert names == [f"zflow-{__version__}-py3-none-any.whl"] * 2
    sums = {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}
    assert len(sums) == 1
    with zipfile.ZipFile(wheels[0]) as archive:
        held = set(archive.namelist())
        metadata = archive.read(f"zflow-{__version__}.dist-info/METADATA").decode()
        licence = archive.read(f"zflow-{__version__}.dist-info/licenses/LICENSE")
    assert {"zflow/py.typed", "states/py.typed"} <= held
    assert not [name for name in held if "__pycache__" in name]
    assert "License-Expression: Apache-2.0\n" in metadata
    assert licence == (ROOT / "LICENSE").read_bytes()


def test_the_licence_is_the_one_that_is_named() -> None:
    """The project, the image's label and the text say Apache-2.0."""
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert 'org.opencontainers.image.licenses="Apache-2.0"' in DOCKERFILE
    text = (ROOT / "LICENSE").read_text()
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert text.rstrip().endswith("limitations under the License.")


def test_the_version_stands_in_one_place() -> None:
    """Everything takes the version from the code; the changelog, which cannot, names the same."""
    assert "version" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "zflow/__init__.py"
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_build_argument_is_documented() -> None:
    """What the Dockerfile can be told is in the page for those who build."""
    arguments = re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE)
    assert sorted(arguments) == ["BASE", "PIP_CERT", "REVISION", "SOURCE", "VERSION"]
    page = (ROOT / "docs/deployment.md").read_text()
    assert [name for name in arguments if f"`{name}`" not in page] == []


def test_the_image_is_built_from_what_the_wheel_is_made_from() -> None:
    """The build's context has the sources, the two locks, and nothing else."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == {*SOURCES, "requirements.lock", "requirements-build.lock"}
