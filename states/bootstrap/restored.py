"""Finds a volume that was restored, or copied, without the owners and rights of its files, before anything is started.

Such a server would start in part: sudo, su's audit, cron, postdrop and the directory fail one after the other, each
with another message. Owners go by the names in the Ubuntu's own tables: package scripts give different ids on different
machines, and a tar that maps names to the host's ids gives the files to other users.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from states.bootstrap import codes
from states.ubuntu.tree import RELEASE, ids, read_mark
from states.zimbra.rights import UNKNOWN, comparable, special
from zflow.api import Context, Evidence, OperatorError, Scope, Step

ROOTS = ("usr", "etc", "var", "bin/bash", "usr/bin/dpkg")
"""They belong to root in every Ubuntu."""
SUDO = "usr/bin/sudo"
FEW = 2
"""From so many files with a wrong owner on, it is not a single file that an operator changed."""


OWNED = (
    ("group", "shadow", "etc/shadow"),
    ("group", "shadow", "usr/bin/chage"),
    ("group", "crontab", "usr/bin/crontab"),
    ("group", "crontab", "var/spool/cron/crontabs"),
    ("user", "_apt", "var/lib/apt/lists/partial"),
)
"""Files, and the group or the user that each belongs to in every Ubuntu."""


def shifted(volume: Path) -> str:
    """Say to whom the files of root belong, where all belong to one other user; else return nothing."""
    owners = {(volume / each).lstat().st_uid for each in ROOTS if os.path.lexists(volume / each)}
    if len(owners) != 1 or owners == {0}:
        return ""
    (owner,) = owners
    return f"the files of root belong to user {owner}: the ids are shifted, or one user unpacked them"


def strangers(ctx: Context) -> str:
    """Name the files with a wrong owner, if there are several. A link says nothing about the owner of its target."""
    known = {"user": ids(ctx.volume, "etc/passwd"), "group": ids(ctx.volume, "etc/group")}
    marked = [line.split(" ")[1:] for line in comparable(ctx) if line.startswith("owner ")]
    wrong = []
    for kind, name, file in (*OWNED, *(("user", name, file) for name, file in marked)):
        wanted, path = known[kind].get(name), ctx.volume / file
        if wanted is None or path.is_symlink() or not path.exists():
            continue
        status = path.lstat()
        if (status.st_gid if kind == "group" else status.st_uid) != wanted:
            wrong.append(f"/{file} does not belong to {kind} {name}")
    return "files have wrong owners: " + ", ".join(wrong) if len(wrong) >= FEW else ""


def stripped(ctx: Context) -> str:
    """Name the rights that programs lost: sudo's, or all of a kind that Zimbra's had when it worked."""
    gone = []
    sudo = ctx.volume / SUDO
    if sudo.is_file() and not sudo.stat().st_mode & stat.S_ISUID:
        gone.append(f"/{SUDO} is not set-user-id")
    if not (record := comparable(ctx)):
        return "; ".join(gone)
    (before, *had), (now, *has) = record, special(ctx).split("\n")
    for kind in ("set-id", "capabilities"):
        names = [each.partition(" ")[2] for each in had if each.startswith(kind) and not each.endswith(UNKNOWN)]
        if before == now and names and not any(each.startswith(kind) for each in has):
            whose = "its" if len(names) == 1 else "their"
            gone.append(f"/{' and /'.join(names)} lost {whose} {kind}" + (" bits" if kind == "set-id" else ""))
    return "; ".join(gone)


def faults(ctx: Context) -> str:
    """Say what is wrong with owners and rights; return nothing if all is right, or there is no Ubuntu yet."""
    if read_mark(ctx.volume / RELEASE) is None:
        return ""
    return shifted(ctx.volume) or "; ".join(filter(None, (strangers(ctx), stripped(ctx))))


def probe(ctx: Context) -> Evidence | None:
    """See whether owners and rights are those of an Ubuntu, and those that Zimbra's programs had before."""
    return None if faults(ctx) else Evidence("the owners and rights of the files are right")


def apply(ctx: Context) -> None:
    """Refuse the volume. Raises OperatorError(RESTORED)."""
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
