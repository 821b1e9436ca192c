"""The container's limits of open files, processes and memory, of which an operator may have changed each since.

Lets `su` to user zimbra work where the limit of open files is below the one the vendor asks for.

The vendor's limits.conf wants 524288 files for user zimbra. Where the container may have fewer and lacks the capability
to raise that, pam_limits fails and with it every `su - zimbra` (docs/zimbra.md §7). A file in limits.d is read after
limits.conf and wins over it: limits.conf(5), pam_limits(8).

The locale goes with it: pam_env of su and cron complains of each session for which the file is missing; pam_env(8).
"""

from __future__ import annotations

import resource
from pathlib import Path

from states.install.settings import MINIMUM_MEMORY
from states.ubuntu.memory import memory
from zflow.api import Context, Evidence, Scope, Step, holds, make_folder, write_atomic

PLACE = Path("etc/security/limits.d/zz-zflow.conf")
LOCALE = Path("etc/default/locale")
"""Made by Ubuntu's own installer and by no package; on 24.04 a link that leads nowhere. An operator's own is kept."""
VENDOR = 524288
LEAST = 10000
"""Open files below which mailboxd and nginx run dry even on a quiet server."""
PROCESSES = (Path("/sys/fs/cgroup/pids.max"), Path("/sys/fs/cgroup/pids/pids.max"))
"""Version 2 and version 1; Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/pids.rst. Threads count as well."""
LEAST_PROCESSES = 1000
"""The mailbox server alone may have 570 threads for its clients (zimbraHttpNumThreads 250, zimbraImapNumThreads 200,
zimbraPop3NumThreads 100, zimbraLmtpNumThreads 20); all the others need some as well."""

KEPT_BY_THE_KERNEL = 0.06
"""Share of a machine's nominal memory that programs do not see: "8 GB" are 7.7 GiB to them."""


def open_files() -> int:
    """Return how many files a process of this container may open at most, up to what the vendor asks for."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return VENDOR if hard == resource.RLIM_INFINITY else min(hard, VENDOR)


def processes(limits: tuple[Path, ...] = PROCESSES) -> int | None:
    """Return how many processes and threads this container may have at most; None where that has no limit."""
    found = [int(text) for path in limits if path.is_file() and (text := path.read_text().strip()).isdigit()]
    return min(found, default=None)


def too_little_memory(ctx: Context) -> str:
    """Say what memory there is and what is wanted; empty where it is enough."""
    have, least = memory().limit / (1 << 30), ctx.settings[MINIMUM_MEMORY]
    if have >= least * (1 - KEPT_BY_THE_KERNEL):
        return ""
    return f"{have:.1f} GiB of memory, at least {least} are wanted ({MINIMUM_MEMORY.variable} for rehearsals)"


def notices(ctx: Context) -> tuple[str, ...]:
    """Say which limits are too low for a server, whatever they were at its install."""
    files, most = open_files(), processes()
    low = [f"{files} open files, at least {LEAST} are wanted: --ulimit nofile=524288:524288"] if files < LEAST else []
    if most is not None and most < LEAST_PROCESSES:
        low.append(f"{most} processes and threads, at least {LEAST_PROCESSES} are wanted: --pids-limit 4096")
    low += filter(None, [too_little_memory(ctx)])
    return tuple(f"the container allows only {each}" for each in low)


def render(files: int) -> str:
    """Return the content of our limits file."""
    return (
        "# Written by zflow at every start: what this container allows.\n"
        + "".join(f"zimbra {kind} nofile {files}\n" for kind in ("soft", "hard"))
    )  # fmt: skip


def probe(ctx: Context) -> Evidence | None:
    """See whether the file has this container's limit, and a locale is set."""
    files = open_files()
    if not holds(ctx.volume / PLACE, render(files)) or not (ctx.volume / LOCALE).exists():
        return None
    return Evidence(f"{files} open files", notices(ctx))


def apply(ctx: Context) -> None:
    """Write the files."""
    make_folder((ctx.volume / PLACE).parent)
    write_atomic(ctx.volume / PLACE, render(open_files()))
    if not (ctx.volume / LOCALE).exists():
        make_folder((ctx.volume / LOCALE).parent)
        write_atomic(ctx.volume / LOCALE, "LANG=C.UTF-8\n")


STEP = Step(
    name="install.limits",
    title="Fit the server's limits to the container",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
