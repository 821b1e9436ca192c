"""The messages of the vendor's installers: which line means which error; § is of docs/zimbra.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from states.zimbra import codes
from zflow.api import Code, CommandError, OperatorError, TransientError, ZflowError


@dataclass(frozen=True)
class Message:
    """A text that the vendor prints for an error, and the code; `passes`: a retry may help."""

    pattern: re.Pattern[str]
    code: Code
    passes: bool


def _message(pattern: str, code: Code, *, passes: bool = False) -> Message:
    return Message(re.compile(pattern, re.MULTILINE), code, passes)


MESSAGES = (
    _message(r"^.*is missing\..*$", codes.PACKAGES, passes=True),  # §1.5
    _message(r"^.*Unable to find missing packages in repository.*$", codes.PACKAGES, passes=True),  # §1.5
    _message(r"^.*Unable to download packages from repository.*$", codes.PACKAGES, passes=True),  # §1.5
    _message(r"^.*ERROR: Unable to install (required packages|packages via apt-get).*$", codes.PACKAGES, passes=True),
    _message(r"^.*Fix the issues with remote package installation.*$", codes.PACKAGES, passes=True),  # §1.5
    _message(r"^.*Failed to remove existing zimbra packages.*$", codes.REMAINS, passes=True),  # §1.6
    _message(r"^.*ERROR: Unable to retrive Zimbra GPG key.*$", codes.VENDOR_KEY_AWAY, passes=True),  # §1.4
    _message(r"^.*ERROR: Installation can not proceeed.*$", codes.INSTALLER),  # §1.3, sic
    _message(r"^.*ERROR: Required Core package zimbra-core not found.*$", codes.ARCHIVE),  # §1.3
    _message(r"^.*ERROR: Unknown option.*$", codes.INSTALLER),  # §1.1
    _message(r"^.*Aborting, unknown platform.*$", codes.ARCHIVE),  # §1.4
    _message(r"^.*Could not get lock .*$", codes.PACKAGES, passes=True),
    _message(r"^.*dpkg was interrupted, you must manually run.*$", codes.PACKAGES, passes=True),
    _message(r"^.*(Completely remove existing installation|Exiting - the system is unchanged).*$", codes.INSTALLER),
    _message(r"^ERROR: .*$", codes.INSTALLER),
    _message(r"^.*UPGRADE FAILED.*$", codes.CONFIGURATION, passes=True),  # §2.1
    _message(r"^.*Configuration failed.*$", codes.CONFIGURATION, passes=True),  # §2.1
)

QUESTION = re.compile(
    r"^\s*(\S[^\n]{0,200}?(?:\?\s{1,2}\[[^\]\n]*\]|\[(?:Y|N|y|n|Yes|No|yes|no)\]|\(\? - help\)))(?:\s|$)"
)
"""How the vendor asks: `Text? [default] `, without a line end, so that what is printed next follows on the same line
(docs/zimbra.md §1.2, §2.6)."""
WAITING = re.compile(r"^\s*(\S.{1,200}?(?:\[[^\]\n]*\]|\?|:))[ \t]*$")
"""A last line without a line end that looks like a question; less certain, only for an installer that fell silent."""


def question(line: str) -> str | None:
    """Return the question in a line, if it is one of the vendor's form."""
    match = QUESTION.match(line)
    return match[1] if match else None


def asked(error: CommandError) -> str | None:
    """Return the question that a command was waiting with when it was ended."""
    match = WAITING.match(error.tail.rsplit("\n", 1)[-1])
    return match[1] if match else None


REFUSED = re.compile(
    r"^dpkg: error processing (?:package|archive) (\S+) \(--(?:configure|unpack|install)\):\n (.*)$", re.MULTILINE
)
"""dpkg's message for a package whose script failed, or that it cannot unpack; its dependents fail after it."""
BEGUN = re.compile(r"^(Setting up|Preparing to unpack|Unpacking) ")
COMPLAINT = re.compile(r"^(?:E: |Err:\d+ ).*$", re.MULTILINE)
"""apt's errors."""
TOLD = 3
"""Lines of a log in an error."""


def explained(output: str, fallback: ZflowError, log: str = "") -> ZflowError:
    """Return the error that an installer's output means; `fallback` for an unknown output.

    `log` is install.sh's own; only there apt and dpkg print. install.sh has one message for a package whose script
    fails and for one that it could not get (docs/zimbra.md §1.5).
    """
    if (package := refused(log)) is not None:
        return TransientError(codes.PACKAGE, package)
    for message in MESSAGES:
        if (match := message.pattern.search(output)) is not None:
            kind = TransientError if message.passes else OperatorError
            why = COMPLAINT.findall(log)[:TOLD] if message.code is codes.PACKAGES else []
            return kind(message.code, "; ".join([match[0].strip()[:300], *(line[:300] for line in why)]))
    return fallback


def refused(log: str) -> str | None:
    """Return dpkg's message for the first package that it could not install, with the last lines of its script."""
    match = REFUSED.search(log)
    if match is None:
        return None
    said: list[str] = []
    for line in log[: match.start()].splitlines():
        said = [] if BEGUN.match(line) else [*said, line.strip()[:240]]
    last = " / ".join([line for line in said if line][-TOLD:])
    return f"{Path(match[1]).name}: {match[2]}" + (f"; its last lines: {last}" if last else "")


def failed_parts(output: str) -> list[str]:
    """Return the failures that zmsetup.pl prints while it ends with success: its lines `Text...failed.`

    For the system log's setup it prints `Failed` (zmsetup.pl, setupSyslog).
    """
    return [line.strip() for line in re.findall(r"^.*\.\.\.[ \t]*[Ff]ailed\b.*$", output, re.MULTILINE)]
