"""Durable files and secrets: replaced whole, never followed, never shown."""

from __future__ import annotations

import os
import re
import shutil
import stat
import string
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.where import LIMIT, ROOT
from zflow.host.files import holds, read_json, remove_tree, sha256, write_atomic
from zflow.output import log_file
from zflow.secret import Redactor, Secret, SecretStore


def mode_of(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_written_file_has_its_content_and_mode_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    """Text and bytes replace what was there, with the mode asked for whatever the umask."""
    path = tmp_path / "file"
    before = os.umask(0o077)
    try:
        write_atomic(path, "old\n")
        assert mode_of(path) == 0o644
        write_atomic(path, b"\xff", mode=0o640, owner=(os.getuid(), os.getgid()))
    finally:
        os.umask(before)
    assert path.read_bytes() == b"\xff"
    assert mode_of(path) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """What the link, or one laid beside it by a stranger, points to stays as it is."""
    target, path = tmp_path / "target", tmp_path / "file"
    target.write_text("precious")
    path.symlink_to(target)
    (tmp_path / ".file.zflow-new").symlink_to(target)
    write_atomic(path, "new")
    assert (path.is_symlink(), path.read_text(), target.read_text()) == (False, "new", "precious")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_a_new_name_is_durable_once_the_write_returns(tmp_path: Path) -> None:
    """The content is synced before the rename and the folder after it: a power cut loses neither."""
    path = tmp_path / "file"
    program = f"from pathlib import *; from zflow.host.files import *; write_atomic(Path({str(path)!r}), 'x')"
    trace = ["strace", "-y", "-e", "trace=/^(rename|fsync)", "-o", str(tmp_path / "trace")]
    traced = [*trace, sys.executable, "-c", program]
    subprocess.run(traced, cwd=ROOT, check=True, timeout=LIMIT)
    calls = [line for line in (tmp_path / "trace").read_text().splitlines() if str(tmp_path) in line]
    content, rename, folder = (re.sub(r"^(\w+)\(\d+<([^>]*)>.*", r"\1 \2", call) for call in calls)
    assert content == f"fsync {tmp_path}/.file.zflow-new"
    assert rename == f"renameat {tmp_path}"
    assert folder == f"fsync {tmp_path}"


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"name": 1}', "3", '{"first": "a"}', b"\xff", "[" * 100_000])
def test_a_mark_that_is_missing_damaged_or_of_another_shape_is_none(
    tmp_path: Path, content: str | bytes | None
) -> None:
    """Whatever lies in the file, the caller gets its own type or None, and no error."""
    path = tmp_path / "mark"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert read_json(path, lambda found: (found["first"], found["second"])) is None


def test_a_mark_is_read_as_what_the_caller_makes_of_it(tmp_path: Path) -> None:
    """A regular file is parsed; a link in its place, which may lead out of the volume, is not followed."""
    path = tmp_path / "mark"
    path.write_text('{"ports": [25, 443]}')
    assert read_json(path, lambda found: tuple(found["ports"])) == (25, 443)
    (tmp_path / "link").symlink_to(path)
    assert read_json(tmp_path / "link", dict) is None


def test_what_a_cut_off_write_left_is_no_hindrance(tmp_path: Path) -> None:
    """Half a file beside the place is thrown away, and the place had never seen it."""
    (tmp_path / ".file.zflow-new").write_text("hal")
    write_atomic(tmp_path / "file", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    """Content that cannot be written does not touch the file."""
    path = tmp_path / "file"
    write_atomic(path, "old")
    script = "import resource, sys; from pathlib import Path; from zflow.host.files import write_atomic; import signal;"
    script += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10));"
    script += "write_atomic(Path(sys.argv[1]), 'x' * 1000)"
    ended = subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == 1
    assert b"OSError" in ended.stderr
    assert path.read_text() == "old"


def test_holding_means_a_regular_file_with_that_content(tmp_path: Path) -> None:
    """Another content, a link to the right one, a folder and nothing are all no."""
    (tmp_path / "right").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "right")
    (tmp_path / "folder").mkdir()
    assert holds(tmp_path / "right", "x")
    for name in ("link", "folder", "nothing", "right/below"):
        assert not holds(tmp_path / name, "x")
    assert not holds(tmp_path / "right", "y")
    assert sha256(tmp_path / "right") == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


def test_a_tree_is_removed_and_links_in_it_are_not_followed(tmp_path: Path) -> None:
    """What a link in the tree, or in its place, points to stays; what is absent is fine."""
    outside, tree, link = tmp_path / "outside", tmp_path / "tree", tmp_path / "link"
    outside.mkdir()
    (outside / "precious").touch()
    (tree / "deep").mkdir(parents=True)
    (tree / "deep/link").symlink_to(outside)
    link.symlink_to(outside)
    for path in (tree, link, tmp_path / "absent"):
        remove_tree(path)
    assert [path.name for path in tmp_path.rglob("*")] == ["outside", "precious"]


def test_a_tree_with_a_mount_in_it_is_not_removed(tmp_path: Path) -> None:
    """A bind mount below is refused by name, and its source keeps its files."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("needs unshare(1) and user namespaces")
    source, point = tmp_path / "source", tmp_path / "tree/with blank"
    source.mkdir()
    point.mkdir(parents=True)
    (source / "precious").touch()
    script = (
        "import sys; from pathlib import Path; from zflow.host.files import remove_tree; remove_tree(Path(sys.argv[1]))"
    )
    mounted = f'mount --bind "{source}" "{point}" && exec "$@"'
    argv = ["unshare", "-rm", "sh", "-c", mounted, "sh", sys.executable, "-c", script, str(tmp_path / "tree")]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"{point} is a mount" in ended.stderr
    assert (source / "precious").exists()


def test_a_secret_never_prints() -> None:
    """Whatever way a secret is shown, it shows as stars; equality and `reveal` still know it."""
    secret = Secret("hunter22")
    shown = [str(secret), repr(secret), f"{secret}", "%s %r" % (secret, secret), repr([secret]), repr({"a": secret})]  # noqa: UP031
    assert not any("hunter22" in text for text in shown)
    assert (secret == Secret("hunter22"), secret == "hunter22", secret.reveal()) == (True, False, "hunter22")
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_made_once_and_kept_for_the_owner_only(tmp_path: Path) -> None:
    """The first call makes it, every later one and every later process finds it, and nobody else may read it."""
    store = SecretStore(tmp_path / "secrets", Redactor())
    made = store.ensure("ldap", 30)
    assert len(made.reveal()) == 30
    assert set(made.reveal()) <= set(string.ascii_letters + string.digits)
    assert store.ensure("ldap") == made
    assert SecretStore(tmp_path / "secrets", Redactor()).get("ldap") == made
    assert store.get("other") is None
    assert store.ensure("other") != made
    assert (mode_of(tmp_path / "secrets"), mode_of(tmp_path / "secrets/ldap")) == (0o700, 0o600)


def test_a_secret_that_an_editor_has_touched(tmp_path: Path) -> None:
    """Its marks are no part of the secret; what it left beside it, a folder or bytes, stops nothing."""
    store = SecretStore(tmp_path / "secrets", Redactor())
    store.put("ldap", Secret("hunter2222"))
    (tmp_path / "secrets/ldap").write_bytes(b"\xef\xbb\xbfhunter2222\r\n")
    (tmp_path / "secrets/.ldap.swp").write_bytes(b"b0VIM\x00\xff\xfe")
    (tmp_path / "secrets/old").mkdir()
    redactor = Redactor()
    assert SecretStore(tmp_path / "secrets", redactor).get("ldap") == Secret("hunter2222")
    assert redactor.clean("hunter2222.") == "***."


def test_known_secrets_are_taken_out_of_texts_the_longest_first(tmp_path: Path) -> None:
    """Secrets from the store, old and new, are stars; a secret within another leaves no rest; short words stay."""
    SecretStore(tmp_path, Redactor()).put("old", Secret("hunter22"))
    redactor = Redactor()
    store = SecretStore(tmp_path, redactor)
    store.put("new", Secret("hunter22extended"))
    redactor.learn(Secret("is"))
    assert redactor.clean("it is hunter22extended, was hunter22") == "it is ***, was ***"


def test_a_log_is_private_clean_and_never_stops_the_work(tmp_path: Path) -> None:
    """Lines are redacted and stamped, the file is 0600; one that cannot be written is lost in silence."""
    path = tmp_path / "logs/one/a.1.log"
    log = log_file(path, lambda line: line.replace("hunter22", "***"), lambda: 0.0)
    log("it is hunter22 \udce9")
    assert path.read_text() == "1970-01-01T00:00:00.000Z it is *** ?\n"
    assert mode_of(path) == 0o600
    (tmp_path / "file").touch()
    log_file(tmp_path / "file/below.log", str, lambda: 0.0)("lost")
