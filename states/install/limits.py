"""The container's limits of open files, processes and memory.

The vendor's limits.conf sets 524288 open files for user zimbra. Where the container allows fewer and lacks the
capability to raise that, pam_limits fails and every `su - zimbra` with it (docs/zimbra.md §7). A file in limits.d is
read after limits.conf and overrides it: limits.conf(5), pam_limits(8).

The locale belongs here, too: pam_env of su and cron logs an error at each session without the file; pam_env(8).
"""

from __future__ import annotations

from pathlib import Path

from states.zimbra.needs import LEAST, LEAST_PROCESSES, open_files, processes, too_little_memory
from zflow.api import Context, Evidence, Scope, Step, holds, make_folder, write_atomic

PLACE = Path("etc/security/limits.d/zz-zflow.conf")
LOCALE = Path("etc/default/locale")
"""Created by Ubuntu's installer and by no package; on 24.04 a dangling link. An operator's file is kept."""


def notices(ctx: Context) -> tuple[str, ...]:
    """Return a notice for each limit that is too low for a server."""
    files, most = open_files(), processes()
    low = [f"{files} open files, at least {LEAST} required: --ulimit nofile=524288:524288"] if files < LEAST else []
    if most is not None and most < LEAST_PROCESSES:
        low.append(f"{most} processes and threads, at least {LEAST_PROCESSES} required: --pids-limit 4096")
    low += filter(None, [too_little_memory(ctx)])
    return tuple(f"the container allows only {each}" for each in low)


def render(files: int) -> str:
    """Return the content of zflow's limits file."""
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
    title="Set limits for open files",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
