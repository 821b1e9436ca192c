"""The vendor's patches: told where they are offered and lack, and only for what the vendor has built."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from states.bootstrap.settings import PROXY, UBUNTU
from states.install import holds
from states.install.release import patches, source
from states.install.release.releases import PACKAGES
from states.install.settings import SETTINGS
from tests.states.bootstrap.ubuntu import make_tree
from tests.states.install.records import STAGES, installed, session, write_history, write_proof, write_status
from tests.support import make_context
from zflow.api import Context, Evidence

OFFERED = "Package: zimbra-patch\nVersion: 8.8.15.1\n\nPackage: zimbra-proxy-patch\nVersion: 1\n\nPackage: zimbra-pat\n"


def server(volume: Path, version: str, *others: str) -> Context:
    """Return a context over a proven server of a version, with packages beside it; its source offers two patches."""
    make_tree(volume)
    write_history(volume, session(100, version=version, stages=STAGES))
    write_proof(volume, 100)
    write_status(volume, installed(held=True) | dict.fromkeys(others, "hold ok installed"))
    ctx = make_context(volume, (UBUNTU, PROXY, *SETTINGS), {})
    index = source.package_index(ctx, source.sources(ctx)[1])
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_text(OFFERED)
    return ctx


@pytest.mark.parametrize(
    ("version", "present", "lacking"),
    [
        ("8.8.15.GA.3869.UBUNTU18.64", (), ["zimbra-patch", "zimbra-proxy-patch"]),
        ("8.8.15.GA.3869.UBUNTU18.64", ("zimbra-patch",), ["zimbra-proxy-patch"]),
        ("8.8.15.GA.3869.UBUNTU18.64", ("zimbra-patch", "zimbra-proxy-patch"), []),
        ("8.8.15.GA.4200047.UBUNTU18.64", (), []),
    ],
    ids=["none there", "one there", "all there", "built by others"],
)
def test_offered_patches(tmp_path: Path, version: str, present: tuple[str, ...], lacking: list[str]) -> None:
    """What is offered and lacks is told with the command that installs it; a build by others has its own patches."""
    evidence = holds.probe(server(tmp_path, version, *present))
    assert isinstance(evidence, Evidence)
    assert evidence.summary == f"{len(PACKAGES) + len(present)} packages held"
    assert len(evidence.notices) == bool(lacking)
    assert all(f"apt-get install --yes {' '.join(lacking)}`" in each for each in evidence.notices)


def test_without_an_index_nothing_is_told(tmp_path: Path) -> None:
    """A volume whose apt has read nothing offers nothing."""
    ctx = server(tmp_path, "8.8.15.GA.3869.UBUNTU18.64")
    source.package_index(ctx, source.sources(ctx)[1]).unlink()
    assert patches.notices(ctx) == ()


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="there is no apt here to ask for its file names")
def test_the_index_is_where_apt_keeps_it(tmp_path: Path) -> None:
    """A file under the name that is looked for is what apt itself takes for the source's packages."""
    ctx = make_context(make_tree(tmp_path / "volume"), (UBUNTU, PROXY, *SETTINGS), {})
    index = source.package_index(ctx, "http://x.example/apt/87")
    index.parent.mkdir(parents=True)
    index.touch()
    (tmp_path / "x.list").write_text("deb [arch=amd64 trusted=yes] http://x.example/apt/87 bionic zimbra\n")
    options = [
        f"Dir::Etc::sourcelist={tmp_path}/x.list",
        "Dir::Etc::sourceparts=-",
        f"Dir::State::lists={index.parent}",
    ]
    asked = ("apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages")
    argv = [*asked, *(word for each in options for word in ("-o", each))]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split() == [str(index)]
