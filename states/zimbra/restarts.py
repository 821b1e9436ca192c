"""Has the server's parts read their files again, by the vendor's own commands.

Their exit codes say little: the caller checks the ports.
"""

from __future__ import annotations

from states.zimbra.tools import as_zimbra
from zflow.api import Context


def reload_front(ctx: Context) -> None:
    """Let proxy and MTA read their files again; open connections are kept."""
    as_zimbra(ctx, "zmmtactl", "reload", ok=range(256), timeout=300, daemon=True)
    as_zimbra(ctx, "zmproxyctl", "reload", ok=range(256), timeout=300, daemon=True)


def restart_store(ctx: Context) -> None:
    """Restart the mail store, which reads its certificate at its start only."""
    as_zimbra(ctx, "zmmailboxdctl", "restart", ok=range(256), timeout=600, daemon=True)


def restart_directory(ctx: Context) -> None:
    """Restart the directory: when its certificate expires, every connection inside ends."""
    as_zimbra(ctx, "ldap", "restart", ok=range(256), timeout=300, daemon=True)
