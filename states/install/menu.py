"""Attended: the operator answers in the vendor's menu, and zflow continues with the result.

1. The walk installs the software and blocks, with the command that opens the menu.
2. `zflow install` runs `zmsetup.pl` on the operator's terminal, under the lease of the walker.
3. The next walk reads the configured server back, marks it as proven, and continues.

An interrupted menu changes nothing. An interrupted configuration is discarded by the next walk, as an unattended one
is: the vendor's resume loses parts (docs/zimbra.md §2.4). The operator's answers count; a difference from zflow's
settings is a notice.
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
"""Closes the program's log, which is readable to all, as soon as it exists, and older ones; its output goes to the
operator."""
LOGS = ("opt/zimbra/log/zmsetup*.log", "tmp/zmsetup*.log")


@dataclass(frozen=True)
class Chosen:
    """What the operator answered, read from the server; and what the menu's log called failed."""

    domain: str
    admins: tuple[str, ...]
    failed: tuple[str, ...]
    boot: str
    """The start that took the server over. Failures are notices in that one: later they may be repaired."""


def opened(ctx: Context) -> Path:
    """Return the mark: the menu was opened, and its data are not mail yet."""
    return ctx.home / MENU


def ended(ctx: Context) -> bool:
    """Tell whether the configuration from the menu says that it is finished."""
    session = last(ctx)
    return opened(ctx).exists() and not software.spoilt(ctx).exists() and session is not None and session.configured


def cut_off(ctx: Context) -> bool:
    """Tell whether a configuration from the menu was begun and interrupted."""
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
    """Mark the menu as opened; raises OperatorError(MENU_CLOSED) when it cannot be opened now."""
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
    """Return the result of the menu in words; without one, it counts as never opened."""
    session = last(ctx)
    if ended(ctx):
        return "The configuration is finished; zflow continues."
    if session is None or not session.touched:
        opened(ctx).unlink(missing_ok=True)
        return "Nothing was configured. Run `zflow install` again when you are ready."
    return "The configuration was interrupted. zflow restores a clean software install; then run `zflow install` again."


def give_up(ctx: Context) -> None:
    """Let the next walk discard what the menu configured; raises OperatorError(MENU_CLOSED) for a proven server."""
    if proven(ctx) is not None or not opened(ctx).exists():
        raise OperatorError(codes.MENU_CLOSED, "there is no configuration from the menu to discard")
    write_atomic(software.spoilt(ctx), "")


def take_over(ctx: Context) -> None:
    """Read the server back and record the operator's answers; raises OperatorError(MENU_RESULT)."""
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
    except OSError:  # replaced by something that cannot be read
        return ""


def _kept(ctx: Context) -> Path:
    return ctx.home / "install.chosen"


def chosen_by_operator(ctx: Context) -> Chosen | None:
    """Return what the operator answered in the menu; None where zflow answered."""
    return marks.load(_kept(ctx), Chosen)


def notices(ctx: Context) -> tuple[str, ...]:
    """Return notices: where zflow's settings differ from the operator's server, and the failures in the menu's log."""
    found = chosen_by_operator(ctx)
    if found is None:
        return ()
    told = [f"the vendor's menu reported: {each}" for each in found.failed if found.boot == ctx.boot]
    if found.domain != (ours := mail_domain(ctx)):
        told.append(
            f"the first mail domain is {found.domain}, the settings say {ours}: set "
            f"{MAIL_DOMAIN.variable}={found.domain}, or the server's own DNS and its reports use {ours}"
        )
    if (ours := admin_address(ctx)) not in found.admins:
        told.append(
            f"{ours} is not an administrator of this server (administrators: {', '.join(found.admins)}): set "
            f"{ADMIN.variable}={found.admins[0]}, or no one receives alerts and reports"
        )
    return tuple(told)
