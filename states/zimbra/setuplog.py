"""The log of zmsetup.pl, in /tmp: it alone says why something failed, and it has passwords in clear text.

zmsetup.pl names the file in its first line and leaves it readable to all until it ends (zmsetup.pl 8.8.15: 34-44,
7259; its `runAsZimbra`, 4910-4922, writes complete commands). Only there is their output.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from states.ubuntu.modes import tighten
from states.zimbra import codes, installers
from states.zimbra.history import STAGES, last
from states.zimbra.messages import explained, failed_parts
from zflow.api import Context, TransientError, ZflowError, text_of

NAMED = re.compile(r"^Operations logged to /(tmp/zmsetup\.[\w.-]+\.log)$")
SAVED = re.compile(r"Saving config in /(opt/zimbra/config\.\d+)\.\.\.done\.$")
"""The answers, written down again with those passwords whose names are in small letters, and never read again; open to
everybody until this line (zmsetup.pl 8.8.15, 9.0.0: 353-380)."""
STAMP = re.compile(r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} ")
"""The time before each piece of text in the log of zmsetup.pl: Perl's ctime(), docs/zimbra.md §2.1."""
PASSWORD = re.compile(
    r"((?<!invalid )\b\w*(?i:pass)(?i:word|wd)?\w*(?: to | *[=:]+) *|(?<!\S)--?(?:\w*(?i:pass)\w*|[wr]) +(?=[^\s-]))"
    r"""('[^'\n]*'|"[^"\n]*"|\S+)"""
)
"""A setting or an option that is a password, with its value: zflow does not know all of an attended install."""
SAYS_NOTHING = re.compile(
    r"\*\*\* Running|[GS]etting local config|Skipping update|Updating cached|entering function|Operations logged"
    r"|Errors have been logged|ERROR$|Configuration failed|Please address|complete the conf"
    r"|(\S.*\.\.\.)?\s*(done\.|[Ff]ailed\b.*)?$"
)
"""Lines that give no reason: the vendor's progress and last lines, and what fails in every
good run, such as `** Retrieving CA private key from LDAP... failed`."""
DYING = re.compile(r"Can't locate .* in @INC|^BEGIN failed| at /opt/zimbra/libexec/\S+ line \d+\.?$")
"""Perl's last lines, which are not in the log: `Setting defaults...Can't call method … at … line 1645.`"""
TAIL = 60
"""Lines of it copied into the step's log."""
REASONS, LONGEST = 3, 240
"""Lines of the reason why it ended, and characters of one."""


@dataclass(frozen=True)
class Ran:
    """The output of zmsetup.pl, and its log; empty where it had not made one."""

    output: str
    log: str


def run(ctx: Context, file: str, on_line: Callable[[str], None], shut: installers.Shut) -> Ran:
    """Run zmsetup.pl with a file of answers, its log closed to others; copy the end of that into the step's.

    Its copy of the answers is removed. Raises what `installers.run` raises.
    """
    named = ""

    def watched(line: str) -> None:
        nonlocal named
        if not named and (match := NAMED.match(line)) is not None:
            named = match[1]
            tighten(ctx.volume / named, 0o600)
        if (match := SAVED.search(line)) is not None:
            (ctx.volume / match[1]).unlink(missing_ok=True)
        on_line(line)

    try:
        output = installers.run(ctx, installers.ZMSETUP, "-c", file, on_line=watched, shut=shut, daemon=True)
    except ZflowError:
        _copy(ctx, _read(ctx, named))
        raise
    log = _read(ctx, named)
    _copy(ctx, log)
    return Ran(clean(output), log)


def _read(ctx: Context, name: str) -> str:
    return clean(text_of(ctx.volume / name)) if name else ""


def clean(text: str) -> str:
    """Return output or log without the passwords in it."""
    return PASSWORD.sub(r"\1***", text)


def _copy(ctx: Context, log: str) -> None:
    for line in log.splitlines()[-TAIL:]:
        ctx.log(f"zmsetup.log: {line}")


def failures(ran: Ran) -> list[str]:
    """Return the failures of zmsetup.pl, each with the last line of the command that it ran: `Text...failed. (why)`.

    Each piece of a printed line is a separate line in the log, and the output of a command is between two of them.
    """
    return in_log(ran.log) or failed_parts(ran.output)


def in_log(log: str) -> list[str]:
    """Return the same from a log alone, without the passwords in it."""
    found, begun, said = [], "", ""
    for line in clean(log).splitlines():
        text = STAMP.sub("", line)
        if text == line:
            said = line.strip() or said
        elif text.endswith("..."):
            begun, said = text.strip(), ""
        elif re.match(r"[Ff]ailed\b", text):
            found.append(f"{begun}{text.strip()}" + (f" ({said[:LONGEST]})" if said else ""))
            said = ""
    return found


def reasons(ran: Ran) -> str:
    """Return the last lines that say why it ended: perl's, else the log's, else the output's."""
    output = [line.strip() for line in ran.output.splitlines()]
    lines = [line for line in output if DYING.search(line)]
    lines = lines or [STAMP.sub("", line).strip() for line in ran.log.splitlines()] or output
    return " / ".join([line[:LONGEST] for line in lines if not SAYS_NOTHING.match(line)][-REASONS:])


def ended(ctx: Context, ran: Ran) -> None:
    """Check that a configuration is finished; raises TransientError(CONFIGURATION) with the reasons if not."""
    session = last(ctx)
    if session is None or not session.configured:
        reached = f"after the stage {session.stages[-1]}" if session and session.stages else "before its first stage"
        failed, why = "; ".join(failures(ran)), reasons(ran)
        ended_so = f"it ended {reached}" + ("" if why and why in failed else f": {why or 'it printed nothing'}")
        unfinished = TransientError(codes.CONFIGURATION, "; ".join(filter(None, (failed, ended_so)))[:1500])
        other = explained(ran.output, unfinished)
        raise unfinished if other.code is codes.CONFIGURATION else other
    ctx.progress.report(len(STAGES), len(STAGES), "stages", "reading the server back")


def reporter(ctx: Context) -> Callable[[str], None]:
    """Return what reports zmsetup's stages as progress and its lines `Text...done.` as notes."""

    def on_line(line: str) -> None:
        session = last(ctx)
        note = line.strip() if "..." in line else ""
        ctx.progress.report(session.passed if session else 0, len(STAGES), "stages", note[:100])

    return on_line
