"""Unattended upgrades: what they install, when, and who gets mail when they fail."""

from __future__ import annotations

import os
import re
import shlex
import zlib
from collections.abc import Mapping
from pathlib import Path

from states.server import admin_address, server_name
from states.ubuntu import dpkg, proxy
from states.ubuntu.dpkg import CONFIGURE, LOCK, LONGEST, NO_DAEMONS, OLD_FILES, PATIENCE, REPAIR
from states.ubuntu.periodic import AUTO, FAILURE, LISTS, OUTPUT, POLICY, SCRIPT, STAMPS, TRACE
from states.updates.fingerprint import is_untouched, with_fingerprint
from states.updates.settings import UNATTENDED_UPGRADES
from zflow.api import Context, Evidence, Step, holds, make_folder, read_bytes, write_atomic

SCHEDULE = Path("etc/cron.d/zflow-updates")
EXECUTABLE = frozenset({SCRIPT, NO_DAEMONS})
CRONTAB = Path("etc/crontab")
"""Ubuntu's own table; its jobs rotate the logs among others."""
MAILTO = "# zflow has the mail of this table go to {0}; a MAILTO of yours stays as it is.\nMAILTO={0}\n"
WRITTEN = re.compile("^" + MAILTO.replace("{0}", "(.+)", 1).replace("{0}", r"\1"), re.MULTILINE)
"""Those two lines, while they agree: an edit of the second is the operator's."""
SENDMAIL = Path("usr/sbin/sendmail")
ZIMBRA_SENDMAIL = "/opt/zimbra/common/sbin/sendmail"
NOT_FETCHED = "^[EW]: (Failed to fetch|GPG error|The repository|An error occurred)"
"""apt's words for lists that did not arrive, or whose signature does not verify."""
FAILED = rf"{NOT_FETCHED}|^E: |^dpkg: error|^unattended-upgrade \(error\)"
LOCKED = "Could not get lock|is another process using it|[Uu]nable to lock|(is|was) locked by another process"
"""apt's and dpkg's words for another package manager at work: not a failure, the next updates come in four hours."""
PERIODS: Mapping[str, int] = {
    "Update-Package-Lists": 1,
    "Download-Upgradeable-Packages": 1,
    "AutocleanInterval": 7,
    "Unattended-Upgrade": 1,
}
"""Days between two runs of each job (apt's apt.systemd.daily); 0 switches a job off."""
FROM_PACKAGE = 'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n'
"""What the package unattended-upgrades itself puts into 20auto-upgrades: not an edit. A "0" is the operator's, by
`dpkg-reconfigure` or a preseeded answer."""


def auto_upgrades(*, on: bool) -> str:
    """Return the content of 20auto-upgrades."""
    return with_fingerprint("".join(f'APT::Periodic::{job} "{days if on else 0}";\n' for job, days in PERIODS.items()))


def policy(admin: str) -> str:
    """Return zflow's addition to 50unattended-upgrades: it lengthens lists there, and replaces single values.

    An edited configuration file stays: without OLD_FILES a package with a newer one would never be upgraded. The
    package's own file allows the release and -security. Zimbra's packages are left out also while an upgrade has
    lifted their holds. The mail options have two names: MailOnlyOnError up to 18.04, MailReport after it.
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
        *(f'DPkg::Options:: "{each}";' for each in OLD_FILES),
        'APT::Update::Error-Mode "any";',
        f'APT::Update::Post-Invoke-Success {{ "touch /{LISTS} || true"; }};',
        'APT::Periodic::Verbose "2";',
    ]
    return "\n".join(lines) + "\n"


def script() -> str:
    """Return the script that starts apt's daily jobs and keeps their errors.

    apt.systemd.daily always ends with 0, and stamps lists as updated that could not be fetched. A failed fetch does not
    wait until tomorrow, and each failure is printed once, for cron to mail it.
    """
    return f"""\
#!/bin/sh
# Written by zflow at every start.
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
cd /{STAMPS} || exit
alone() {{
    flock --close -w {PATIENCE} {LOCK} timeout --kill-after=30 {LONGEST:.0f} "$@"
    case $? in 124 | 137) echo "E: $1 did not end within {LONGEST:.0f} s" ;; esac
}}
{{
    if [ -n "$(dpkg --audit)" ] || ! apt-get -qq check >/dev/null 2>&1; then
        alone {shlex.join(CONFIGURE)}
        alone {shlex.join(REPAIR)}
    fi
    /usr/lib/apt/apt.systemd.daily
}} </dev/null >/{OUTPUT} 2>&1
grep -E '{FAILED}' /{OUTPUT} | grep -vE '{LOCKED}' | head -n 5 >{FAILURE.name}.new
if [ ! -s {FAILURE.name}.new ]; then
    rm -f {FAILURE.name}.new
    grep -qE '{LOCKED}' /{OUTPUT} || rm -f {FAILURE.name}
    exit 0
fi
grep -qE '{NOT_FETCHED}' /{OUTPUT} && rm -f update-stamp {LISTS.name}
cmp -s {FAILURE.name}.new {FAILURE.name} || {{ cat {FAILURE.name}.new; echo "More is in /{OUTPUT}"; }}
mv {FAILURE.name}.new {FAILURE.name}
"""


def schedule(name: str, admin: str) -> str:
    """Return the cron table that starts apt's daily jobs without systemd.

    apt's script keeps stamps and does each job once in its period, so it may be called often: a container that was
    down at the hour, or whose mirror was, catches up within four hours. The minute differs from server to server. The
    first job shows that cron starts jobs: it may run while PAM refuses each of them.
    """
    return (
        "# Written by zflow at every start. apt's timers need systemd, which does not run here.\n"
        f"MAILTO={admin}\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        f"@reboot root touch /{TRACE}\n"
        f"{zlib.crc32(name.encode()) % 60} */4 * * * root "
        f"[ -d /run/systemd/system ] || /{SCRIPT}\n"
    )


def with_mailto(table: str, admin: str) -> str:
    """Return Ubuntu's cron table with its mail for the administrator, unless the operator named a recipient.

    Zimbra gives the alias `root` to the mail domain alone, and cron's `root` is one of the server's own name.
    """
    rest = WRITTEN.sub("", table)
    return rest if re.search(r"^\s*MAILTO\s*=", rest, re.MULTILINE) else MAILTO.format(admin) + rest


def crontab(ctx: Context) -> tuple[bytes, bytes]:
    """Return Ubuntu's cron table as it is and as it should be; both are empty where there is none."""
    try:
        now = read_bytes(ctx.volume / CRONTAB)
    except OSError:
        return b"", b""
    better = with_mailto(now.decode(errors="surrogateescape"), admin_address(ctx))
    return now, better.encode(errors="surrogateescape")


def wanted(ctx: Context) -> dict[Path, str]:
    """Return the files that are zflow's alone."""
    admin = admin_address(ctx)
    return {
        POLICY: policy(admin),
        SCHEDULE: schedule(server_name(ctx), admin),
        SCRIPT: script(),
        NO_DAEMONS: dpkg.POLICY,
    }


def is_edited(ctx: Context) -> bool:
    """Tell whether an operator edited 20auto-upgrades."""
    try:
        content = (ctx.volume / AUTO).read_text(errors="replace")
    except FileNotFoundError:
        return False
    return content != FROM_PACKAGE and not is_untouched(content)


def probe(ctx: Context) -> Evidence | None:
    """See whether all files hold what the settings ask for, or an edited 20auto-upgrades."""
    if not all(holds(ctx.volume / path, content) for path, content in wanted(ctx).items()):
        return None
    if not all((ctx.volume / path).stat().st_mode & 0o111 for path in EXECUTABLE):
        return None
    now, better = crontab(ctx)
    if now != better or not proxy.in_place(ctx) or not os.path.lexists(ctx.volume / SENDMAIL):
        return None
    if is_edited(ctx):
        return Evidence("unattended upgrades as the operator edited 20auto-upgrades")
    on = ctx.settings[UNATTENDED_UPGRADES]
    if not holds(ctx.volume / AUTO, auto_upgrades(on=on)):
        return None
    return Evidence(f"unattended upgrades {'daily' if on else 'off'}, errors to {admin_address(ctx)}")


def apply(ctx: Context) -> None:
    """Write the files. Mail needs a sendmail, and the server's comes later: it is linked to where cron looks."""
    make_folder((ctx.volume / SCRIPT).parent)
    for path, content in wanted(ctx).items():
        write_atomic(ctx.volume / path, content, mode=0o755 if path in EXECUTABLE else 0o644)
    proxy.place(ctx)
    if (table := crontab(ctx))[0] != table[1]:
        write_atomic(ctx.volume / CRONTAB, table[1])
    if not is_edited(ctx):
        write_atomic(ctx.volume / AUTO, auto_upgrades(on=ctx.settings[UNATTENDED_UPGRADES]))
    if not os.path.lexists(ctx.volume / SENDMAIL):
        (ctx.volume / SENDMAIL).symlink_to(ZIMBRA_SENDMAIL)


def inputs(ctx: Context) -> str:
    """Return what decides the files' content."""
    return "".join(wanted(ctx).values()) + proxy.config(ctx) + auto_upgrades(on=ctx.settings[UNATTENDED_UPGRADES])


STEP = Step(
    name="updates.configured",
    title="Configure unattended upgrades",
    probe=probe,
    apply=apply,
    inputs=inputs,
    timeout=30,
)
