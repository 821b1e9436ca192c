"""The image itself: its bill, its labels and the lock say what is in it, and built again it is the same."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from rehearsal.engine import IMAGE, LABEL, RUNTIME, podman
from rehearsal.image import BASE as DEBIAN
from rehearsal.machine import owner
from supply import sbom
from supply.arguments import ROOT, arguments, revision
from tests.e2e.builds import build, printed, tag, trust
from tests.test_packaging import entries
from zflow import __version__

pytestmark = [pytest.mark.container, pytest.mark.network]
BUILDS = (tag("one"), tag("another"))
BASE, MARK = tag("base"), f"zflow-test-base={owner()}"
SOURCE = "https://git.example.org/zflow"
FRESH = ("--no-cache", "--layers=false")  # without layers podman removes what it made on the way
TITLES = "org.opencontainers.image"
DISTRIBUTIONS = "import importlib.metadata as m; print(*(f'{d.name}@{d.version}' for d in m.distributions()))"
RECORD = f"/opt/zflow/lib/python3.11/site-packages/zflow-{__version__}.dist-info/RECORD"


def told(image: str, *argv: str) -> list[str]:
    """Run a program of an image and return the words it printed, sorted."""
    return sorted(podman("run", "--rm", *RUNTIME, "--entrypoint", argv[0], image, *argv[1:]).stdout.split())


def debian(image: str) -> list[str]:
    """Return the Debian packages of an image as dpkg itself lists them."""
    words = told(
        image, "dpkg-query", "--show", "--showformat", "${db:Status-Status}/${Package}@${Version}/${Architecture}\n"
    )
    assert all(word.startswith("installed/") for word in words)
    return [word.removeprefix("installed/") for word in words]


def python(image: str) -> list[str]:
    """Return the Python distributions of an image as Python itself lists them."""
    return told(image, "/opt/zflow/bin/python", "-c", DISTRIBUTIONS)


@pytest.fixture(scope="module")
def bill(image: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The image's bill of materials, made by the command."""
    path = tmp_path_factory.mktemp("bill") / "sbom.cdx.json"
    assert sbom.main([IMAGE, "--output", str(path)]) == 0
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()) is None
    return dict(json.loads(path.read_text()))


def behind_a_proxy() -> None:
    """Build as the page says for those whose proxy intercepts TLS."""
    command = printed("**Behind a proxy that intercepts TLS.**")
    build(command.replace("--tag localhost/zflow ", f"--tag {BUILDS[0]} "), *FRESH)


def on_a_pinned_base() -> None:
    """Build as the page says for those who pin the base: here one that bears a mark, and with a source."""
    pull, _, command = printed("**Pin the base.**").partition("\n")
    name = pull.split()[-1]
    text = command.replace("--tag localhost/zflow ", f"--tag {BUILDS[1]} ").replace(name, BASE)
    assert pull == f"podman pull {name}"
    assert BASE in text
    build(text, *FRESH, *trust(), "--build-arg", f"SOURCE={SOURCE}")


@pytest.fixture(scope="module")
def two_builds(image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two images of this checkout, built as the page prints it, nothing of which was taken from a cache."""
    file = tmp_path_factory.mktemp("base") / "Dockerfile"
    file.write_text(f"FROM {DEBIAN}\n")
    bearing = ("--label", MARK, "--label", f"{LABEL}={owner()}")
    podman("build", "--quiet", "--layers=false", *bearing, "--tag", BASE, "--file", str(file), str(file.parent))
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda make: make(), (behind_a_proxy, on_a_pinned_base)))
        yield
    finally:
        for each in (*BUILDS, BASE):
            podman("image", "rm", "--force", each, check=False)


def test_the_bill_lists_all_that_is_installed(bill: dict[str, Any]) -> None:
    """Each Debian package and each Python distribution is in it, by version, and nothing else."""
    urls = [PackageURL.from_string(each["purl"]) for each in bill["components"] if "purl" in each]
    listed = [f"{each.name}@{each.version}/{each.qualifiers['arch']}" for each in urls if each.type == "deb"]
    assert sorted(listed) == debian(IMAGE)
    distributions = {canonicalize_name(each.name): each.version for each in urls if each.type == "pypi"}
    installed = dict(word.split("@") for word in python(IMAGE))
    assert distributions == {canonicalize_name(name): version for name, version in installed.items()}


def test_the_image_has_what_the_lock_names(bill: dict[str, Any]) -> None:
    """The Python distributions are those of the lock that are meant for this machine, and zflow."""
    wanted = {
        f"{canonicalize_name(each.name)}{each.specifier}"
        for each, _ in entries("requirements.lock")
        if each.marker is None or each.marker.evaluate()
    }
    urls = [PackageURL.from_string(each["purl"]) for each in bill["components"] if "purl" in each]
    listed = {f"{canonicalize_name(each.name)}=={each.version}" for each in urls if each.type == "pypi"}
    assert listed == wanted | {f"zflow=={__version__}"}


def test_the_bill_names_its_image(bill: dict[str, Any], tmp_path: Path) -> None:
    """It names the image it was made of, and made once more it is the same file."""
    about = bill["metadata"]["component"]
    assert about["version"] == __version__
    identity = podman("image", "inspect", "--format", "{{.Id}}", IMAGE).stdout.strip()
    assert {"name": "zflow:image:id", "value": f"sha256:{identity}"} in about["properties"]
    again = tmp_path / "again.json"
    assert sbom.main([IMAGE, "--output", str(again)]) == 0
    assert json.loads(again.read_text()) == bill


def labels(image: str) -> dict[str, str]:
    """Return an image's labels."""
    return dict(json.loads(podman("image", "inspect", "--format", "{{json .Config.Labels}}", image).stdout))


def test_the_labels_say_what_the_image_was_made_of(image: None) -> None:
    """Version and commit are this checkout's; a place of the source that nobody named is not made up."""
    found = labels(IMAGE)
    assert {key: found[f"{TITLES}.{key}"] for key in ("version", "revision", "licenses", "source")} == {
        "version": __version__,
        "revision": revision(ROOT),
        "licenses": "Apache-2.0",
        "source": "",
    }


def test_a_label_is_of_its_own_build(image: None) -> None:
    """Also where all layers come from the cache of a build that was told something else."""
    name = tag("told")
    words = [*arguments(), *trust(), *RUNTIME]
    try:
        for source in (SOURCE, f"{SOURCE}-moved"):
            told_so = ("--build-arg", f"SOURCE={source}")
            podman("build", "--quiet", "--format", "docker", *words, *told_so, "--tag", name, str(ROOT))
            assert labels(name)[f"{TITLES}.source"] == source
    finally:
        podman("image", "rm", "--force", name, check=False)


def test_a_build_takes_the_base_and_the_source_that_are_named(two_builds: None) -> None:
    """The base given by its digest is the one below the image, and the URL is its label."""
    one, another = (labels(build) for build in BUILDS)
    name, _, value = MARK.partition("=")
    assert (one.get(name), another.get(name)) == (None, value)
    assert (one[f"{TITLES}.source"], another[f"{TITLES}.source"]) == ("", SOURCE)


def test_the_tests_own_builds_leave_nothing_behind(two_builds: None) -> None:
    """What was made on the way would be on the marked base; all that is there bears the label of this run."""
    listing = ("images", "--all", "--quiet", "--no-trunc", "--filter")
    identities = {podman(*listing, f"reference={name}").stdout.strip() for name in (BUILDS[1], BASE)}
    assert set(podman(*listing, f"label={MARK}").stdout.split()) == identities
    assert [labels(name)[LABEL] for name in (*BUILDS, BASE)] == [owner()] * 3


def test_two_builds_of_a_commit_are_the_same(two_builds: None) -> None:
    """They have the same Debian packages, the same Python distributions, and zflow's files with the same sums."""
    assert debian(BUILDS[0]) == debian(BUILDS[1])
    assert python(BUILDS[0]) == python(BUILDS[1])
    records = [[word for word in told(build, "cat", RECORD) if "sha256=" in word] for build in BUILDS]
    assert len(records[0]) > 100
    assert records[0] == records[1]


def test_docker_builds_without_volumes() -> None:
    """Why the page lets those behind a proxy build with podman; Podman's build has the option."""
    assert "--volume" in podman("build", "--help").stdout
    docker = subprocess.run(["docker", "build", "--help"], capture_output=True, text=True, check=True).stdout
    assert "--build-arg" in docker
    assert "--volume" not in docker
