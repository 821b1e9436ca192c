"""The mark of a proven server: written last, after the expensive read-back, and read cheaply ever after.

It names the install session that was proven. A session begun later by the vendor's installer with packages `UPGRADED`
is an operator's upgrade and leaves the proof standing; one that installs anew is another server.
"""

from __future__ import annotations

from states.zimbra import rights
from states.zimbra.history import Session, sessions
from zflow.api import Context, Evidence, read_text, write_atomic

MARK = rights.PROVEN
"""A dot file: the installer's `REMOVE=yes` spares those, and the session's name tells whether it still counts."""

DATA = ("opt/zimbra/db/data/zimbra", "opt/zimbra/data/ldap/mdb/db/data.mdb", "opt/zimbra/store/0")
"""What exists only after a configuration, by the vendor's own tests too (docs/zimbra.md §2.4): the database, the
directory, the first volume of mail. The folder of the database comes with the software (zmfixperms)."""
BEGUN, MENU, SPOILT = "install.begun", "install.menu", "install.spoilt"
UNFINISHED = (BEGUN, MENU, SPOILT)
"""Files in zflow's folder that say: what lies there came of an attempt under way, and is nobody's mail yet."""


def proven(ctx: Context) -> Session | None:
    """Return the session whose server was read back and found whole, else None."""
    try:
        name = read_text(ctx.volume / MARK).strip()
    except OSError:
        return None
    found = sessions(ctx)
    for number, session in enumerate(found):
        if session.start == name and session.complete and session.configured:
            return session if all(later.upgrade or not later.complete for later in found[number + 1 :]) else None
    return None


def mark(ctx: Context, session: Session) -> None:
    """Write down that this session's server was proven, and the owners and rights that a copy of it may lose."""
    rights.remember(ctx)
    write_atomic(ctx.volume / MARK, f"{session.start}\n")


def data(ctx: Context) -> list[str]:
    """Return what tells of a server that was configured, hence may hold mail."""
    return [name for name in DATA if (ctx.volume / name).exists()]


def unfinished(ctx: Context) -> bool:
    """Tell whether an attempt of ours to configure a server is under way, cut off or not."""
    return any((ctx.home / name).exists() for name in UNFINISHED)


def finished(ctx: Context) -> Evidence | None:
    """Return the evidence of every step that only leads up to an installed server, once there is one."""
    session = proven(ctx)
    if session is None:
        return None
    return Evidence(f"not needed any more: Zimbra {session.packages.get('zimbra-core', '?')} is installed")
