"""Links that user zimbra plants on the volume: what root writes from outside never lands, or is read, beyond it.

The folder `outside` stands for the container's own files, next to the volume as `/etc` is next to `/data`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from states import server as server_names
from states.bootstrap import names
from states.install import identity, limits, menu
from states.tls import exchange
from states.ubuntu import logs
from states.zimbra import history, localconfig, marks, networks, proof, services, syslog
from tests.engine.toy import Bench, file_step, product
from tests.faults.matrix import LONG, judge
from tests.support import make_context
from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError
from zflow.host import files
from zflow.walk.process import prepare_home

STORY = "links and renames"
AT_FDCWD, RENAME_EXCHANGE = -100, 2
WRITES: dict[str, Callable[[Path], object]] = {
    "write_atomic": lambda path: files.write_atomic(path, "root's"),
    "make_folder": lambda path: files.make_folder(path / "deep"),
    "remove_file": files.remove_file,
    "remove_tree": files.remove_tree,
}
SESSION = history.Session("100", complete=True, packages={}, upgrade=False, stages=())
WRITERS: dict[str, Callable[[Context], object]] = {
    "etc": names.apply,
    "etc/security": limits.apply,
    "opt/zimbra": lambda ctx: proof.mark(ctx, SESSION),
    "opt": networks.remember,
    "var/log": logs.give,
    ".zflow/witness": lambda ctx: marks.write(ctx, "file", "root's"),
    "run": lambda ctx: files.make_folder(ctx.volume / services.RUN),
}
"""By the folder that a link is put in the place of."""
READS: dict[str, Callable[[Path], object]] = {"read_text": files.read_text, "read_bytes": files.read_bytes}


def terabyte(path: Path) -> None:
    """Make a file of that length, which takes no room."""
    path.touch()
    os.truncate(path, 1 << 40)


PLANTS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to endless zeros": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a terabyte": terabyte,
    "bytes that are no text": lambda path: path.write_bytes(bytes(range(256)) * 4),
}


@pytest.fixture(name="outside")
def beside(tmp_path: Path) -> Path:
    """A folder beside the volume with something precious in it."""
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "file").write_text("precious")
    (outside / "folder/file").write_text("precious")
    (tmp_path / "volume").mkdir()
    return outside


def contents(folder: Path) -> dict[str, object]:
    """Return everything below a folder: content, mode and owner."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.lstat().st_uid, path.is_file() and path.read_bytes())
        for path in sorted(folder.rglob("*"))
    }


def test_no_link_on_the_way_is_followed(tmp_path: Path, outside: Path) -> None:
    """At each depth of a path, an absolute and a relative link to a folder outside: refused, and nothing changed."""
    before, wrong, tried = contents(outside), [], 0
    for name, work in (WRITES | READS).items():
        for depth in range(3):
            for target in (outside, Path("../" * (depth + 1)) / "outside"):
                top = tmp_path / "volume/top"
                shutil.rmtree(top, ignore_errors=True)
                way = top.joinpath(*["deeper"] * depth)
                way.mkdir(parents=True)
                (way / "link").symlink_to(target)
                tried += 1
                try:
                    work(way / "link/file")
                    wrong.append(f"{name} through {target} was not refused")
                except OSError as error:
                    if codes.MEANINGS.get(error.errno or 0) is not codes.NOT_A_FOLDER:
                        wrong.append(f"{name} through {target}: {error}")
                if contents(outside) != before:
                    wrong.append(f"{name} changed what is outside through {target}")
    judge(
        STORY,
        "a link planted on the way, by each way of writing and reading",
        tried,
        wrong,
        "ZF-1009, nothing outside changed",
    )


@contextmanager
def swapping(folder: Path, outside: Path) -> Iterator[None]:
    """Exchange a folder and a link to the outside, over and over, while something is done; renameat2(2)."""
    stop, link = threading.Event(), folder.with_name("link")
    link.symlink_to(outside / "folder")

    def swap() -> None:
        libc = ctypes.CDLL(None)
        while not stop.is_set():
            assert libc.renameat2(AT_FDCWD, os.fsencode(folder), AT_FDCWD, os.fsencode(link), RENAME_EXCHANGE) == 0

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_folder_that_is_swapped_while_zflow_writes_leads_nowhere(tmp_path: Path, outside: Path) -> None:
    """A rename race against each way of writing: it meets the folder or is refused, and never reaches the outside."""
    before, wrong = contents(outside), []
    folder = tmp_path / "volume/conf"
    folder.mkdir()
    met: Counter[str] = Counter()
    with swapping(folder, outside):
        for _ in range(5000 if LONG else 100):
            for name, work in WRITES.items():
                try:
                    work(folder / "file")
                    met["done inside"] += 1
                except OSError as error:
                    met["refused"] += 1
                    if error.errno not in {errno.ENOTDIR, errno.ENOENT, errno.EISDIR}:
                        wrong.append(f"{name}: {error}")
    if contents(outside) != before:
        wrong.append("what is outside was changed")
    assert len(met) == 2, "the race was never met"
    judge(STORY, "a folder exchanged with a link while zflow writes", met.total(), wrong, met)


def test_no_state_writes_through_a_planted_link(tmp_path: Path, outside: Path) -> None:
    """The states' own writers, each with the folder it writes into replaced by a link to the outside."""
    shutil.copytree(outside, outside / "zflow")
    for name in ("zimbra.log", "hosts", "resolv.conf", "x.pid"):
        (outside / name).symlink_to(outside / "file")
    (outside / "passwd").write_text("syslog:x:1:1::/:/bin/false\n")
    before, wrong = contents(outside), []
    for place, write in WRITERS.items():
        volume = tmp_path / "volume" / place.replace("/", "-")
        folder = volume / place
        folder.parent.mkdir(parents=True)
        folder.symlink_to(outside)
        if place != "etc":
            (volume / "etc").mkdir(exist_ok=True)
            (volume / "etc/passwd").write_text("")
            (volume / "etc/group").write_text("")
        try:
            write(make_context(volume, server_names.SETTINGS, {"ZFLOW_HOSTNAME": "mail.example.org"}))
            wrong.append(f"{place} was not refused")
        except NotADirectoryError:
            pass
        if contents(outside) != before:
            wrong.append(f"what is outside was changed through {place}")
    judge(STORY, "the states' writers, with a link in their folder's place", len(WRITERS), wrong, "ZF-1009")


def test_a_walk_over_a_planted_link_is_blocked_by_its_code(tmp_path: Path, outside: Path) -> None:
    """A step that would write through the link is ZF-1009 with the folder's name, not a defect of ours."""
    volume = tmp_path / "volume"
    (volume / "conf").symlink_to(outside)
    step = file_step("one.a", before=lambda ctx: files.write_atomic(ctx.volume / "conf/file", "root's"))
    bench = Bench(volume)
    assert bench.walk(product(step)) == "blocked"
    assert bench.position()["code"] == codes.NOT_A_FOLDER.id
    assert "conf" in bench.position()["detail"]
    assert (outside / "file").read_text() == "precious"


def test_a_link_in_the_place_of_zflows_own_folder_is_refused(tmp_path: Path, outside: Path) -> None:
    """A volume that comes with `.zflow` as a link gets no journal through it."""
    volume, before = tmp_path / "volume", contents(outside)
    (volume / ".zflow").symlink_to(outside)
    with pytest.raises(OperatorError) as refused:
        prepare_home(product(), volume)
    assert refused.value.code is codes.NOT_A_FOLDER
    assert contents(outside) == before


def noting(look: Callable[[], object], words: str, wrong: list[str]) -> None:
    """Look, and note what is raised: whoever looks has an answer for what is no file."""
    try:
        look()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
        wrong.append(f"{words}: {error!r}")


def test_a_pipe_in_the_place_of_a_file_makes_nobody_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file of Zimbra's that zflow reads from outside may be a pipe, a link, a folder or endless: it is none."""
    volume = tmp_path / "volume"
    ctx = make_context(volume)
    monkeypatch.setattr(identity, "proven", lambda _ctx: True)
    looks: dict[Path, Callable[[], object]] = {
        history.HISTORY: lambda: history.sessions(ctx),
        proof.MARK: lambda: proof.proven(ctx),
        localconfig.FILE: lambda: identity.installed_name(ctx),
        Path("opt/zimbra/log/zmmailboxd.pid"): lambda: services.living_pid_files(ctx),
        syslog.PID: lambda: syslog.running(ctx),
        Path(exchange.INSTALLED[0].lstrip("/")): lambda: exchange.fingerprints(ctx),
        networks.MARK: lambda: networks.remembered(ctx),
        Path("opt/zimbra/log/zmsetup.log"): lambda: menu.newest_log(ctx),
    }
    wrong: list[str] = []
    tried = 0
    for place, look in looks.items():
        path = volume / place
        path.parent.mkdir(parents=True, exist_ok=True)
        for kind, plant in PLANTS.items():
            plant(path)
            tried += 1
            thread = threading.Thread(target=noting, args=(look, f"{kind} in the place of {place}", wrong), daemon=True)
            thread.start()
            thread.join(20)
            if thread.is_alive():
                wrong.append(f"{kind} in the place of {place}: somebody waits")
                with path.open("r+b"):
                    thread.join(20)
            files.remove_tree(path)
    judge(STORY, "pipe, device, link, folder or gigabytes in the place of a file", tried, wrong, "no such file")
