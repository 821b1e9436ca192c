"""A backup of the server's local settings while an upgrade is under way: they hold the passwords of all its services.

The vendor's tools write conf/localconfig.xml by removing it first (docs/zimbra.md §3.1), many times in an upgrade, and
its installer copies what it finds. A kill in between must not cost the passwords.
"""

from __future__ import annotations

from pathlib import Path

from states.zimbra import files, localconfig
from zflow.api import Context, write_atomic

FILE = f"/{localconfig.FILE}"


def _backup(ctx: Context) -> Path:
    return ctx.home / "upgrade-localconfig.xml"


def complete(ctx: Context) -> bool:
    """Tell whether the local settings are there to their end, with the directory's password."""
    text = files.text(ctx, FILE)
    return text.rstrip().endswith("</localconfig>") and 'name="zimbra_ldap_password"' in text


def save(ctx: Context) -> None:
    """Make the backup, readable for root only."""
    write_atomic(_backup(ctx), files.text(ctx, FILE), mode=0o600)


def restore(ctx: Context) -> None:
    """Write the local settings from the backup where they are not complete."""
    if not complete(ctx):
        ctx.log(f"{FILE} is incomplete; restoring it from the backup")
        files.put(ctx, FILE, _backup(ctx).read_text())


def remove(ctx: Context) -> None:
    """Remove the backup."""
    _backup(ctx).unlink(missing_ok=True)
