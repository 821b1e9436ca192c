"""Which of two versions is newer, and what an archive says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from states.upgrade.versions import newer, platform_in, same, version_in

OLD = "8.8.15.GA.3869.UBUNTU18.64"


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("9.0.0.GA.3924.UBUNTU18.64", True),
        ("10.1.0.GA.4655.UBUNTU18.64", True),
        ("8.8.15.GA.4179.UBUNTU18.64", True),
        ("8.8.15.GA.4200047.UBUNTU18.64", True),
        ("8.8.15.GA.standin.UBUNTU18.64", True),
        ("8.8.15.GA.3869.UBUNTU18.64", False),
        ("8.8.15.GA.3869.UBUNTU18.64-20190918004220", False),
        ("8.8.15.GA.3868.UBUNTU18.64", False),
        ("8.8.9.GA.9999.UBUNTU18.64", False),
        ("8.7.99.GA.9999.UBUNTU18.64", False),
        ("", False),
        ("nine", False),
    ],
)
def test_newer(goal: str, expected: bool) -> None:
    """Numbers count as numbers, then the build; the same build and a text that is not a version are never newer."""
    assert newer(goal, OLD) == expected


def test_of_nothing_nothing_is_newer() -> None:
    """Without an installed version there is nothing to compare with."""
    assert not newer("9.0.0.GA.3924.UBUNTU18.64", "")
    assert not same("", "")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["zimbra-core_9.0.0.GA.1.UBUNTU18.64_amd64.deb", "zimbra-mta_1_amd64.deb"], "9.0.0.GA.1.UBUNTU18.64"),
        (["zimbra-core-components_9_amd64.deb"], ""),
        (["zimbra-core_1_amd64.deb", "zimbra-core_2_amd64.deb"], ""),
        ([], ""),
    ],
)
def test_version_in(tmp_path: Path, names: list[str], expected: str) -> None:
    """An archive's version is that of its one core package."""
    (tmp_path / "packages").mkdir()
    for name in names:
        (tmp_path / "packages" / name).touch()
    assert version_in(tmp_path) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("https://x.example/UBUNTU22_64/zcs-9.0.0_GA_1.UBUNTU18_64.2025.tgz", "UBUNTU18_64"),
        ("/data/app/zcs-9.0.0_GA_1.UBUNTU20_64.2025.tgz", "UBUNTU20_64"),
        ("/data/app/zcs.tgz", ""),
    ],
)
def test_platform(place: str, expected: str) -> None:
    """The platform comes from the archive's name, not from its folder's; a name may lack it."""
    assert platform_in(place) == expected
