"""The container's rights, checked before anything is built: a missing one would cause obscure errors later.

Without AUDIT_WRITE, which Docker grants by default and Podman does not, PAM cannot write its audit records: `su` and
`sudo` end with "System error", and cron starts no job without any message (measured with Ubuntu 18.04).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from states.bootstrap import codes
from zflow.api import Context, Evidence, OperatorError, Scope, Step


@dataclass(frozen=True)
class Capability:
    """A Linux capability: its name without CAP_, its bit (linux/capability.h), and what needs it."""

    name: str
    bit: int
    why: str


STATUS = Path("/proc/self/status")
NEEDED = (
    Capability("CHOWN", 0, "packages give their files to other users"),
    Capability("DAC_OVERRIDE", 1, "root writes into the folders of other users"),
    Capability("FOWNER", 3, "root sets modes on the files of other users"),
    Capability("FSETID", 4, "the kernel would silently remove the set-group-id bit of postdrop, crontab and others"),
    Capability("KILL", 5, "zflow stops services of other users"),
    Capability("SETGID", 6, "services run as other users"),
    Capability("SETUID", 7, "services run as other users"),
    Capability("NET_BIND_SERVICE", 10, "mail and web servers listen on ports under 1024"),
    Capability("SYS_CHROOT", 18, "everything runs inside the Ubuntu on the volume"),
    Capability("SYS_ADMIN", 21, "the system folders are mounted into that Ubuntu"),
    Capability("AUDIT_WRITE", 29, "su, sudo and cron end at once without it"),
)


def privileges_frozen(status: str) -> bool:
    """Tell by a text of /proc/PID/status whether set-user-id programs have no effect: no_new_privs, prctl(2)."""
    return bool(re.search(r"^NoNewPrivs:\s*1$", status, re.MULTILINE))


def effective(status: str) -> int:
    """Return the effective capabilities in a text of /proc/PID/status as a set of bits."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return int(found[1], 16) if found else 0


def missing() -> list[Capability]:
    """Return the needed capabilities that this process lacks."""
    bits = effective(STATUS.read_text())
    return [each for each in NEEDED if not bits >> each.bit & 1]


def probe(_ctx: Context) -> Evidence | None:
    """See whether the container has every right that it needs."""
    if missing() or privileges_frozen(STATUS.read_text()):
        return None
    return Evidence(f"all {len(NEEDED)} capabilities")


def apply(_ctx: Context) -> None:
    """Refuse what is missing. Raises OperatorError: CAPABILITY or NO_NEW_PRIVILEGES."""
    if lacking := missing():
        raise OperatorError(codes.CAPABILITY, "; ".join(f"CAP_{each.name} ({each.why})" for each in lacking))
    raise OperatorError(codes.NO_NEW_PRIVILEGES, "sudo could not start slapd, nginx and postfix")


STEP = Step(
    name="bootstrap.rights",
    title="Check the container's rights",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    retry="never",
    timeout=10,
)
