"""Diffie-Hellman parameters: the public group, the race, the file's proof."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from states.tls import codes, dh, dh_deployed, group
from states.tls.settings import SETTINGS
from states.zimbra import marks
from states.zimbra.keep import KEEP
from tests.states.tls.parameters import ffdhe4096, other
from tests.support import make_context
from zflow.api import Drift, Evidence, TransientError, sha256


def test_group_is_the_one_of_rfc_7919(tmp_path: Path) -> None:
    """For ffdhe4096 the same bytes are installed as earlier versions computed from the RFC's formula."""
    ctx = make_context(tmp_path, SETTINGS, {"ZFLOW_DH": "ffdhe4096"})
    dh.apply(ctx)
    assert sha256(group.file(ctx)) == "64852d6890ff9e62eecd1ee89c72af9af244dfef5b853bcedea3dfd7aade22b3"


def test_installed_once(tmp_path: Path) -> None:
    """After apply the probe holds, for this setting and this content only."""
    ctx = make_context(tmp_path, SETTINGS, {"ZFLOW_DH": "ffdhe4096"})
    assert dh.probe(ctx) is None
    dh.apply(ctx)
    assert dh.probe(ctx) is not None
    assert dh.probe(make_context(tmp_path, SETTINGS)) is None
    group.file(ctx).write_text(group.file(ctx).read_text()[:-40])
    assert dh.probe(ctx) is None


def fake_openssl(folder: Path, script: str) -> str:
    """Put an `openssl` before the real one and return the PATH."""
    (folder / "openssl").write_text(f"#!/bin/bash\n{script}\n")
    (folder / "openssl").chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def race(tmp_path: Path, script: str) -> tuple[int, list[str]]:
    """Run the race of three; return its code and the files it left."""
    files = [str(tmp_path / f"{number}.pem") for number in range(3)]
    path = fake_openssl(tmp_path, script)
    ended = subprocess.run(["/bin/bash", "-c", dh.RACE, "race", *files], env={"PATH": path}, timeout=20, check=False)
    return ended.returncode, [file for file in files if Path(file).exists()]


def test_first_wins(tmp_path: Path) -> None:
    """The first search to succeed ends the race, a failed one does not, and no other is left running."""
    script = (
        'case $3 in *0.pem) exit 1;; *1.pem) sleep 0.2; echo won > "$3";; *) echo $$ > "$3.pid"; exec sleep 3600;; esac'
    )
    code, files = race(tmp_path, script)
    assert (code, files) == (0, [str(tmp_path / "1.pem")])
    assert not Path("/proc", (tmp_path / "2.pem.pid").read_text().strip()).exists()


def test_all_fail(tmp_path: Path) -> None:
    """When every search failed, so did the race."""
    assert race(tmp_path, "exit 1") == (1, [])


def test_weak_group_is_refused(tmp_path: Path) -> None:
    """A number that is no safe prime of 4096 bits is not installed."""
    ctx = make_context(tmp_path, SETTINGS)
    for text in (other(ffdhe4096()), "rubbish"):
        with pytest.raises(TransientError) as caught:
            dh._check(ctx, text)
        assert caught.value.code is codes.DH_BROKEN


def test_cleanup(tmp_path: Path) -> None:
    """What a killed search left is removed."""
    ctx = make_context(tmp_path, SETTINGS)
    (group.folder(ctx) / "search").mkdir(parents=True)
    (group.folder(ctx) / "search/0.pem").write_text("")
    dh.cleanup(ctx)
    assert list(group.folder(ctx).iterdir()) == []


def test_body_ignores_layout() -> None:
    """Two files with the same group compare equal, whatever their line ends; rubbish compares to nothing."""
    text = ffdhe4096()
    assert group.body(text) == group.body("x\n" + text.replace("\n", "\r\n"))
    assert group.body("rubbish") == group.body(group.BEGIN) == ""


def test_the_prime_of_a_file() -> None:
    """A group has the prime that openssl prints, and no other one; another file has none."""
    text = ffdhe4096()
    shown = subprocess.run(["openssl", "asn1parse"], input=text, capture_output=True, text=True, check=True).stdout
    prime = bytes.fromhex(shown.splitlines()[1].rpartition(":")[2])
    assert group.has_prime(text, prime)
    assert not group.has_prime(text, prime[:-1])
    assert not group.has_prime(other(text), prime)
    assert not group.has_prime("rubbish", prime)


def test_parameters_changed_by_hand_are_named_and_kept_by_a_setting(tmp_path: Path) -> None:
    """What the servers read is looked at each time; the setting that is told leaves it."""
    text = ffdhe4096()
    rendered = tmp_path / dh_deployed.RENDERED.lstrip("/")
    rendered.parent.mkdir(parents=True)
    ctx = make_context(tmp_path, (*SETTINGS, KEEP))
    group.file(ctx).parent.mkdir(parents=True)
    group.file(ctx).write_text(text)
    rendered.write_text(text)
    assert dh_deployed.probe(ctx) is None  # nobody was told to read them
    marks.write(ctx, dh_deployed.MARK, dh_deployed.inputs(ctx))
    assert isinstance(dh_deployed.probe(ctx), Evidence)
    rendered.write_text(other(ffdhe4096()))
    told = f"{dh_deployed.RENDERED} holds other parameters than zflow's; ZFLOW_KEEP_ATTRIBUTES=zimbraSSLDHParam"
    assert dh_deployed.probe(ctx) == Drift(f"{told} keeps it as it is")
    keeping = make_context(tmp_path, (*SETTINGS, KEEP), {"ZFLOW_KEEP_ATTRIBUTES": "zimbraSSLDHParam"})
    assert dh_deployed.probe(keeping) == Evidence("zimbraSSLDHParam is left as it is")
