"""mmdebstrap's command line, and what its complaints mean."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from states.bootstrap import codes, mmdebstrap
from states.bootstrap.settings import SETTINGS
from states.ubuntu.suites import COMMON, SUITES, Suite
from tests.support import few_inodes, make_context
from zflow.api import NO_INODES, Code, CommandError, Context, OperatorError, TransientError, ZflowError
from zflow.progress import Progress

MIRROR = "http://mirror.example.org/ubuntu"
UNSIGNED = f"E: The repository '{MIRROR} bionic InRelease' is not signed."
NO_RELEASE = f"E: The repository '{MIRROR} bionic-security Release' does not have a Release file."
COMPLAINTS: dict[str, tuple[list[str], type[ZflowError], Code]] = {
    "no name": ([f"Err:1 {MIRROR} bionic InRelease", "  Temporary failure resolving 'mirror.example.org'", NO_RELEASE],
                TransientError, codes.MIRROR),
    "refused": (["Could not connect to 127.0.0.1:1 (127.0.0.1). - connect (111: Connection refused)", NO_RELEASE],
                TransientError, codes.MIRROR),
    "unreachable": (["Cannot initiate the connection: - connect (101: Network is unreachable)", NO_RELEASE],
                    TransientError, codes.MIRROR),
    "timed out": (["Connection timed out [IP: 192.0.2.1 80]"], TransientError, codes.MIRROR),
    "503": ([f"E: Failed to fetch {MIRROR}/x.deb  503  Service Unavailable [IP: 192.0.2.1 80]"],
            TransientError, codes.MIRROR),
    "mirror in the middle of a sync": ([f"E: Failed to fetch {MIRROR}/Packages.xz  File has unexpected size (2 != 1)"],
                                       TransientError, codes.MIRROR),
    "hash": (["E: Failed to fetch x  Hash Sum mismatch"], TransientError, codes.MIRROR),
    "portal": (["E: Failed to fetch InRelease  Clearsigned file isn't valid, got 'NOSPLIT' (does the network require "
                "authentication?)", UNSIGNED], TransientError, codes.MIRROR),
    "no key": (["W: GPG error: bionic InRelease: The following signatures couldn't be verified because the public key "
                "is not available: NO_PUBKEY 3B4FE6ACC0B21F32", UNSIGNED], OperatorError, codes.SIGNATURE),
    "bad signature": (["W: GPG error: The following signatures were invalid: BADSIG 3B4FE6ACC0B21F32 x", UNSIGNED],
                      OperatorError, codes.SIGNATURE),
    "unsigned": ([UNSIGNED], OperatorError, codes.SIGNATURE),
    "slow clock": ([f"E: Release file for {MIRROR} is not valid yet (invalid for another 1h 2min)."],
                   OperatorError, codes.CLOCK),
    "fast clock": ([f"E: Release file for {MIRROR} is expired (invalid since 1d)."], OperatorError, codes.CLOCK),
    "no such suite": ([f"E: Failed to fetch {MIRROR}/Release  404  Not Found", NO_RELEASE],
                      OperatorError, codes.MIRROR_CONTENT),
    "no such package": (["E: Unable to locate package libidn99"], OperatorError, codes.MIRROR_CONTENT),
    "no candidate": (["E: Package 'x' has no installation candidate"], OperatorError, codes.MIRROR_CONTENT),
    "full": (["dpkg: error processing archive x: cannot copy: failed to write (No space left on device)"],
             OperatorError, codes.SPACE),
    "full for apt": (["E: You don't have enough free space", "E: not have enough free space in /var"],
                     OperatorError, codes.SPACE),
    "no mounts": (["E: mount -t proc failed: Operation not permitted"], OperatorError, codes.CAPABILITY),
    "no nodes": (["E: mknod ./dev/null: Operation not permitted"], OperatorError, codes.CAPABILITY),
    "unknown": (["I: fine", "E: something new"], TransientError, codes.BUILD),
    "silent": ([], TransientError, codes.BUILD),
}  # fmt: skip


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context with an own mirror, proxy and keyring."""
    (tmp_path / "keys.gpg").write_bytes(b"k")
    named = {"ZFLOW_MIRROR": MIRROR, "ZFLOW_PROXY": "http://proxy:3128", "ZFLOW_KEYRING": str(tmp_path / "keys.gpg")}
    return make_context(tmp_path, SETTINGS, named)


@pytest.mark.parametrize("case", COMPLAINTS)
def test_complaints(case: str) -> None:
    """Each known complaint leads to its code, and to waiting or asking; an unknown one is quoted and tried again."""
    lines, kind, code = COMPLAINTS[case]
    error = mmdebstrap.explained(CommandError(codes.BUILD, ("mmdebstrap",), 25, ""), lines, MIRROR)
    assert (type(error), error.code) == (kind, code)
    if lines:
        assert any(line.strip() in error.detail for line in lines)


@pytest.mark.parametrize("suite", SUITES.values(), ids=list(SUITES))
def test_command(suite: Suite) -> None:
    """The command names all three pockets of the mirror asked for and no other, the keyring, and every package."""
    found, name = mmdebstrap.command(suite, MIRROR, "/k.gpg", "/stage"), suite.codename
    assert found[-5:-3] == [name, "/stage"]
    assert found[-3:] == [f"deb {MIRROR} {name}{pocket} main universe" for pocket in ("", "-updates", "-security")]
    assert "--keyring=/k.gpg" in found
    assert f"--include={','.join(suite.packages)}" in found
    assert [word for word in found if "://" in word and MIRROR not in word] == []


@pytest.mark.parametrize("version", SUITES)
def test_suites(version: str) -> None:
    """Each suite has all that is common, each package once, one perl library and one of each renamed library."""
    suite = SUITES[version]
    assert (suite.version, len(set(suite.packages))) == (version, len(suite.packages))
    assert set(COMMON) < set(suite.packages)
    for beginning in ("libperl5.", "libaio1", "libidn1"):
        assert sum(each.startswith(beginning) for each in suite.packages) == 1


def test_codenames() -> None:
    """Versions and codenames are Ubuntu's."""
    assert {each.version: each.codename for each in SUITES.values()} == {
        "18.04": "bionic", "20.04": "focal", "22.04": "jammy", "24.04": "noble",
    }  # fmt: skip


@pytest.mark.parametrize("content", [None, b""])
def test_no_keyring(ctx: Context, content: bytes | None) -> None:
    """A keyring that is absent or empty is refused by its path and its setting, before anything is run."""
    path = ctx.volume / "keys.gpg"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OperatorError) as caught:
        mmdebstrap.build(ctx, SUITES["18.04"])
    assert caught.value.code is codes.KEYRING
    assert caught.value.detail == f"{path} (ZFLOW_KEYRING)"


def test_failed_build(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A complaint far above the end of the output is found."""
    script = 'echo "E: Unable to locate package x"; seq 3000; exit 25'
    monkeypatch.setattr(mmdebstrap, "command", lambda *_: ["sh", "-c", script])
    with pytest.raises(OperatorError) as caught:
        mmdebstrap.build(ctx, SUITES["18.04"])
    assert caught.value.code is codes.MIRROR_CONTENT
    assert caught.value.detail == f"{MIRROR}: E: Unable to locate package x"


def test_progress(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages are counted over both passes of the build, each phase alone, after apt has printed their number."""
    seen: list[tuple[float, float, str]] = []
    monkeypatch.setattr(
        Progress, "report", lambda _self, done=0, total=0, unit="", note="": seen.append((done, total, note))
    )
    reader = mmdebstrap.Reader(ctx)
    for line in (
        "Get:1 http://x InRelease",
        "0 upgraded, 2 newly installed, 0 to remove",
        "Get:1 http://x a.deb",
        "Unpacking a (1) ...",
        "Setting up a (1) ...",
        "0 upgraded, 3 newly installed, 0 to remove",
        "Unpacking b (1) ...",
    ):
        reader.line(line)
    assert seen == [
        (1, 2, "fetching packages"), (1, 2, "unpacking packages"), (1, 2, "setting up packages"),
        (2, 5, "unpacking packages"),
    ]  # fmt: skip
    assert list(reader.errors) == []


def test_progress_of_packages_fetched_at_once(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fetched before mmdebstrap's own passes counts against its own total; reading the lists does not count."""
    seen: list[tuple[float, float, str]] = []
    monkeypatch.setattr(
        Progress, "report", lambda _self, done=0, total=0, unit="", note="": seen.append((done, total, note))
    )
    reader = mmdebstrap.Reader(ctx)
    for line in ("Get:1 http://x InRelease", "2 packages to fetch", "Get:1 http://x a.deb", "Get:1 http://x b.deb"):
        reader.line(line)
    assert seen == [(1, 2, "fetching packages"), (2, 2, "fetching packages")]


APT = """\
#!/bin/sh
case "$*" in
*update) echo updated >> "$LOG" ;;
*) cat "$LOG.uris" ;;
esac
"""


def test_packages_are_fetched_at_once_by_strong_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the lists, all packages go to apt's downloader with their SHA-256; one without is left to mmdebstrap."""
    log, programs, helper = tmp_path / "log", tmp_path / "bin", tmp_path / "apt-helper"
    programs.mkdir()
    (programs / "apt-get").write_text(APT)
    helper.write_text('#!/bin/sh\necho "$@" >> "$LOG"\n')
    for each in (programs / "apt-get", helper):
        each.chmod(0o755)
    digest = "a" * 64
    log.with_suffix(".uris").write_text(
        f"'http://x/a%7e1.deb' a_1%3a1.deb 10 SHA256:{digest}\n'http://x/b.deb' b.deb 20 MD5Sum:00\n"
    )
    hook = next(word for word in mmdebstrap.command(SUITES["18.04"], MIRROR, "/k.gpg", "/t") if "--setup-hook=" in word)
    script = hook.removeprefix("--setup-hook=").replace("/usr/lib/apt/apt-helper", str(helper))
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "LOG": str(log), "MMDEBSTRAP_APT_CONFIG": "/conf"}
    done = subprocess.run(
        ["sh", "-c", script, "exec", str(tmp_path / "root")],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "1 packages to fetch\n"
    assert log.read_text() == f"updated\ndownload-file http://x/a%7e1.deb a_1%3a1.deb SHA256:{digest}\n"
    assert list((tmp_path / "root/var/cache/apt/archives").iterdir()) == []


@pytest.mark.root
def test_a_volume_that_runs_out_of_inodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dpkg prints the same for both; the file system shows whether space or inodes are missing."""
    with few_inodes(tmp_path / "volume", 40) as place:
        (place / "keys.gpg").write_bytes(b"k")
        ctx = make_context(place, SETTINGS, {"ZFLOW_KEYRING": str(place / "keys.gpg")})
        with suppress(OSError):
            for number in range(40):
                (place / str(number)).touch()
        run, fails = type(ctx.shell).run, ("sh", "-c", "echo 'E: x (No space left on device)' >&2; exit 25")
        monkeypatch.setattr(type(ctx.shell), "run", lambda self, *_argv, **_options: run(self, *fails))
        with pytest.raises(OperatorError) as caught:
            mmdebstrap.build(ctx, next(iter(SUITES.values())))
    assert caught.value.code is NO_INODES
