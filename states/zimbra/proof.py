"""The mark of a proven server: written last, after the expensive read-back, and cheap to read.

It names the install session that was checked. A later session of the vendor's installer with packages `UPGRADED` is an
operator's upgrade, and the mark stays valid; a later new install is another server.
"""

from __future__ import annotations

from states.zimbra import rights
from states.zimbra.history import Session, sessions
from zflow.api import Context, Evidence, read_text, write_atomic

MARK = rights.PROVEN
"""A dot file, which the installer's `REMOVE=yes` keeps; the session's name says whether it is still valid."""

DATA = ("opt/zimbra/db/data/zimbra", "opt/zimbra/data/ldap/mdb/db/data.mdb", "opt/zimbra/store/0")
"""What exists only after a configuration, also by the vendor's own tests (docs/zimbra.md §2.4): the database, the
directory, the first volume of mail. The folder of the database comes with the software (zmfixperms)."""
BEGUN, MENU, SPOILT = "install.begun", "install.menu", "install.spoilt"
UNFINISHED = (BEGUN, MENU, SPOILT)
"""Files in zflow's folder that say: an attempt is under way, and its data are not mail yet."""


def proven(ctx: Context) -> Session | None:
    """Return the session whose server was read back and is complete, else None."""
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
    """Mark this session's server as proven, and write down the owners and rights that a copy may lose."""
    rights.remember(ctx)
    write_atomic(ctx.volume / MARK, f"{session.start}\n")


def data(ctx: Context) -> list[str]:
    """Return the files of a server that was configured, and so may hold mail."""
    return [name for name in DATA if (ctx.volume / name).exists()]


def unfinished(ctx: Context) -> bool:
    """Tell whether an attempt of zflow to configure a server is under way, interrupted or not."""
    return any((ctx.home / name).exists() for name in UNFINISHED)


def finished(ctx: Context) -> Evidence | None:
    """Return the evidence of a step that only an install needs, once a server is installed."""
    session = proven(ctx)
    if session is None:
        return None
    return Evidence(f"not needed any more: Zimbra {session.packages.get('zimbra-core', '?')} is installed")
