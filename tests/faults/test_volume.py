"""Faults of the volume: full at every block, made read-only by the kernel, I/O errors at every call."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rehearsal.image import debian_sources
from states.bootstrap import codes as bootstrap_codes
from tests.engine.child import NAMES
from tests.engine.toy import effects
from tests.engine.where import ROOT
from tests.faults.matrix import LONG, judge, some
from zflow import codes
from zflow.exits import WALK_STOPPED, Exit
from zflow.journal.reader import reading
from zflow.journal.seal import wrong

STORY = "the volume"
WHAT = {
    "full-new": "a new volume with so many blocks free, one by one",
    "full-old": "a walked volume with so many blocks free, one by one",
    "read-only": "ext4 made read-only by the kernel within each step",
}


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("fault", list(WHAT))
def test_a_volume_that_ends_is_named_and_then_gone_on_with(tmp_path: Path, fault: str) -> None:
    """On a loop device of 12 MB: the code, no half-made file believed, and the walk's end once there is room again."""
    argv = ["unshare", "--mount", sys.executable, "-m", "tests.faults.full", str(tmp_path / "image"), fault]
    ended = subprocess.run([*argv, "2" if LONG else "47"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    judge(STORY, WHAT[fault], sum(found["outcomes"].values()), found["wrong"], found["outcomes"])


@pytest.mark.root
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.skipif(not LONG, reason="two real bootstraps: in the long form, by `make faults`")
def test_a_bootstrap_that_fills_the_volume_is_resumed_on_a_larger_one(tmp_path: Path) -> None:
    """The real mmdebstrap runs out of room: blocked by its code, nothing left mounted, and built after enlarging."""
    if not (sources := debian_sources()):
        pytest.skip("needs the mirror of a Debian machine")
    mirror = sources[0].split()[1]
    argv = ["unshare", "--mount", sys.executable, "-m", "tests.faults.small", str(tmp_path / "image"), mirror]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    right = {"before": "blocked", "code": bootstrap_codes.SPACE.id, "mounts": [], "after": "serving"}
    bad = [f"{name}: {found[name]} ({found['detail']})" for name, value in right.items() if found[name] != value]
    judge(STORY, "a real bootstrap onto a volume that is too small", 1, bad, f"{found['code']}, then built")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which injects the errors")
@pytest.mark.parametrize(
    ("call", "error"),
    [("pwrite64", "EIO"), ("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("fsync", "EIO"), ("pread64", "EIO")],
)
def test_an_error_at_every_call_is_a_code_and_nothing_is_done_twice(tmp_path: Path, call: str, error: str) -> None:
    """The real walker, with the N-th call of the kernel failing: an exit code of ours, and the next walk goes on."""
    last, stride = {"pwrite64": (60, 3), "fdatasync": (14, 1), "fsync": (8, 1), "pread64": (40, 3)}[call]
    outcomes, bad = Counter[str](), []
    for number in some(f"{call} {error}", range(1, last + 1, stride), 1):
        volume = tmp_path / f"{number}"
        volume.mkdir()
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}"]
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", *inject]
        child = [sys.executable, "-m", "tests.engine.child", str(volume), "walk"]
        if call == "pread64":  # of a journal that is there
            subprocess.run(child, cwd=ROOT, capture_output=True, check=True)
        hurt = subprocess.run([*strace, *child], cwd=ROOT, capture_output=True, text=True, check=False)
        outcomes[f"exit code {hurt.returncode}"] += 1
        said = hurt.stdout + hurt.stderr
        known = hurt.returncode in {*map(int, Exit), WALK_STOPPED}
        if not known or "Traceback" in said or codes.JOURNAL_DAMAGED.id in said:
            bad.append(f"call {number}: {hurt.returncode} {hurt.stdout[-300:]} {hurt.stderr[-300:]}")
        again = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, check=False)
        with reading(volume) as journal:
            damage = wrong(journal)
        if again.returncode != 0 or damage or effects(volume) != list(NAMES):
            bad.append(f"call {number}: then {again.returncode} {again.stdout[-200:]}, {damage}, {effects(volume)}")
    judge(STORY, f"{error} at the N-th {call} of a walk", outcomes.total(), bad, outcomes)
