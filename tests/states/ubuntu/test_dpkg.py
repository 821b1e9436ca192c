"""dpkg's status: one reader for all who ask."""

from __future__ import annotations

from pathlib import Path

from states.ubuntu import dpkg
from states.ubuntu.dpkg import Package
from tests.states.bootstrap.ubuntu import stanza

STATES = {
    "one": "install ok installed",
    "held": "hold ok installed",
    "half": "install ok half-configured",
    "broken": "install reinstreq half-installed",
    "gone": "deinstall ok config-files",
    "unknown": "unknown ok not-installed",
}


def write(volume: Path, text: str) -> None:
    """Put a status file onto a volume."""
    (volume / dpkg.FOLDER).mkdir(parents=True, exist_ok=True)
    (volume / dpkg.FOLDER / "status").write_text(text)


def test_installed(tmp_path: Path) -> None:
    """Only what dpkg calls installed counts, held or not; a field inside a description is none."""
    write(tmp_path, "\n".join(stanza(*each) for each in STATES.items()))
    assert dpkg.installed(tmp_path) == {"one", "held"}


def test_what_a_package_says_of_itself(tmp_path: Path) -> None:
    """Each condition of a package follows from the words of its Status."""
    write(tmp_path, "\n".join(stanza(*each) for each in STATES.items()))
    found = dpkg.packages(tmp_path)
    assert {name for name, each in found.items() if each.present} == {"one", "held", "half", "broken"}
    assert {name for name, each in found.items() if each.held} == {"held"}
    assert {name for name, each in found.items() if each.torn} == {"broken"}
    assert found["one"] == Package("one", "install", "ok", "installed", "1")


def test_without_a_status_file_there_are_no_packages(tmp_path: Path) -> None:
    """Nothing is known of an empty volume, nor by a status file that is a link out of the volume."""
    assert dpkg.packages(tmp_path) == {}
    write(tmp_path / "other", stanza("one"))
    (tmp_path / dpkg.FOLDER).mkdir(parents=True)
    (tmp_path / dpkg.FOLDER / "status").symlink_to(tmp_path / "other" / dpkg.FOLDER / "status")
    assert dpkg.packages(tmp_path) == {}


def test_an_incomplete_stanza_is_left_out() -> None:
    """A stanza cut off in its Status, or without one, is passed over; a version may be absent."""
    text = "Package: bash\nStatus: install ok installed\n\nPackage: none\nVersion: 1\n\nPackage: torn\nStatus: inst"
    assert dpkg.parse(text) == {"bash": Package("bash", "install", "ok", "installed")}


def test_a_changed_status_is_read_again(tmp_path: Path) -> None:
    """What was parsed once is not believed of another text, even of the same length."""
    write(tmp_path, stanza("one", "install ok installed"))
    assert dpkg.installed(tmp_path) == {"one"}
    write(tmp_path, stanza("two", "install ok installed"))
    assert dpkg.installed(tmp_path) == {"two"}
