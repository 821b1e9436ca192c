"""The stand-in's dialogue about packages, as the vendor's: patches follow unasked, come last, and may fail."""

from __future__ import annotations

import subprocess
from pathlib import Path

from rehearsal.standin import HERE as STANDIN
from rehearsal.standin.debs import substituted
from rehearsal.standin.release import Release
from states.zimbra.history import parse
from tests.states.install.dpkg import built

SCRIPT = """\
cd "$1"
HISTORY=$1/history LOGFILE=$1/log PACKAGE_DIR=$1/packages UPGRADE=no REMOVE=no
. ./packages.sh
INSTALL_PACKAGES=zimbra-core
fires() { return 1; }
setting() { :; }
killedAt() { :; }
removeExistingInstall() { :; }
dpkg() { echo "dpkg $*" >> order; }
dpkg-query() { echo "1: INSTALLED ${*: -1}_2_all.deb"; }
apt-cache() {
  case $1 in
    depends) echo "  Depends: ${2%-patch}" ;;
    search) case $3 in *-patch*) echo "${3//[^a-z-]/} - a package" ;; esac ;;
  esac
}
apt-get() { echo "apt-get $*" >> order; [ "$AWAY" = no ]; }
askYN() { asked="$asked $1"; response=yes; }
checkPackages
getInstallPackages
installPackages
echo "asked:$asked"
"""
LAST = "zimbra-mta-patch zimbra-proxy-patch"


def dialogue(tmp_path: Path, away: str) -> str:
    """Have the archive's MTA and proxy installed, and return what is printed."""
    (tmp_path / "packages").mkdir()
    for name in ("zimbra-core", "zimbra-mta", "zimbra-proxy"):
        built(tmp_path / f"packages/{name}_2_all.deb")
    release = Release("8.8.15", "18.04")
    text = {name: (STANDIN / f"installer/util/{name}").read_text() for name in ("globals.sh", "modules/packages.sh")}
    lists = [line for line in text["globals.sh"].splitlines() if "PACKAGES=" in line or line.startswith("zimbra-mem")]
    (tmp_path / "packages.sh").write_text(substituted("\n".join([*lists, text["modules/packages.sh"]]), release))
    done = subprocess.run(
        ["bash", "-c", SCRIPT, "dialogue", tmp_path], env={"AWAY": away, "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_patches_follow_unasked_and_come_last(tmp_path: Path) -> None:
    """Those of the chosen parts are installed when the archive's own packages are."""
    output = dialogue(tmp_path, "no")
    assert output.endswith("asked: Install zimbra-mta Install zimbra-proxy\n")
    assert "zimbra-mta-patch will be downloaded and installed (later).\n" in output
    *_, last = (tmp_path / "order").read_text().splitlines()
    assert last == f"apt-get install -y {LAST}"


def test_patches_that_cannot_be_had_are_no_error_and_written_down_all_the_same(tmp_path: Path) -> None:
    """So it is dpkg that tells what is installed, not the history."""
    output = dialogue(tmp_path, "yes")
    assert "Unable to download extra packages from repository. Proceeding without this...\n" in output
    written = f"1: INSTALL SESSION START\n{(tmp_path / 'history').read_text()}"
    assert set(LAST.split()) <= parse(written)[0].packages.keys()
