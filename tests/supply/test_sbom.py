"""An image's bill of materials, from the records of a made-up one; tests/e2e/test_image.py has the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from rehearsal.engine import IMAGE
from supply import sbom
from supply.arguments import ROOT
from supply.contents import installed

STATUS = """\
Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134
Description: add and remove users
 Version: 9 of this text is not the package's

Package: bsdutils
Status: hold ok installed
Architecture: amd64
Source: util-linux (2.38.1-5+deb12u3)
Version: 1:2.38.1-5+deb12u3

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: tini
Status: install ok installed
Architecture: amd64
Source: tini-source
Version: 0.19.0-1
"""
ABOUT = {
    "Id": "ab" * 32,
    "Created": "2026-11-30T06:52:15.123456789Z",
    "Architecture": "amd64",
    "Config": {"Labels": {"org.opencontainers.image.version": "1.2.3", "org.opencontainers.image.revision": "c0ffee"}},
}
METADATA = {
    "modern-1.0": "Name: Modern\nVersion: 1.0\nLicense-Expression: MIT OR ISC\n\nLicense: a text\n",
    "older-2.0": "Name: older\nVersion: 2.0\nClassifier: License :: OSI Approved :: MIT License\n",
    "silent-3.0": "Name: silent\nVersion: 3.0\n",
}
ENGINE = """\
#!/bin/sh
set -e
case "$*" in
    "create --pull=never known") echo container ;;
    "create "*) echo "Error: $3: image not known" >&2; exit 125 ;;
    "image inspect known") cat "$ROOT/about.json" ;;
    "cp container:"*) path=$ROOT${2#container:}; tar -C "$(dirname "$path")" -c "$(basename "$path")" ;;
    "rm --volumes container") test ! -e "$ROOT/busy"; touch "$ROOT/removed" ;;
    *) echo "not foreseen: $*" >&2; exit 9 ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program that answers like an engine with one image, `known`, whose files are those of a folder."""
    root = tmp_path / "root"
    libraries = root / "opt/zflow/lib/python3.11/site-packages"
    for name, text in METADATA.items():
        (libraries / f"{name}.dist-info").mkdir(parents=True)
        (libraries / f"{name}.dist-info/METADATA").write_text(text)
    (libraries / "modern/vendored-9.dist-info").mkdir(parents=True)
    (libraries / "modern/vendored-9.dist-info/METADATA").write_text("Name: vendored\nVersion: 9\n")
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(STATUS)
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/os-release").write_text('NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n')
    (root / "about.json").write_text(json.dumps([ABOUT]))
    program = tmp_path / "engine"
    program.write_text(ENGINE)
    program.chmod(0o755)
    monkeypatch.setenv("ROOT", str(root))
    return str(program)


def made(engine: str, folder: Path) -> dict[str, Any]:
    """Make the bill of the known image and return it, after it was found valid by the standard's own schema."""
    path = folder / "sbom.cdx.json"
    assert sbom.main(["known", "--engine", engine, "--output", str(path)]) == 0
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()) is None
    return dict(json.loads(path.read_text()))


def test_the_bill_of_an_image(engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It lists Debian, its installed packages with what they were built from, and the distributions; no leftovers."""
    found = made(engine, tmp_path)
    assert found["specVersion"] == "1.6"
    assert {each.get("purl", each["name"]) for each in found["components"]} == {
        "debian",
        "pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12",
        "pkg:deb/debian/bsdutils@1:2.38.1-5%2Bdeb12u3?arch=amd64&distro=debian-12"
        "&upstream=util-linux%402.38.1-5%2Bdeb12u3",
        "pkg:deb/debian/tini@0.19.0-1?arch=amd64&distro=debian-12&upstream=tini-source%400.19.0-1",
        "pkg:pypi/modern@1.0",
        "pkg:pypi/older@2.0",
        "pkg:pypi/silent@3.0",
    }
    licences = {each["name"]: each.get("licenses") for each in found["components"] if "pypi" in each.get("purl", "")}
    assert licences == {
        "Modern": [{"expression": "MIT OR ISC"}],
        "older": [{"license": {"name": "MIT License"}}],
        "silent": None,
    }
    assert found["metadata"]["component"]["version"] == "1.2.3"
    assert found["metadata"]["timestamp"].startswith("2026-11-30T06:52:15")
    assert "3 Debian packages, 3 Python distributions" in capsys.readouterr().out
    assert (tmp_path / "root/removed").exists()


def make_sbom(folder: Path, *words: str) -> str:
    """Run the command that the pages name, in a folder, with this Python; return what it printed."""
    ours = ("--old-file", ".venv/ready", "VENV=.venv", f"RUN={sys.executable} -m")
    command = ["make", "--file", str(ROOT / "Makefile"), *ours, "sbom", *words]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True, text=True).stdout


def test_make_sbom_lists_the_image_that_is_named(engine: str, tmp_path: Path) -> None:
    """It writes the file in the present folder."""
    assert "3 Debian packages" in make_sbom(tmp_path, "IMAGE=known", f"ENGINE={engine}")
    assert json.loads((tmp_path / "sbom.cdx.json").read_text()) == made(engine, tmp_path)


def test_make_sbom_takes_the_image_that_make_image_makes(tmp_path: Path) -> None:
    """By the same name, where none is given."""
    assert f" supply.sbom {IMAGE} --engine podman" in make_sbom(tmp_path, "--dry-run")


def test_made_again_it_is_the_same_file(engine: str, tmp_path: Path) -> None:
    """Nothing in it is of the moment at which it was made."""
    assert made(engine, tmp_path) == made(engine, tmp_path)


def test_an_image_that_is_not_there_is_one_sentence(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file is written; the engine's own reason is told. So it is where there is no engine."""
    path = tmp_path / "sbom.cdx.json"
    assert sbom.main(["unknown", "--engine", engine, "--output", str(path)]) == 2
    assert capsys.readouterr().err.strip().endswith("Error: unknown: image not known")
    assert sbom.main(["known", "--engine", str(tmp_path / "absent"), "--output", str(path)]) == 2
    assert "cannot be run: No such file or directory" in capsys.readouterr().err
    assert not path.exists()


def test_another_image_is_refused(engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An image without dpkg's list is not described as if it had no packages; the container goes in any case."""
    (tmp_path / "root/var/lib/dpkg/status").write_text("")
    assert sbom.main(["known", "--engine", engine, "--output", str(tmp_path / "x")]) == 2
    assert "is not an image of zflow: it has 0 Debian packages" in capsys.readouterr().err
    assert (tmp_path / "root/removed").exists()


def refused(engine: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one sentence with which the known image is refused; no file is written."""
    path = folder / "sbom.cdx.json"
    assert sbom.main(["known", "--engine", engine, "--output", str(path)]) == 2
    assert not path.exists()
    (sentence,) = capsys.readouterr().err.splitlines()
    return sentence


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("printf '#!/bin/sh\n' > ../engine", "ENGINE has made no container of known"),
        ("sed -i 's/tar -C/: &/' ../engine", "ENGINE has not given /usr/lib/os-release as a tar archive"),
        ("sed -i 's/tar -C.*;;/echo odd ;;/' ../engine", "ENGINE has not given /usr/lib/os-release as a tar archive"),
        ("ln -sf ../etc/os-release usr/lib/os-release", "/usr/lib/os-release in the image is not a file"),
        ("rm usr/lib/os-release; mkdir usr/lib/os-release", "/usr/lib/os-release in the image is not a file"),
        (r"printf '\377' > var/lib/dpkg/status", "known has records that are not in UTF-8"),
        ("sed -i '/^Version/d' var/lib/dpkg/status", "known has a record without a field: 'Version'"),
        ("sed -i '/^Version/d' $SILENT/METADATA", "known has a record without a field: 'Version'"),
        ("ln -sf gone $SILENT/METADATA", "silent-3.0.dist-info/METADATA in the image is not a file"),
        (
            "sed -i 's/Created/Made/' about.json",
            "ENGINE does not say of known what the bill needs: KeyError: 'Created'",
        ),
        ("sed -i 's/2026-/then-/' about.json", "ENGINE does not say of known what the bill needs: ValueError: "),
        ("echo '[]' > about.json", "ENGINE does not say of known what the bill needs: ValueError: "),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    damage: str, sentence: str, engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Odd answers of the engine and odd records of the image are told as such."""
    variables = {**os.environ, "SILENT": "opt/zflow/lib/python3.11/site-packages/silent-3.0.dist-info"}
    subprocess.run(["sh", "-ec", damage], cwd=tmp_path / "root", env=variables, check=True)
    assert refused(engine, tmp_path, capsys).startswith(f"sbom: {sentence}".replace("ENGINE", engine))


def test_the_first_cause_is_told_when_the_container_stays_too(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container that cannot be removed is told of where nothing went wrong before."""
    (tmp_path / "root/busy").touch()
    assert "`rm" in refused(engine, tmp_path, capsys).replace(f"{engine} ", "")
    (tmp_path / "root/var/lib/dpkg/status").unlink()
    assert "`cp" in refused(engine, tmp_path, capsys).replace(f"{engine} ", "")


def test_a_file_that_cannot_be_written_is_one_sentence(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where the folder is not there."""
    path = tmp_path / "absent/sbom.cdx.json"
    assert sbom.main(["known", "--engine", engine, "--output", str(path)]) == 2
    assert capsys.readouterr().err == f"sbom: {path} cannot be written: No such file or directory\n"


def test_a_package_that_left_its_settings_is_not_installed() -> None:
    """What was removed is not in the image, whatever dpkg remembers of it."""
    assert [each.name for each in installed(STATUS)] == ["adduser", "bsdutils", "tini"]
