"""The gate before the first write: whose volume is this, and can a system live on it?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from states.bootstrap import build, codes, volume
from states.bootstrap.settings import SETTINGS
from states.ubuntu import mounts as ubuntu_mounts
from states.ubuntu import tree
from tests.states.bootstrap.ubuntu import make_tree, mark
from tests.support import few_inodes, make_context
from zflow.api import NO_INODES, Context, Mount, OperatorError
from zflow.exits import Exit

ROOT = Path(__file__).parents[3]
MOUNTED = 'mount --bind "$0" "$0"; mount -o "remount,bind,$1" "$0"; shift; exec "$@"'
ADMIT = """\
import sys
from pathlib import Path
from states.bootstrap import volume
place = Path(sys.argv[1])
try:
    volume.admit(place)
except volume.OperatorError as error:
    print(error.detail.removeprefix(f"{place} "))
print(*sorted(volume.carrying(place, volume.mounts()).options & {"ro", "nodev", "noexec", "nosuid"}))
"""


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over an empty volume."""
    return make_context(tmp_path, SETTINGS)


def refusal(place: Path) -> OperatorError:
    """Return why the volume is refused."""
    with pytest.raises(OperatorError) as caught:
        volume.admit(place)
    return caught.value


def mounted(monkeypatch: pytest.MonkeyPatch, *table: Mount) -> None:
    """Let these be all the mounts there are."""
    for module in (volume, ubuntu_mounts):
        monkeypatch.setattr(module, "mounts", lambda: list(table))


@pytest.mark.parametrize("names", [(), ("lost+found",), ("app/tls", ".zflow", "lost+found"), ("empty/deep/deeper",)])
def test_admitted(tmp_path: Path, names: tuple[str, ...]) -> None:
    """An empty volume, the file system's and the operator's own folders, and empty folders are no obstacle."""
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    volume.admit(tmp_path)


@pytest.mark.parametrize("name", ["file", ".hidden", "deep/down/file", "etc/passwd", "app2/x"])
def test_foreign_file(tmp_path: Path, name: str) -> None:
    """A foreign file is refused by its top-level name, and not changed."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("precious")
    error = refusal(tmp_path)
    assert error.code is codes.FOREIGN
    assert error.detail == f"{tmp_path} holds {Path(name).parts[0]}"
    assert (tmp_path / name).read_text() == "precious"


def test_foreign_link(tmp_path: Path) -> None:
    """A link counts as foreign, also when it leads to an empty folder or nowhere."""
    (tmp_path / "app").mkdir()
    (tmp_path / "link").symlink_to("app")
    (tmp_path / "nowhere").symlink_to("absent")
    assert refusal(tmp_path).detail.endswith("holds link, nowhere")


def test_many_strangers(tmp_path: Path) -> None:
    """Of many names eight are listed, the others counted."""
    for number in range(20):
        (tmp_path / f"file{number:02}").write_text("x")
    assert refusal(tmp_path).detail.endswith("file07 and 12 more")


def test_way_to_a_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that only lead to a mount are accepted, whatever is mounted there; a file beside the mount is not."""
    (tmp_path / "opt/zimbra/backup").mkdir(parents=True)
    (tmp_path / "opt/zimbra/backup/content").write_text("x")
    assert refusal(tmp_path).code is codes.FOREIGN
    mounted(monkeypatch, Mount(tmp_path / "opt/zimbra/backup", "ext4", frozenset()))
    volume.admit(tmp_path)
    (tmp_path / "opt/zimbra/other").write_text("x")
    assert refusal(tmp_path).code is codes.FOREIGN


def test_half_moved_tree(ctx: Context) -> None:
    """Names in the staged mark are zflow's; other names are foreign."""
    make_tree(ctx.volume)
    assert refusal(ctx.volume).code is codes.FOREIGN
    names = [each.name for each in ctx.volume.iterdir()]
    tree.staged_mark(ctx).write_text(mark(*names).render())
    volume.admit(ctx.volume)
    (ctx.volume / "vmlinuz").write_text("x")
    assert refusal(ctx.volume).detail.endswith("holds vmlinuz")


def test_finished_installation(ctx: Context) -> None:
    """On a finished installation no file is foreign."""
    make_tree(ctx.volume)
    (ctx.volume / "vmlinuz").write_text("x")
    (ctx.volume / tree.RELEASE).write_text(mark().render())
    volume.admit(ctx.volume)
    volume.apply(ctx)
    evidence = volume.probe(ctx)
    assert evidence is not None
    assert "zflow's Ubuntu 18.04" in evidence.summary


@pytest.mark.parametrize("option", ["ro", "noexec", "nosuid"])
def test_mount_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """A file system on which programs cannot run is refused, also when a folder above it carries the options."""
    mounted(monkeypatch, Mount(Path("/"), "ext4", frozenset({"rw"})), Mount(tmp_path, "ext4", frozenset({option})))
    (tmp_path / "volume").mkdir()
    error = refusal(tmp_path / "volume")
    assert error.code is codes.MOUNT_OPTIONS
    assert error.detail.endswith(f"with {option}")


def admitted(place: Path, options: str, *before: str) -> list[str]:
    """Return what is said of a volume that is a mount with these options, and which it has afterwards."""
    program = (*before, sys.executable, "-c", ADMIT, str(place))
    argv = ["unshare", "--mount", "sh", "-ec", MOUNTED, str(place), options, *program]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.root
@pytest.mark.parametrize("options", ["nosuid,nodev", "noexec,nosuid,nodev"])
def test_an_engines_own_options_are_lifted(tmp_path: Path, options: str) -> None:
    """The option that Podman adds to each volume is removed from the container's own mount; the volume is accepted."""
    assert admitted(tmp_path, options) == [""]


@pytest.mark.root
def test_a_read_only_mount_stays_one(tmp_path: Path) -> None:
    """A volume that is mounted read-only is refused and not changed."""
    assert admitted(tmp_path, "ro,nosuid") == ["is mounted with nosuid, ro", "nosuid ro"]


@pytest.mark.root
def test_options_that_cannot_be_lifted_are_told_with_the_reason(tmp_path: Path) -> None:
    """In a container that may not mount the options stay, and the refusal has the words of mount(8)."""
    said = admitted(tmp_path, "nosuid", "setpriv", "--bounding-set", "-sys_admin")
    assert said[0].startswith("is mounted with nosuid; mount: ")
    assert "permission denied" in said[0]
    assert said[1] == "nosuid"


def test_harmless_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nodev` is fine, and so are any options of a mount elsewhere."""
    mounted(
        monkeypatch,
        Mount(tmp_path, "ext4", frozenset({"rw", "nodev"})),
        Mount(tmp_path / "other", "ext4", frozenset({"ro"})),
    )
    volume.admit(tmp_path)


def test_room(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little space is refused in numbers before a build, and accepted once it has begun."""
    usage = type(shutil.disk_usage("/"))(2 << 30, 0, volume.ROOM - (5 << 20))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert volume.probe(ctx) is None
    with pytest.raises(OperatorError) as caught:
        volume.apply(ctx)
    assert caught.value.code is codes.SPACE
    assert caught.value.detail.endswith("needs 5 MiB more")
    tree.tree(ctx).mkdir()
    assert volume.probe(ctx) is not None
    build.cleanup(ctx)
    assert volume.probe(ctx) is None


@pytest.mark.root
def test_inodes(tmp_path: Path) -> None:
    """Too few free inodes are refused in numbers before a build, and accepted where the file system counts none."""
    with few_inodes(tmp_path / "few", 9000) as place:
        ctx = make_context(place, SETTINGS)
        missing = volume.INODES - os.statvfs(place).f_favail
        assert volume.probe(ctx) is None
        with pytest.raises(OperatorError) as caught:
            volume.apply(ctx)
        assert caught.value.code is NO_INODES
        assert caught.value.detail == f"{place} needs {missing} more inodes"
        subprocess.run(["mount", "-o", "remount,nr_inodes=0", place], check=True)
        assert volume.probe(ctx) is not None


@pytest.mark.parametrize("machine", ["aarch64", "armv7l", "i686"])
def test_another_processor(ctx: Context, monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    """A machine that Zimbra has no packages for is refused before the first write, and by the step at each start."""
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "mail", "6", "1", machine)))
    error = refusal(ctx.volume)
    assert error.code is codes.MACHINE
    assert error.detail == f"this machine is {machine}"
    assert volume.probe(ctx) is None
    with pytest.raises(OperatorError, match="ZF-2015"):
        volume.apply(ctx)


@pytest.mark.skipif(shutil.which("setarch") is None, reason="needs util-linux")
def test_another_processor_ends_the_container_before_anything_is_written(tmp_path: Path) -> None:
    """`zflow run` under a kernel that says so ends with the code of a refusal, and the volume stays empty."""
    run = ["setarch", "i686", sys.executable, "-m", "zflow", "run"]
    environment = os.environ | {"ZFLOW_VOLUME": str(tmp_path)}
    ended = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == Exit.REFUSED
    assert "ZF-2015" in ended.stderr
    assert "this machine is i686" in ended.stderr
    assert list(tmp_path.iterdir()) == []
