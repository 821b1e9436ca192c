"""Attended: the operator answers in the vendor's own menu, and zflow takes over what came of it.

1. The walk installs the software and blocks, with the command that opens the menu.
2. `zflow install` runs `zmsetup.pl` on the operator's terminal, under the lease of the walker.
3. The next walk reads the configured server back, marks it as proven, and goes on.

Cut off within the menu nothing has happened yet; cut off within the configuration it is thrown away by the next walk,
as an unattended one is: the vendor's own way of going on loses parts (docs/zimbra.md §2.4). What the operator chose
counts, and where zflow's settings say otherwise that is a notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from states.install import codes
from states.server import ADMIN, MAIL_DOMAIN, admin_address, mail_domain
from states.zimbra import installers, marks, readback, services, setuplog, software
from states.zimbra.history import last
from states.zimbra.proof import MENU, proven
from states.zimbra.settings import INSTALL
from zflow.api import Context, OperatorError, read_text, write_atomic

CLOSING = """\
close() {
    find /tmp -maxdepth 1 -name 'zmsetup.*.log' -type f -user root -perm /077 -exec chmod 600 {} \\; -print
}
close >/dev/null
(
    for each in $(seq 600); do
        close | grep -q . && break
        sleep 0.1
    done
) </dev/null >/dev/null 2>&1 &
exec "$@"
"""
"""Closes the program's log, which it opens to everybody, as soon as it is there, and those that are there already;
its output is the operator's."""
LOGS = ("opt/zimbra/log/zmsetup*.log", "tmp/zmsetup*.log")


@dataclass(frozen=True)
class Chosen:
    """What the operator answered, read from the server; and what the menu's log called failed."""

    domain: str
    admins: tuple[str, ...]
    failed: tuple[str, ...]
    boot: str
    """The start that took the server over. What failed is told in that one: later it may have been mended."""


def opened(ctx: Context) -> Path:
    """Return the file that says: the menu was opened, what lies there came of it and is nobody's mail yet."""
    return ctx.home / MENU


def ended(ctx: Context) -> bool:
    """Tell whether the configuration from the menu says of itself that it came to its end."""
    session = last(ctx)
    return opened(ctx).exists() and not software.spoilt(ctx).exists() and session is not None and session.configured


def cut_off(ctx: Context) -> bool:
    """Tell whether a configuration from the menu was begun and will not be gone on with."""
    session = last(ctx)
    touched = session is None or session.touched or software.spoilt(ctx).exists()
    return opened(ctx).exists() and touched and not ended(ctx)


def invitation(*, after_a_cut: bool) -> OperatorError:
    """Return what blocks the walk until the operator has been in the menu."""
    why = (
        "the earlier configuration was interrupted, the software is clean again"
        if after_a_cut
        else "the software is installed"
    )
    return OperatorError(codes.MENU, f"{why}; run `zflow install` on a terminal")


def command(ctx: Context) -> tuple[str, ...]:
    """Return the command that opens the menu, to be run on a terminal."""
    closing = ("sh", "-c", CLOSING, "closing", installers.ZMSETUP)
    return ("chroot", str(ctx.volume), "sh", "-c", installers.ALONE, "alone", *closing)


def open_menu(ctx: Context) -> None:
    """Write down that the menu is opened; raises OperatorError(MENU_CLOSED) when this is not the time for it."""
    session = last(ctx)
    if ctx.settings[INSTALL] != "attended":
        raise OperatorError(codes.MENU_CLOSED, f"{INSTALL.variable} is {ctx.settings[INSTALL]}, not attended")
    if proven(ctx) is not None:
        raise OperatorError(codes.MENU_CLOSED, "the server is installed; change it by the vendor's tools")
    if software.complete(ctx) is None or software.spoilt(ctx).exists():
        raise OperatorError(codes.MENU_CLOSED, "the software is not installed yet")
    if session is not None and session.touched:
        raise OperatorError(codes.MENU_CLOSED, "a configuration was begun: run `zflow resume`, or add --again")
    write_atomic(opened(ctx), "")


def close_menu(ctx: Context) -> str:
    """Return in words what the menu has led to; when nothing, it counts as never opened."""
    session = last(ctx)
    if ended(ctx):
        return "The configuration is finished; zflow continues."
    if session is None or not session.touched:
        opened(ctx).unlink(missing_ok=True)
        return "Nothing was configured. Run `zflow install` again when you are ready."
    return "The configuration was interrupted. zflow restores a clean software install; then run `zflow install` again."


def give_up(ctx: Context) -> None:
    """Have the next walk throw away what the menu configured; raises OperatorError(MENU_CLOSED) for a proven server."""
    if proven(ctx) is not None or not opened(ctx).exists():
        raise OperatorError(codes.MENU_CLOSED, "there is no configuration from the menu to discard")
    write_atomic(software.spoilt(ctx), "")


def take_over(ctx: Context) -> None:
    """Read the server back and keep what the operator chose; raises OperatorError(MENU_RESULT)."""
    if services.stopped(ctx):
        services.start(ctx)
    ctx.progress.report(note="reading the server back")
    found = Chosen(
        domain=readback.default_domain(ctx),
        admins=readback.administrators(ctx),
        failed=tuple(setuplog.in_log(newest_log(ctx))),
        boot=ctx.boot,
    )
    if wrong := [*readback.unusable(ctx, found.domain, found.admins), *readback.not_running(ctx)]:
        raise OperatorError(codes.MENU_RESULT, "; ".join(wrong)[:1500])
    marks.save(_kept(ctx), found)


def newest_log(ctx: Context) -> str:
    """Return the newest log of zmsetup.pl."""
    paths = [path for pattern in LOGS for path in ctx.volume.glob(pattern) if path.is_file() and not path.is_symlink()]
    try:
        return read_text(max(paths, key=lambda path: path.stat().st_mtime)) if paths else ""
    except OSError:  # exchanged for something that cannot be read meanwhile
        return ""


def _kept(ctx: Context) -> Path:
    return ctx.home / "install.chosen"


def chosen_by_operator(ctx: Context) -> Chosen | None:
    """Return what the operator answered in the menu; None where zflow answered."""
    return marks.load(_kept(ctx), Chosen)


def notices(ctx: Context) -> tuple[str, ...]:
    """Say where zflow's settings speak of another server than the operator made, and what the menu's log regrets."""
    found = chosen_by_operator(ctx)
    if found is None:
        return ()
    told = [f"the vendor's menu reported: {each}" for each in found.failed if found.boot == ctx.boot]
    if found.domain != (ours := mail_domain(ctx)):
        told.append(
            f"the first mail domain is {found.domain}, the settings say {ours}: set "
            f"{MAIL_DOMAIN.variable}={found.domain}, or the server's own DNS and reports go by the other one"
        )
    if (ours := admin_address(ctx)) not in found.admins:
        told.append(
            f"{ours} is not an administrator of this server (administrators: {', '.join(found.admins)}): set "
            f"{ADMIN.variable}={found.admins[0]}, or alerts and reports are sent to nobody"
        )
    return tuple(told)
