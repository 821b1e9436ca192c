"""The server's local settings, kept aside while an upgrade is under way: the passwords of all its parts are in them.

The vendor's tools write conf/localconfig.xml by removing it first (docs/zimbra.md §3.1), many times in an upgrade, and
its installer copies what it finds. A kill in between must not cost the passwords.
"""

from __future__ import annotations

from pathlib import Path

from states.zimbra import files, localconfig
from zflow.api import Context, write_atomic

FILE = f"/{localconfig.FILE}"


def _place(ctx: Context) -> Path:
    return ctx.home / "upgrade-localconfig.xml"


def whole(ctx: Context) -> bool:
    """Tell whether the local settings are there to their end, with the directory's password."""
    text = files.text(ctx, FILE)
    return text.rstrip().endswith("</localconfig>") and 'name="zimbra_ldap_password"' in text


def keep(ctx: Context) -> None:
    """Copy them, for root's eyes."""
    write_atomic(_place(ctx), files.text(ctx, FILE), mode=0o600)


def put_back(ctx: Context) -> None:
    """Write them again where they are not whole."""
    if not whole(ctx):
        ctx.log(f"{FILE} was cut off; it is put back")
        files.put(ctx, FILE, _place(ctx).read_text())


def forget(ctx: Context) -> None:
    """Remove the copy."""
    _place(ctx).unlink(missing_ok=True)
