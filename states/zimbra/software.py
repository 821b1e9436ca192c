"""The vendor's software: `install.sh -s -x FILE`, proven by its history, dpkg and the tree, never by its exit code.

The installer exits with 0 when a licence question reads the end of its input, and with 1 after a successful removal.
A second run after an interrupted one removes everything and installs it again (docs/zimbra.md §1.6).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from states.zimbra import answers, codes, installers, leftovers, repair, source
from states.zimbra.history import Session, last
from states.zimbra.messages import explained
from states.zimbra.packages import hollow, vendor_packages
from states.zimbra.proof import SPOILT, data
from states.zimbra.releases import PACKAGES
from states.zimbra.unpack import inside, installer
from zflow.api import (
    CommandError,
    Context,
    OperatorError,
    TransientError,
    sync_volume,
    text_of,
    write_atomic,
)

NOTEWORTHY = re.compile(r"^\s*(Checking|Downloading|Installing|Removing|Shutting|Loading|Finished|zimbra-\S+\.\.\.)")
LOG_NAME = re.compile(r"Operations logged to (/tmp/install\.log\.\w+)")
LOG_TAIL = 60
"""Lines of the installer's log copied into the step's: only there apt and dpkg print."""
TOLD = 3
"""Packages that an error names; the others are counted."""


def spoilt(ctx: Context) -> Path:
    """Return the mark: the configuration failed, and the software is being installed again.

    While it exists the software counts as installed: `install.setup` restores it.
    """
    return ctx.home / SPOILT


def complete(ctx: Context) -> Session | None:
    """Return the last session if all its packages are installed, by its history, dpkg and the files; else None."""
    session = recorded(ctx)
    return None if session is None or lacking(ctx) else session


def recorded(ctx: Context) -> Session | None:
    """Return the last session if all its packages are installed by its history, else None."""
    session = last(ctx)
    return session if session and session.complete and set(PACKAGES) <= set(session.packages) else None


def lacking(ctx: Context) -> str:
    """Return which packages are not installed, and which installed ones lack their programs; empty for none."""
    return "; ".join(filter(None, (absent(ctx), gone(ctx))))


def absent(ctx: Context) -> str:
    """Return which packages dpkg does not list as installed; empty for none."""
    found = vendor_packages(ctx)
    names = [name for name in PACKAGES if name not in found or not found[name].installed]
    return f"{', '.join(names)} not installed" if names else ""


def gone(ctx: Context) -> str:
    """Return which installed packages lack their programs; empty for none."""
    found = [f"{name} ({file})" for name, file in hollow(ctx).items()]
    more = f" and {len(found) - TOLD} more" if len(found) > TOLD else ""
    return f"installed without their files: {', '.join(found[:TOLD])}{more}" if found else ""


def install(ctx: Context, answers_file: Path, shut: installers.Shut) -> None:
    """End what an earlier attempt left running, then install. Raises what `run_installer` raises."""
    leftovers.end_all(ctx)
    run_installer(ctx, answers_file, shut)


def run_installer(ctx: Context, answers_file: Path, shut: installers.Shut) -> None:
    """Run the installer with one answers file and prove what it did.

    Raises OperatorError: QUESTION, ENDLESS, NOTHING_INSTALLED, INSTALLER, ARCHIVE; TransientError: PACKAGES, PACKAGE,
    REMAINS, and the shell's own.
    """
    before = last(ctx)
    source.refresh_lists(ctx)
    repair.complete_packages(ctx)
    script = 'cd "$1" && exec ./install.sh -s -x "$2"'
    folder, file = inside(installer(ctx), ctx), inside(answers_file, ctx)
    try:
        output = installers.run(ctx, "sh", "-c", script, "install.sh", folder, file, on_line=reporter(ctx), shut=shut)
    except CommandError as error:
        copy_log(ctx, error.tail)
        raise
    session = complete(ctx)
    if session is None or (before is not None and session.start == before.start):
        raise explained(output, nothing_installed(ctx, output), copy_log(ctx, output))


def nothing_installed(ctx: Context, output: str) -> OperatorError | TransientError:
    """Return the error for an installer that ended without its packages and without a known message."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last_line = f"; its last line: ‹{lines[-1][-160:]}›" if lines else ""
    if lack := absent(ctx):
        return OperatorError(codes.NOTHING_INSTALLED, f"{lack}{last_line}")
    if lack := gone(ctx):
        return TransientError(codes.REMAINS, lack)
    return OperatorError(codes.NOTHING_INSTALLED, f"its history has no complete install{last_line}")


def reporter(ctx: Context) -> Callable[[str], None]:
    """Return what reports the installer's lines as progress."""

    def on_line(line: str) -> None:
        if NOTEWORTHY.match(line):
            ready = sum(package.installed for package in vendor_packages(ctx).values())
            ctx.progress.report(min(ready, len(PACKAGES)), len(PACKAGES), "packages", line.strip()[:100])

    return on_line


def copy_log(ctx: Context, output: str) -> str:
    """Copy the end of the installer's log into the step's, and return all of it; empty without a log."""
    match = LOG_NAME.search(output)
    log = text_of(ctx.volume / match[1].lstrip("/")) if match else ""
    for line in log.splitlines()[-LOG_TAIL:]:
        ctx.log(f"install.log: {line}")
    return log


def rebuild(ctx: Context, shut: installers.Shut) -> None:
    """Restore a clean software install: everything in /opt/zimbra is removed and installed again.

    The vendor's resume of a configuration loses parts without a message (docs/zimbra.md §2.4). Its installer does not
    always check whether it could remove the old files (§1.6). Raises what `install` raises, TransientError(REMAINS).
    """
    content = answers.content(ctx, remove=True)
    write_atomic(spoilt(ctx), "")
    again = ctx.volume / f"{answers.PLACE}-again"
    write_atomic(again, content, mode=0o600)
    ctx.progress.report(note="restoring a clean software install")
    install(ctx, again, shut)
    if left := data(ctx):
        raise TransientError(codes.REMAINS, f"the installer should have removed /{left[0]}, and it still exists")
    again.unlink()
    sync_volume(ctx.volume)  # what was removed must not come back by a power cut after its mark is gone
    spoilt(ctx).unlink()
