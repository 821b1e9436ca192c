"""The container's limits of open files, processes and memory, of which an operator may have changed each since.

Lets `su` to user zimbra work where the limit of open files is below the one the vendor asks for.

The vendor's limits.conf wants 524288 files for user zimbra. Where the container may have fewer and lacks the capability
to raise that, pam_limits fails and with it every `su - zimbra` (docs/zimbra.md §7). A file in limits.d is read after
limits.conf and wins over it: limits.conf(5), pam_limits(8).

The locale goes with it: pam_env of su and cron complains of each session for which the file is missing; pam_env(8).
"""

from __future__ import annotations

from pathlib import Path

from states.zimbra.needs import LEAST, LEAST_PROCESSES, open_files, processes, too_little_memory
from zflow.api import Context, Evidence, Scope, Step, holds, make_folder, write_atomic

PLACE = Path("etc/security/limits.d/zz-zflow.conf")
LOCALE = Path("etc/default/locale")
"""Made by Ubuntu's own installer and by no package; on 24.04 a link that leads nowhere. An operator's own is kept."""


def notices(ctx: Context) -> tuple[str, ...]:
    """Say which limits are too low for a server, whatever they were at its install."""
    files, most = open_files(), processes()
    low = [f"{files} open files, at least {LEAST} required: --ulimit nofile=524288:524288"] if files < LEAST else []
    if most is not None and most < LEAST_PROCESSES:
        low.append(f"{most} processes and threads, at least {LEAST_PROCESSES} required: --pids-limit 4096")
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
    title="Set limits for open files",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
