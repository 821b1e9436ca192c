"""The files of `deploy/quadlet/`: Podman's own generator makes units of them, and systemd takes these."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.deploy.test_manifests import DEPLOY, RIGHTS, STOP, compose
from tests.deploy.tools import debian_package

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generator of Podman 5, from the Debian after the one we run on, whose Podman has none."""
    return debian_package("podman", "trixie", tmp_path_factory.mktemp("podman")) / "usr/libexec/podman/quadlet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the files."""
    return Path(shutil.copytree(DEPLOY / "quadlet", tmp_path / "quadlet"))


def generate(generator: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Return what the generator says it would do."""
    environment = {"QUADLET_UNIT_DIRS": str(folder)}
    return subprocess.run([generator, "-dryrun"], env=environment, capture_output=True, text=True, check=False)


def units(generator: Path, folder: Path) -> dict[str, str]:
    """Return the texts of the units by name; nothing was complained about."""
    done = generate(generator, folder)
    complaints = [line for line in done.stderr.splitlines() if "Loading source unit file" not in line]
    assert (done.returncode, complaints) == (0, [])
    _, *found = re.split(r"^---(\S+)---$", done.stdout, flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


def given(argv: list[str], option: str) -> list[str]:
    """Return the values of an option that may be given more than once."""
    return [value for name, value in pairwise(argv) if name == option]


def test_the_page_says_which_generator_is_used(generator: Path) -> None:
    """docs/deployment.md names the version that the generator itself tells."""
    page = (DEPLOY.parent / "docs/deployment.md").read_text()
    said = subprocess.run([generator, "-version"], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"generator \((\d+\.\d+)\)", page) == [".".join(said.split(".")[:2])]


def test_the_container_is_started_as_it_must_be(generator: Path, folder: Path) -> None:
    """The rights, the volume with its options, the time to stop, the secret and the ports reach the command line."""
    made = units(generator, folder)
    assert sorted(made) == ["zflow-volume.service", "zflow.service"]
    assert "volume create --ignore zimbra\n" in made["zflow-volume.service"]
    assert "Requires=zflow-volume.service\n" in made["zflow.service"]
    (start,) = re.findall(r"^ExecStart=(.*)$", made["zflow.service"], re.MULTILINE)
    argv = shlex.split(start)
    assert argv[:2] == ["/usr/bin/podman", "run"]
    assert given(argv, "--cap-drop") == ["all"]
    assert {each.upper() for each in given(argv, "--cap-add")} == RIGHTS
    assert "--read-only" in argv
    assert "--security-opt=apparmor=unconfined" in argv
    assert given(argv, "-v") == ["zimbra:/data:dev,suid,exec"]
    assert given(argv, "--stop-timeout") == [str(STOP)]
    assert given(argv, "--hostname") == ["mail.example.org"]
    assert given(argv, "--ulimit") == ["nofile=524288:524288"]
    assert given(argv, "--secret") == ["zflow-admin-password,type=mount,target=admin-password,mode=0400"]
    assert given(argv, "--publish") == compose()["services"]["zimbra"]["ports"]


def verify(generator: Path, folder: Path, into: Path) -> str:
    """Return what systemd has to say about the units, except that Podman is not here."""
    into.mkdir()
    for name, content in units(generator, folder).items():
        (into / name).write_text(content)
    done = subprocess.run(
        ["systemd-analyze", "verify", *into.glob("*.service")], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if "zflow" in line]  # it may know of others on this machine
    return "\n".join(line for line in said if "Command /usr/bin/podman is not executable" not in line)


def test_systemd_takes_the_units(generator: Path, folder: Path, tmp_path: Path) -> None:
    """It knows every key of the sections that Podman hands through, and would name one that it does not know."""
    assert verify(generator, folder, tmp_path / "units") == ""
    misspell(folder / "zflow.container", "TimeoutStopSec")
    assert "TimeoutStopSecs" in verify(generator, folder, tmp_path / "misspelt")


def misspell(path: Path, key: str) -> None:
    """Add a letter to a key."""
    before = path.read_text()
    assert f"\n{key}=" in before
    path.write_text(before.replace(f"\n{key}=", f"\n{key}s="))


@pytest.mark.parametrize(("name", "key"), [("zflow.container", "StopTimeout"), ("zflow.volume", "VolumeName")])
def test_a_misspelt_key_is_refused(name: str, key: str, generator: Path, folder: Path) -> None:
    """Without the refusal the tests above would show little."""
    misspell(folder / name, key)
    done = generate(generator, folder)
    assert done.returncode == 1
    assert f"unsupported key '{key}s'" in done.stderr
