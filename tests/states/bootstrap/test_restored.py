"""Backups made or unpacked without owners, rights, attributes, or with other ids: named before anything starts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from states.bootstrap import codes, restored
from states.bootstrap.settings import SETTINGS
from states.install.preflight.system import CAPABILITY
from states.ubuntu.tree import RELEASE
from states.zimbra import marks, rights
from states.zimbra.proof import MARK
from tests.states.bootstrap.ubuntu import make_tree, mark
from tests.support import make_context
from zflow.api import Context, OperatorError

pytestmark = pytest.mark.root
PASSWD = "root:x:0:0::/root:/bin/bash\n_apt:x:104:65534::/:\nzimbra:x:998:998::/opt/zimbra:/bin/bash\n# K\udcfcche\n"
GROUP = "root:x:0:\nshadow:x:42:\ncrontab:x:107:\nzimbra:x:998:\n"
TAR = ("--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls")
POSTDROP, NGINX = "opt/zimbra/common/sbin/postdrop", "opt/zimbra/common/sbin/nginx"


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context over an installed server that was seen to work."""
    place = make_tree(tmp_path / "volume")
    (place / "etc/passwd").write_bytes(PASSWD.encode(errors="surrogateescape"))
    (place / "etc/group").write_text(GROUP)
    owned = {"etc/shadow": (0, 42), "usr/bin/chage": (0, 42), "usr/bin/crontab": (0, 107), POSTDROP: (0, 998)}
    owned |= {"usr/bin/sudo": (0, 0), "usr/bin/dpkg": (0, 0), NGINX: (0, 0)}
    for name, owner in owned.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"x")
        os.chown(place / name, *owner)
    folders = {"var/spool/cron/crontabs": (0, 107), "var/lib/apt/lists/partial": (104, 0)}
    folders |= {f"opt/zimbra/{name}": (998, 998) for name in ("conf", "data", "log")}
    for name, owner in folders.items():
        (place / name).mkdir(parents=True)
        os.chown(place / name, *owner)
    for name, mode in (("usr/bin/sudo", 0o4755), ("usr/bin/crontab", 0o2755), (POSTDROP, 0o2755), (NGINX, 0o755)):
        (place / name).chmod(mode)
    os.setxattr(place / NGINX, "security.capability", CAPABILITY)
    (place / RELEASE).write_text(mark().render())
    found = make_context(place, SETTINGS)
    assert MARK == rights.PROVEN
    (place / MARK).write_text("1\n")
    rights.remember(found)
    assert restored.probe(found) is not None
    return found


def copied(ctx: Context, *options: str) -> Context:
    """Return a context over a copy by way of tar, unpacked with these options."""
    place = ctx.volume.parent / "copy"
    place.mkdir()
    packed = subprocess.run(["tar", "-C", ctx.volume, "-c", *TAR, "."], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-C", place, "-x", *options], input=packed, check=True)
    return make_context(place, SETTINGS)


def told(ctx: Context) -> str:
    """Return what is said of a volume that is refused."""
    assert restored.probe(ctx) is None
    with pytest.raises(OperatorError) as caught:
        restored.apply(ctx)
    assert caught.value.code is codes.RESTORED
    return caught.value.detail


def test_the_remedys_own_command(ctx: Context) -> None:
    """What the remedy and the page on operations say brings everything back."""
    assert restored.probe(copied(ctx, "--numeric-owner", "--same-permissions", *TAR[1:])) is not None
    for option in ("--numeric-owner", "--same-permissions", "--xattrs", "--xattrs-include='*'", "--acls"):
        assert option in codes.RESTORED.remedy


def test_without_owners(ctx: Context) -> None:
    """Everything is root's: the files that are not are named, and the rights that went with them."""
    said = told(copied(ctx, "--no-same-owner", "--same-permissions"))
    assert "/etc/shadow does not belong to group shadow" in said
    assert "/opt/zimbra/conf does not belong to user zimbra" in said


def test_without_extended_attributes(ctx: Context) -> None:
    """tar as root keeps owners and modes by default, but loses the capability by which nginx opens its ports."""
    assert told(copied(ctx)).endswith(f"copy: /{NGINX} lost its capabilities")


def test_without_set_id_bits(ctx: Context) -> None:
    """What a chown or a careful unpacker takes away."""
    for name in ("usr/bin/sudo", POSTDROP):
        (ctx.volume / name).chmod(0o755)
    assert told(ctx).endswith(f"/usr/bin/sudo is not set-user-id; /{POSTDROP} lost its set-id bits")


def test_with_shifted_ids(ctx: Context) -> None:
    """A volume of a user namespace, seen from outside of it."""
    for path in (ctx.volume, *ctx.volume.rglob("*")):
        status = path.lstat()
        os.lchown(path, status.st_uid + 100_000, status.st_gid + 100_000)
    assert told(ctx).endswith("the files of root belong to user 100000: the ids are shifted, or one user unpacked them")


def test_with_the_names_of_the_host(ctx: Context) -> None:
    """A tar that maps names gives each file to whom the host calls so; all that is wrong is named by its own name."""
    for name in ("usr/bin/crontab", "var/spool/cron/crontabs"):
        os.chown(ctx.volume / name, 0, 105)
    assert "/usr/bin/crontab does not belong to group crontab, /var/spool/cron/crontabs does not" in told(ctx)


def test_no_false_alarm(ctx: Context, tmp_path: Path) -> None:
    """One changed owner, a program that an upgrade replaced, and an empty volume are accepted."""
    os.chown(ctx.volume / "etc/shadow", 0, 0)
    assert restored.probe(ctx) is not None
    status = ctx.volume / "var/lib/dpkg/status"
    status.write_text(status.read_text() + "\nPackage: zimbra-core\nStatus: install ok installed\nVersion: 10.1\n")
    (ctx.volume / POSTDROP).chmod(0o755)
    assert restored.probe(ctx) is not None
    (tmp_path / "empty").mkdir()
    assert restored.probe(make_context(tmp_path / "empty", SETTINGS)) is not None


def test_data_that_lie_elsewhere(ctx: Context, tmp_path: Path) -> None:
    """Folders that an operator moved to another disk are links of root's: not a sign of a bad copy, nor remembered."""
    for name in ("conf", "data", "log"):
        place = ctx.volume / "opt/zimbra" / name
        place.rename(tmp_path / name)
        place.symlink_to(tmp_path / name)
    assert restored.probe(ctx) is not None
    assert "owner" not in rights.special(ctx)


def test_a_server_that_is_not_finished(ctx: Context) -> None:
    """Without a proven server, or with a package half done, its programs and data are the installer's to complete."""
    (ctx.volume / POSTDROP).chmod(0o755)
    for name in ("conf", "data"):
        os.chown(ctx.volume / "opt/zimbra" / name, 0, 0)
    assert "lost its set-id bits" in told(ctx)
    status = ctx.volume / "var/lib/dpkg/status"
    before = status.read_text()
    status.write_text(f"{before}\nPackage: zimbra-postfix\nStatus: install ok unpacked\nVersion: 3\n")
    assert restored.probe(ctx) is not None
    status.write_text(before)
    assert restored.probe(ctx) is None
    (ctx.volume / MARK).unlink()
    assert restored.probe(ctx) is not None
    (ctx.volume / "usr/bin/sudo").chmod(0o755)
    assert told(ctx).endswith("/usr/bin/sudo is not set-user-id")


def test_a_program_that_cannot_be_looked_at(ctx: Context) -> None:
    """A file that goes away meanwhile has neither lost its rights nor ever had some."""
    folder = ctx.volume / NGINX
    (entry,) = (each for each in os.scandir(folder.parent) if each.name == "nginx")
    folder.unlink()
    assert rights.rights(NGINX, entry) == ["set-id ?", "capabilities ?"]
    assert restored.stripped(ctx) != ""
    marks.write(ctx, rights.MARK, f"{rights.special(ctx)}\nset-id ?\ncapabilities ?")
    assert restored.stripped(ctx) == ""
