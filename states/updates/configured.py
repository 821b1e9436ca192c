"""Unattended upgrades, told what to install, when, and whom to write to when that fails."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

from states.bootstrap.settings import PROXY
from states.identity import admin_address, server_name
from states.updates.sealed import is_untouched, seal
from states.updates.settings import UNATTENDED_UPGRADES
from zflow.api import Context, Evidence, Step, holds, write_atomic

AUTO = Path("etc/apt/apt.conf.d/20auto-upgrades")
POLICY = Path("etc/apt/apt.conf.d/52zflow-unattended-upgrades")
SCHEDULE = Path("etc/cron.d/zflow-updates")
SENDMAIL = Path("usr/sbin/sendmail")
ZIMBRA_SENDMAIL = "/opt/zimbra/common/sbin/sendmail"
PERIODS: Mapping[str, int] = {
    "Update-Package-Lists": 1,
    "Download-Upgradeable-Packages": 1,
    "AutocleanInterval": 7,
    "Unattended-Upgrade": 1,
}
"""Days between two runs of each job (apt's apt.systemd.daily); 0 switches a job off."""
FROM_PACKAGE = frozenset(
    {
        'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n',
        'APT::Periodic::Update-Package-Lists "0";\nAPT::Periodic::Unattended-Upgrade "0";\n',
    }
)
"""What the package unattended-upgrades itself puts into 20auto-upgrades: nobody's edit."""


def auto_upgrades(*, on: bool) -> str:
    """Return the content of 20auto-upgrades."""
    return seal("".join(f'APT::Periodic::{job} "{days if on else 0}";\n' for job, days in PERIODS.items()))


def policy(admin: str, proxy: str | None) -> str:
    """Return zflow's addition to 50unattended-upgrades; lists there are lengthened by it, single values replaced.

    The package's own file allows the release and -security. Zimbra's packages are passed over also while an upgrade has
    their holds lifted. The mail options have two names: MailOnlyOnError up to 18.04, MailReport after it.
    """
    lines = [
        "// Written by zflow at every start; put your own settings into a file with a higher number.",
        'Unattended-Upgrade::Allowed-Origins { "${distro_id}:${distro_codename}-updates"; };',
        'Unattended-Upgrade::Package-Blacklist { "^zimbra-"; };',
        f'Unattended-Upgrade::Mail "{admin}";',
        'Unattended-Upgrade::MailOnlyOnError "true";',
        'Unattended-Upgrade::MailReport "on-error";',
        'Unattended-Upgrade::Automatic-Reboot "false";',
        'Unattended-Upgrade::Skip-Updates-On-Metered-Connections "false";',
        'Unattended-Upgrade::OnlyOnACPower "false";',
    ]
    if proxy is not None:
        lines += [f'Acquire::http::Proxy "{proxy}";', f'Acquire::https::Proxy "{proxy}";']
    return "\n".join(lines) + "\n"


def schedule(name: str, admin: str) -> str:
    """Return the cron table that drives apt's daily jobs without systemd.

    apt's script keeps stamps and does each job once in its period, so it may be called often: a container that was
    down at the hour, or whose mirror was, catches up within four hours. The minute differs from server to server.
    """
    return (
        "# Written by zflow at every start. apt's timers need systemd, which does not run here.\n"
        f"MAILTO={admin}\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        f"{zlib.crc32(name.encode()) % 60} */4 * * * root "
        "[ -d /run/systemd/system ] || /usr/lib/apt/apt.systemd.daily\n"
    )


def wanted(ctx: Context) -> dict[Path, str]:
    """Return the files that are zflow's alone."""
    admin = admin_address(ctx)
    return {POLICY: policy(admin, ctx.settings.get(PROXY)), SCHEDULE: schedule(server_name(ctx), admin)}


def is_edited(ctx: Context) -> bool:
    """Tell whether 20auto-upgrades is an operator's work."""
    try:
        content = (ctx.volume / AUTO).read_text(errors="replace")
    except FileNotFoundError:
        return False
    return content not in FROM_PACKAGE and not is_untouched(content)


def probe(ctx: Context) -> Evidence | None:
    """See whether all files hold what the settings ask for, or what the operator made of 20auto-upgrades."""
    if not all(holds(ctx.volume / path, content) for path, content in wanted(ctx).items()):
        return None
    if not os.path.lexists(ctx.volume / SENDMAIL):
        return None
    if is_edited(ctx):
        return Evidence("unattended upgrades as the operator edited 20auto-upgrades")
    on = ctx.settings[UNATTENDED_UPGRADES]
    if not holds(ctx.volume / AUTO, auto_upgrades(on=on)):
        return None
    return Evidence(f"unattended upgrades {'daily' if on else 'off'}, errors to {admin_address(ctx)}")


def apply(ctx: Context) -> None:
    """Write the files. Errors can be mailed only once there is a sendmail; Zimbra's is linked to where cron looks."""
    for path, content in wanted(ctx).items():
        write_atomic(ctx.volume / path, content)
    if not is_edited(ctx):
        write_atomic(ctx.volume / AUTO, auto_upgrades(on=ctx.settings[UNATTENDED_UPGRADES]))
    if not os.path.lexists(ctx.volume / SENDMAIL):
        (ctx.volume / SENDMAIL).symlink_to(ZIMBRA_SENDMAIL)


def inputs(ctx: Context) -> str:
    """Return what decides the files' content."""
    return "".join(wanted(ctx).values()) + auto_upgrades(on=ctx.settings[UNATTENDED_UPGRADES])


STEP = Step(
    name="updates.configured",
    title="Configure unattended upgrades",
    probe=probe,
    apply=apply,
    inputs=inputs,
    timeout=30,
)
