"""The vendor's package source: its key before anything is written, its list, its index."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from states.install import source as source_step
from states.ubuntu.settings import PROXY, UBUNTU
from states.zimbra import codes, proof, source, unpack
from states.zimbra.settings import SETTINGS
from tests.states.bootstrap.ubuntu import make_tree
from tests.states.install.keys import ONE, ONE_FINGERPRINT, TWO
from tests.states.install.shells import Answering
from tests.states.install.web import Site, serving
from tests.support import make_context
from zflow.api import Code, CommandError, Context, OperatorError, TransientError, ZflowError

TABLE = (PROXY, UBUNTU, *SETTINGS)


FINGERPRINT = ONE_FINGERPRINT
pytestmark = pytest.mark.skipif(shutil.which("gpg") is None, reason="there is no gpg here to read keys")


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a server with the key."""
    with serving(Site(ONE)) as made:
        yield made


def context(volume: Path, place: str, shell: Answering | None = None, **more: str) -> Context:
    """Return a context over a small Ubuntu that takes the vendor's key from a place."""
    named = {"ZFLOW_VENDOR_KEY": place, "ZFLOW_VENDOR_KEY_FINGERPRINT": FINGERPRINT, **more}
    return make_context(make_tree(volume), TABLE, named, shell=shell or Answering(volume))


def refused(ctx: Context) -> OperatorError:
    """Return why the key is refused; nothing is written then."""
    with pytest.raises(OperatorError) as caught:
        source_step.apply(ctx)
    assert caught.value.code is codes.VENDOR_KEY
    assert not (ctx.volume / source.KEYRING).exists()
    assert not (ctx.volume / source.LIST).exists()
    return caught.value


def test_key_from_a_server(site: Site, tmp_path: Path) -> None:
    """The key is fetched, written in binary form, and fetched no second time."""
    ctx = context(tmp_path, site.url)
    source_step.apply(ctx)
    source_step.apply(ctx)
    assert (ctx.volume / source.KEYRING).read_bytes() == ONE
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TWO, "; expected "),
        (ONE + TWO, "; expected "),
        (b"<html>", "not a key"),
        (b"", "not a key"),
        (ONE[:-1], "damaged"),
        (b"-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP", "not a key"),
    ],
    ids=["another", "one more", "a page", "nothing", "cut off", "a message"],
)
def test_wrong_keys(tmp_path: Path, content: bytes, words: str) -> None:
    """Anything but the one expected key is refused before it is written."""
    (tmp_path / "key").write_bytes(content)
    assert words in refused(context(tmp_path / "volume", str(tmp_path / "key"))).detail


def test_no_key_file(tmp_path: Path) -> None:
    """A key file that is not there is told by its path."""
    assert f"{tmp_path}/absent: No such file" in refused(context(tmp_path, f"{tmp_path}/absent")).detail


@pytest.mark.parametrize("trouble", ["503", "404", "cut", "closed"])
def test_key_server_in_trouble(site: Site, tmp_path: Path, trouble: str) -> None:
    """A server that fails, or whose connection is cut, is asked again later; no operator is."""
    place = site.url
    if trouble == "cut":
        site.cut = 20
    elif trouble == "closed":
        place = "http://127.0.0.1:1/key"
    else:
        site.status = int(trouble)
    with pytest.raises(TransientError) as caught:
        source_step.apply(context(tmp_path, place))
    assert caught.value.code is codes.VENDOR_KEY_AWAY


def test_another_key_on_the_volume(site: Site, tmp_path: Path) -> None:
    """A keyring with a second key, or a damaged one, is replaced."""
    ctx = context(tmp_path, site.url)
    (ctx.volume / source.KEYRING).parent.mkdir(parents=True)
    for content in (ONE + TWO, b"torn"):
        (ctx.volume / source.KEYRING).write_bytes(content)
        assert not source.has_key(ctx)
        source_step.apply(ctx)
        assert source.has_key(ctx)


def test_a_key_that_was_read_is_known_again_without_gpg(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each start looks at it: by its sum, which another key, or another wanted fingerprint, does not have."""
    ctx = context(tmp_path, site.url)
    source_step.apply(ctx)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert source.has_key(ctx)
    assert not source.has_key(context(tmp_path, site.url, ZFLOW_VENDOR_KEY_FINGERPRINT="A" * 40))
    (ctx.volume / source.KEYRING).write_bytes(TWO)
    assert not source.has_key(ctx)


@pytest.mark.parametrize("hidden", ["file", "folder"])
def test_a_key_that_apts_user_cannot_read(site: Site, tmp_path: Path, hidden: str) -> None:
    """A umask of 0077 left it so: apt would call every list unsigned. It is written again, for all to read."""
    ctx = context(tmp_path, site.url)
    source_step.apply(ctx)
    path = tmp_path / source.KEYRING
    (path if hidden == "file" else path.parent).chmod(0o700 if hidden == "folder" else 0o600)
    assert not source.has_key(ctx)
    source_step.apply(ctx)
    assert source.has_key(ctx)


def test_sources_follow_the_installed_release(tmp_path: Path) -> None:
    """The setting decides; else the installed release, whatever the setting for new installs says; else that."""
    ctx = context(tmp_path, "/key", ZFLOW_RELEASE="10.1")
    assert [each[-4:] for each in source.sources(ctx)] == ["t/87", "1000", "1010"]
    history = tmp_path / "opt/zimbra/.install_history"
    history.parent.mkdir(parents=True)
    history.write_text(
        "1: INSTALL SESSION START\n1: INSTALLED zimbra-core_9.0.0.GA.1_amd64.deb\n"
        "1: INSTALL SESSION COMPLETE\n1: CONFIGURED END\n"
    )
    (tmp_path / proof.MARK).write_text("1\n")
    assert [each[-4:] for each in source.sources(ctx)] == ["t/87", "t/90"]
    chosen = context(tmp_path, "/key", ZFLOW_PACKAGE_SOURCE="file:/srv/a,http://x/b")
    assert source.sources(chosen) == ("file:/srv/a", "http://x/b")


def test_sources_follow_the_archive(tmp_path: Path) -> None:
    """Of a server that is yet to be installed the archive says which release it is, not a setting left as it was."""
    url = "https://x.example/zcs-10.1.10_GA_1.UBUNTU18_64.tgz"
    ctx = context(tmp_path, "/key", ZFLOW_RELEASE_URL=url, ZFLOW_RELEASE_SHA256="a" * 64)
    assert [each[-4:] for each in source.sources(ctx)] == ["t/87", "1000", "1010"]
    ctx = context(tmp_path, "/key", ZFLOW_RELEASE_URL="/release.tgz", ZFLOW_RELEASE_SHA256="a" * 64)
    assert [each[-4:] for each in source.sources(ctx)] == ["t/87", "8815"]
    unpack.installer(ctx).mkdir(parents=True)
    (unpack.installer(ctx) / ".BUILD_RELEASE_NO").write_text("9.0.0\n")
    assert [each[-4:] for each in source.sources(ctx)] == ["t/87", "t/90"]


def test_list(tmp_path: Path) -> None:
    """Each source is trusted by the vendor's key alone."""
    text = source.wanted_list(context(tmp_path, "/key", ZFLOW_PACKAGE_SOURCE="http://x/a http://x/b"))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    signed = "[arch=amd64 signed-by=/etc/apt/keyrings/zimbra.gpg]"
    assert lines == [f"deb {signed} http://x/{each} bionic zimbra" for each in "ab"]


@pytest.mark.parametrize(("url", "mode"), [("http://x/a", 0o644), ("http://anna:secret@x/a", 0o600)])
def test_a_password_in_the_list_is_roots_alone(tmp_path: Path, url: str, mode: int) -> None:
    """Whoever breaks into one of the server's programs reads no password of the mirror there."""
    (tmp_path / "key").write_bytes(ONE)
    ctx = context(tmp_path / "volume", str(tmp_path / "key"), ZFLOW_PACKAGE_SOURCE=url)
    source_step.apply(ctx)
    assert (ctx.volume / source.LIST).stat().st_mode & 0o777 == mode
    assert source.in_place(ctx)
    (ctx.volume / source.LIST).chmod(0o644)
    assert source.in_place(ctx) == (mode == 0o644)


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="there is no apt here to ask for its file names")
@pytest.mark.parametrize(
    "url",
    ["https://repo.example.org/apt/87", "http://h:8080/a_b/~c", "file:/srv/a_b", "file:/srv/x/", "http://u:p@h/a=b",
     "http://h/a@b", "http://h/a%20b", "http://h/a+b:c"],
)  # fmt: skip
def test_index_in_apts_own_eyes(tmp_path: Path, url: str) -> None:
    """The index is looked for where apt puts it."""
    (tmp_path / "x.list").write_text(f"deb [trusted=yes] {url} bionic zimbra\n")
    options = [f"Dir::Etc::sourcelist={tmp_path}/x.list", "Dir::Etc::sourceparts=-", f"Dir::State::lists={tmp_path}"]
    argv = ["apt-get", "update", "--print-uris", *(word for each in options for word in ("-o", each))]
    output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    (expected,) = (line.split()[-2] for line in output.splitlines() if line.endswith("InRelease 0 "))
    assert source.index(context(tmp_path, "/key"), url).name == expected


def test_probe_needs_the_index(tmp_path: Path) -> None:
    """Key and list alone do not do until apt has read every index."""
    (tmp_path / "key").write_bytes(ONE)
    ctx = context(tmp_path / "volume", str(tmp_path / "key"), ZFLOW_PACKAGE_SOURCE="http://x/a,http://x/b")
    source_step.apply(ctx)
    for each in source.sources(ctx):
        assert source_step.probe(ctx) is None
        source.index(ctx, each).parent.mkdir(parents=True, exist_ok=True)
        source.index(ctx, each).touch()
    assert source_step.probe(ctx) is not None


UNSIGNED = "E: The repository 'http://x bionic InRelease' is not signed."
OUTPUTS: dict[str, tuple[str, type[ZflowError] | None, Code]] = {
    "good": ("Get:1 http://x bionic InRelease\nReading package lists...\n", None, codes.SOURCE_AWAY),
    "old index kept": ("W: Failed to fetch http://x  Could not connect", TransientError, codes.SOURCE_AWAY),
    "no release": ("E: The repository 'http://x bionic Release' does not have a Release file.", TransientError,
                   codes.SOURCE_AWAY),
    "no key": (f"W: GPG error: NO_PUBKEY 9BE6ED79\n{UNSIGNED}", OperatorError, codes.SOURCE_SIGNATURE),
    "unsigned": (UNSIGNED, OperatorError, codes.SOURCE_SIGNATURE),
    "portal": (f"E: Failed to fetch InRelease  Clearsigned file isn't valid, got 'NOSPLIT'\n{UNSIGNED}", TransientError,
               codes.SOURCE_AWAY),
    "busy": (f"E: Failed to fetch http://x/InRelease  503  Service Unavailable\n{UNSIGNED}", TransientError,
             codes.SOURCE_AWAY),
    "cut": (f"W: GPG error: Splitting up x_InRelease into data and signature failed\n{UNSIGNED}", TransientError,
            codes.SOURCE_AWAY),
}  # fmt: skip


@pytest.mark.parametrize("case", OUTPUTS)
@pytest.mark.parametrize("code", [0, 100])
def test_update(tmp_path: Path, case: str, code: int) -> None:
    """What apt says decides, whatever its exit code: a wrong signature is the operator's, the rest may pass."""
    output, kind, expected = OUTPUTS[case]
    failure = CommandError(codes.SOURCE_AWAY, ("apt-get",), code, output)
    ctx = context(tmp_path, "/key", Answering(tmp_path, lambda _argv: failure if code else output))
    if kind is None and code == 0:
        source.update(ctx)
        return
    with pytest.raises(kind or TransientError) as caught:
        source.update(ctx)
    assert caught.value.code is expected


def test_update_reads_nothing_else(tmp_path: Path) -> None:
    """Only the vendor's own list is read, no other index is thrown away, and the proxy is not among the arguments."""
    shell = Answering(tmp_path)
    source.update(context(tmp_path, "/key", shell, ZFLOW_PROXY="http://proxy:3128"))
    (command,) = shell.commands
    assert {"Dir::Etc::sourcelist=/etc/apt/sources.list.d/zimbra.list", "Dir::Etc::sourceparts=-"} <= set(command)
    assert "APT::Get::List-Cleanup=0" in command
    assert not any("Proxy" in word for word in command)
