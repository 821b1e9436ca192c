"""Builds a stand-in release: `python3 rehearsal/standin/build.py --out DIR`, or `build(Path(...))` from a test."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

if not __package__:  # run as a file: give it the package that the imports below are relative to
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __package__ = "standin"

from . import HERE, aptrepo, catalogue, debs
from .release import BEHAVIOURS, CODENAMES, KNOWN_PLATFORMS, Release


@dataclass(frozen=True)
class StandIn:
    """What was built, and what is needed to use it."""

    archive: Path
    sha256: str
    repository: Path
    key: Path
    fingerprint: str


def _write_archive(release: Release, work: Path, out: Path) -> Path:
    """The installer and its packages, in one top folder, as a gzipped tar."""
    top = work / release.name
    debs.copy_tree(HERE / "installer", top, release)
    for package in catalogue.in_archive(release):
        debs.build(package, release, work / "local", top / "packages")
    marks = {
        ".BUILD_NUM": "standin",
        ".BUILD_PLATFORM": release.platform,
        ".BUILD_RELEASE_CANDIDATE": "GA",
        ".BUILD_RELEASE_NO": release.version,
        ".BUILD_TIME_STAMP": time.strftime("%Y%m%d%H%M%S"),
        ".BUILD_TYPE": "FOSS",
        "STANDIN": "A stand-in release for tests: the vendor's interface, none of the vendor's code.",
    }
    for name, text in marks.items():
        (top / name).write_text(text + "\n")
    (top / "standin.conf").write_text(release.settings)
    archive = out / f"{release.name}.tgz"
    owner = ["--owner=root", "--group=root", "--numeric-owner", "--sort=name"]
    subprocess.run(["tar", "-C", work, *owner, "-I", "gzip -1", "-cf", archive, release.name], check=True)
    return archive


def build(
    out: Path,
    *,
    ubuntu: str = "18.04",
    release: str = "8.8.15",
    behaviour: Mapping[str, str] | None = None,
    keyring: Path | None = None,
) -> StandIn:
    """Make the archive and the repository in `out`, replacing what an earlier build left there.

    Releases that one server is to get after each other are signed by one key: that in the folder `keyring`.
    """
    made = Release(release, ubuntu, dict(behaviour or {}))
    out = out.resolve()
    repository = out / "repository"
    shutil.rmtree(repository, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        archive = _write_archive(made, work, out)
        pool = repository / "pool"
        parts = [debs.build(part, made, work / "remote", pool) for part in catalogue.in_repository(made)]
        key = aptrepo.publish(repository, made.codename, parts, out / "key.asc", keyring)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return StandIn(archive, digest, repository, key.path, key.fingerprint)


def main(arguments: Sequence[str]) -> int:
    """Build by the command line's wishes and print what was made, one `name=value` a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ubuntu", choices=sorted(CODENAMES), default="18.04")
    parser.add_argument("--release", choices=sorted(KNOWN_PLATFORMS), default="8.8.15")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=", ".join(sorted(BEHAVIOURS)))
    options = parser.parse_args(arguments)
    behaviour = dict(pair.split("=", 1) for pair in options.set)
    made = build(options.out, ubuntu=options.ubuntu, release=options.release, behaviour=behaviour)
    for name, value in asdict(made).items():
        print(f"{name}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
