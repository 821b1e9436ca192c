"""Tells a volume that was restored, or copied, without the owners and rights of its files, before anything is started.

Such a server half starts: sudo, su's audit, cron, the handing in of mail and the directory fail one by one, each with
words of its own. Owners go by the names in the Ubuntu's own tables: ids given by package scripts differ between
machines, and a tar that maps names to the host's ids gives the files to strangers.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from states.bootstrap import codes
from states.ubuntu.tree import RELEASE, ids, read_mark
from states.zimbra.rights import UNKNOWN, comparable, special
from zflow.api import Context, Evidence, OperatorError, Scope, Step

ROOTS = ("usr", "etc", "var", "bin/bash", "usr/bin/dpkg")
"""Root's own in every Ubuntu."""
SUDO = "usr/bin/sudo"
FEW = 2
"""Files with a wrong owner from which on it is no single file that somebody changed."""


@dataclass(frozen=True)
class Owned:
    """A file, and the user or else the group that it belongs to in every Ubuntu."""

    path: str
    name: str
    group: bool = False


OWNED = (
    Owned("etc/shadow", "shadow", group=True),
    Owned("usr/bin/chage", "shadow", group=True),
    Owned("usr/bin/crontab", "crontab", group=True),
    Owned("var/spool/cron/crontabs", "crontab", group=True),
    Owned("var/lib/apt/lists/partial", "_apt"),
)


def shifted(volume: Path) -> str:
    """Say whose root's files are, where none of them is root's."""
    owners = {(volume / each).lstat().st_uid for each in ROOTS if os.path.lexists(volume / each)}
    if len(owners) != 1 or owners == {0}:
        return ""
    (owner,) = owners
    return f"the files of root belong to user {owner}: the ids are shifted, or one user unpacked them"


def strangers(ctx: Context) -> str:
    """Say which files have a wrong owner, where they are more than one. A link's owner says nothing of its target."""
    users, groups = ids(ctx.volume, "etc/passwd"), ids(ctx.volume, "etc/group")
    written = [line.split(" ") for line in comparable(ctx) if line.startswith("owner ")]
    wrong = []
    for each in (*OWNED, *(Owned(path, name) for _, name, path in written)):
        wanted = (groups if each.group else users).get(each.name)
        path = ctx.volume / each.path
        if wanted is None or path.is_symlink() or not path.exists():
            continue
        status = path.lstat()
        if (status.st_gid if each.group else status.st_uid) != wanted:
            wrong.append(f"/{each.path} is not of {'group' if each.group else 'user'} {each.name}")
    return "the owners are lost: " + ", ".join(wrong) if len(wrong) >= FEW else ""


def stripped(ctx: Context) -> str:
    """Say which rights of programs are gone: sudo's, or all of a kind that Zimbra's had when they were written down."""
    told = []
    sudo = ctx.volume / SUDO
    if sudo.is_file() and not sudo.stat().st_mode & stat.S_ISUID:
        told.append(f"/{SUDO} is not set-user-id")
    if not (record := comparable(ctx)):
        return "; ".join(told)
    (before, *had), (now, *has) = record, special(ctx).split("\n")
    for kind in ("set-id", "capabilities"):
        gone = [each.partition(" ")[2] for each in had if each.startswith(kind) and not each.endswith(UNKNOWN)]
        if before == now and gone and not any(each.startswith(kind) for each in has):
            told.append(f"/{' and /'.join(gone)} lost their {kind}" + (" bits" if kind == "set-id" else ""))
    return "; ".join(told)


def faults(ctx: Context) -> str:
    """Say what is wrong with owners and rights; empty where nothing is, or there is no Ubuntu yet."""
    if read_mark(ctx.volume / RELEASE) is None:
        return ""
    return shifted(ctx.volume) or "; ".join(filter(None, (strangers(ctx), stripped(ctx))))


def probe(ctx: Context) -> Evidence | None:
    """See whether owners and rights are those of an Ubuntu, and Zimbra's programs have those that they had."""
    return None if faults(ctx) else Evidence("owners and rights of the files as they should be")


def apply(ctx: Context) -> None:
    """Say what is wrong; raises OperatorError(RESTORED)."""
    raise OperatorError(codes.RESTORED, f"{ctx.volume}: {faults(ctx)}")


STEP = Step(
    name="bootstrap.restored",
    title="Check the owners and rights of the files",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    retry="never",
    timeout=30,
)
