"""Protects secrets: after a restore without modes, or a careless chmod, programs inside could read them."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from states.ubuntu.modes import tighten
from states.ubuntu.proxy import USER
from states.zimbra import marks
from states.zimbra.rights import remembered
from zflow.api import Context, Evidence, Scope, Step, text_of

OURS, OTHERS = 0o077, 0o007
"""The bits to remove: zflow's own secrets are root's alone; a group may read Zimbra's and the Ubuntu's."""
SECRETS = (
    (".", (".zflow",), OURS),
    (".zflow", ("secrets",), OURS),
    (".zflow/secrets", ("*",), OURS),
    ("etc", ("shadow", "shadow-", "gshadow", "gshadow-"), OTHERS),
    ("etc/apt", ("auth.conf", "auth.conf.d/*"), OTHERS),
    ("tmp", ("zmsetup.*.log",), OTHERS),
    ("opt/zimbra/log", ("zmsetup.*.log",), OTHERS),
    ("opt/zimbra", ("config.[0-9]*",), OTHERS),
)
"""Folder, names in it, and the bits that they must not have. The last three are the vendor's logs of a configuration,
with passwords in clear: an interrupted one leaves the first open (zmsetup.pl 8.8.15: 36, 353-380)."""
SERVERS = (
    ("opt/zimbra/conf", ("localconfig.xml", "*.key"), OTHERS),
    ("opt/zimbra/ssl/zimbra/ca", ("*.key",), OTHERS),
    ("opt/zimbra/ssl/zimbra/server", ("*.key",), OTHERS),
    ("opt/zimbra/ssl/zimbra/commercial", ("*.key",), OTHERS),
)
"""The same of a server that works; before that the vendor's programs may not have restricted them yet."""
ADDRESSES = (
    ("etc", ("zflow-release",), OURS),
    ("etc/apt", ("sources.list", "sources.list.d/*"), OURS),
    ("var/log", ("zflow-updates.log",), OURS),
)
"""The same of files that everybody may read if no URL in them has a password: earlier versions wrote the mirror's."""
MARK = "opened"


def wide(ctx: Context) -> Iterator[tuple[Path, int]]:
    """Yield each secret that others may read, and the mode that it should have.

    No link is followed, and a file with several names stays as it is: user zimbra may have made it of any other file.
    """
    for name, patterns, bits in (*SECRETS, *ADDRESSES, *(SERVERS if remembered(ctx) else ())):
        folder = ctx.volume.resolve() / name
        if folder.resolve() != folder:
            continue
        for path in sorted(found for pattern in patterns for found in folder.glob(pattern)):
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            single = stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
            if (
                single
                and status.st_mode & bits
                and ((name, patterns, bits) not in ADDRESSES or USER.search(text_of(path)))
            ):
                yield path, stat.S_IMODE(status.st_mode) & ~bits


def probe(ctx: Context) -> Evidence | None:
    """See whether others can read no secret; in the start that found some, the notice names them."""
    if any(wide(ctx)) or not (found := _written(ctx)).get("done", True):
        return None
    names = found.get("names", []) if found.get("boot") == ctx.boot else []
    notice = (
        f"other users could read {', '.join(names)}; zflow removed that permission. Replace the passwords and keys in "
        "there if a program of the server may have been taken over"
    )
    return Evidence("only their owners can read the secrets", (notice,) if names else ())


def _written(ctx: Context) -> dict[str, Any]:
    return dict(json.loads(marks.read(ctx, MARK) or "{}"))


def apply(ctx: Context) -> None:
    """Remove the rights of others, and mark which secrets were open, with those of an attempt that was cut off."""
    found, before = list(wide(ctx)), _written(ctx)
    names = {f"/data/{path.relative_to(ctx.volume.resolve())}" for path, _ in found}
    if before.get("boot") == ctx.boot or not before.get("done", True):
        names |= set(before["names"])
    record = {"boot": ctx.boot, "names": sorted(names)}
    marks.write(ctx, MARK, json.dumps({**record, "done": False}))
    for path, mode in found:
        tighten(path, mode)
    marks.write(ctx, MARK, json.dumps({**record, "done": True}))


STEP = Step(
    name="bootstrap.private",
    title="Protect secrets from other users",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=30,
)
