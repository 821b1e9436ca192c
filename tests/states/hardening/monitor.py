"""Runs the login monitor for real: its configuration made by the control tool's own template, a sendmail
that keeps what it is given, and lines as mailboxd writes them."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rehearsal.standin import HERE as STANDIN

PROGRAM = Path(__file__).parents[3] / "states/hardening/auditswatch.pl"
TEMPLATE = STANDIN / "packages/zimbra-core/root/opt/zimbra/conf/auditswatchrc.in"
THRESHOLDS = {"ipacct_threshold": 3, "acct_threshold": 5, "ip_threshold": 7, "total_threshold": 20}
SENDMAIL = """\
#!/bin/sh
[ -e "$0.broken" ] && exit 75
new=$(mktemp "$0.d/XXXXXX")
{ printf 'argv: %s\\n' "$*"; cat; } >"$new"
mv "$new" "$new.mail"
"""
PATIENCE = 20.0
NOON = datetime.now().replace(hour=12, minute=0, second=0) - timedelta(days=1)  # noqa: DTZ005 - as mailboxd has it
"""Yesterday's."""


def failure(
    account: str = "victim@example.test",
    context: str = "name=victim@example.test;ip=10.0.0.2;oip=192.0.2.7;ua=client;",
    *,
    at: datetime | None = None,
    command: str = "Auth",
    protocol: str = "soap",
    error: str = "authentication failed for [{}], invalid password",
) -> str:
    """Return a line of the audit log, of now by default; ZimbraLog.encodeAttrs writes `name=value;` and blanks."""
    at = at or datetime.now()  # noqa: DTZ005 - mailboxd's clock has no zone
    return (
        f"{at:%Y-%m-%d %H:%M:%S},123 WARN  [qtp509886383-24:https://mail.example.test:7071/service/soap/] [{context}] "
        f"security - cmd={command}; account={account}; protocol={protocol}; error={error.format(account)};\n"
    )


class Monitor:
    """One folder with a log, a configuration and a mailbox, in which the program is run."""

    def __init__(self, folder: Path, *, seconds: int = 3600, **thresholds: int) -> None:
        self.folder = folder
        self.log = folder / "audit.log"
        self.config = folder / "auditswatchrc"
        self.state = folder / "zflow-auditswatch.state"
        self.sendmail = folder / "sendmail"
        (folder / "sendmail.d").mkdir(exist_ok=True)
        self.sendmail.write_text(SENDMAIL)
        self.sendmail.chmod(0o755)
        self.configure(seconds, **thresholds)

    def configure(self, seconds: int = 3600, recipient: str = "admin@example.test", /, **thresholds: int) -> None:
        """Fill in the template as zmauditswatchctl does: the recipient with its @ escaped."""
        values: dict[str, Any] = {**THRESHOLDS, **thresholds, "threshold_seconds": seconds}
        text = TEMPLATE.read_text().replace("@@zimbra_swatch_notice_user@@", recipient.replace("@", "\\@", 1))
        for name, value in values.items():
            text = text.replace(f"@@zimbra_swatch_{name}@@", str(value))
        assert "@@" not in text
        self.config.write_text(text)

    def command(self, *options: str) -> list[str]:
        """Return the command line as zmauditswatchctl has it, and what tests add."""
        return [
            "perl", str(PROGRAM), f"--config-file={self.config}", "--use-cpan-file-tail",
            f"--script-dir={self.folder}", "--tail-file", str(self.log), f"--sendmail={self.sendmail}", *options,
        ]  # fmt: skip

    def run(self, *options: str) -> subprocess.CompletedProcess[bytes]:
        """Read what the log holds beyond the state, and end."""
        return subprocess.run(
            self.command(*(options or ("--to-the-end",))), capture_output=True, timeout=PATIENCE, check=False
        )

    def begun(self) -> None:
        """Leave a state at the log's end, so that what is written next is read."""
        self.log.touch()
        assert self.run().returncode == 0

    def write(self, *lines: str) -> None:
        """Append to the log, as mailboxd does."""
        with self.log.open("ab") as file:
            file.write("".join(lines).encode("utf-8", "surrogateescape"))

    def read(self, *lines: str) -> list[str]:
        """Append lines, have them read, and return the subjects of all messages so far."""
        self.write(*lines)
        done = self.run()
        assert (done.returncode, done.stderr) == (0, b"")
        return self.subjects()

    def mails(self) -> list[str]:
        """Return all messages handed to sendmail."""
        return [path.read_text() for path in sorted((self.folder / "sendmail.d").glob("*.mail"))]

    def subjects(self) -> list[str]:
        """Return the subjects of all messages in alphabetical order."""
        found = (re.search(r"^Subject: ABUSE: (.*)$", mail, re.MULTILINE) for mail in self.mails())
        return sorted(each[1] for each in found if each)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the program to stay, and wait until it watches."""
        process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"watching ")
        return process


def eventually(condition: Callable[[], bool]) -> bool:
    """Look until a condition holds, or patience ends."""
    deadline = time.monotonic() + PATIENCE
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds


def spread(count: int, minutes: float, **options: Any) -> list[str]:
    """Return so many failures spread evenly over a time that ends at noon."""
    step = timedelta(minutes=minutes / max(count - 1, 1))
    return [failure(at=NOON - step * number, **options) for number in reversed(range(count))]
