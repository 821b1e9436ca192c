"""The vendor's `.install_history`, which both of its installers write; it is more reliable than their exit codes.

`install.sh` writes `EPOCH: INSTALL SESSION START`, `EPOCH: INSTALLED NAME_VERSION_ARCH.deb` and `… SESSION COMPLETE`;
`zmsetup.pl` writes `EPOCH: CONFIG SESSION START`, `EPOCH: CONFIGURED STAGE` after each stage and finally `CONFIGURED
END` (docs/zimbra.md §1.5, §2.3). The file survives the installer's own clean-up.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from zflow.api import Context, read_text, write_atomic

HISTORY = Path("opt/zimbra/.install_history")
START, COMPLETE = "INSTALL SESSION START", "INSTALL SESSION COMPLETE"
LAST_STAGE = "END"
STAGES = (
    "BEGIN", "configLCValues", "configInitCore", "configCASetup", "configCreateCert", "configInstallCertStore",
    "configInstallCertMTA", "configInstallCertLDAP", "configInstallCertProxy", "configSetupLdap",
    "configCreateServerEntry", "configSaveCA", "configSaveCert", "configSpellServer", "configSetServicePorts",
    "zimbraFeatureTasksEnabled", "zimbraFeatureBriefcasesEnabled", "configSetupEphemeralBackend",
    "zimbraPrefTimeZoneId", "configInitMta", "configSetEnabledServices", "configCreateDomain", "configInitSql",
    "configInitLogger", "configInitSnmp", "setupSyslog", "configInstallZimlets",
    "configCreateDefaultDomainGALSyncAcct", "setupCrontab", LAST_STAGE,
)  # fmt: skip
"""What a new server of our packages goes through, the same from 8.8.15 to 10.1 (zmsetup.pl, applyConfig and configLog).
Further stages belong to packages that we do not install: imapd, dnscache, onlyoffice."""


@dataclass(frozen=True)
class Session:
    """One run of install.sh and the configuration that followed it."""

    start: str
    """When, as the vendor writes it (seconds since 1970): the session's name."""
    complete: bool
    packages: dict[str, str]
    """Version by package."""
    upgrade: bool
    stages: tuple[str, ...]
    """Of zmsetup.pl. A package of patches leaves `CONFIGURED patch…` as well, whenever it is installed."""

    @property
    def touched(self) -> bool:
        """Tell whether a configuration has begun."""
        return bool(self.stages)

    @property
    def passed(self) -> int:
        """Return how many of `STAGES` are done."""
        return len(set(STAGES) & set(self.stages))

    @property
    def configured(self) -> bool:
        """Tell whether a configuration says that it is finished."""
        return LAST_STAGE in self.stages


def parse(content: str) -> list[Session]:
    """Return the sessions of a history, oldest first; an incomplete last line is left out."""
    sessions = []
    lines = [match.groups() for match in re.finditer(r"^(\d+): (.*)\n", complete_lines(content), re.MULTILINE)]
    starts = [number for number, (_, what) in enumerate(lines) if what == START]
    for begin, end in pairwise([*starts, len(lines)]):
        words = [what for _, what in lines[begin:end]]
        packages = re.findall(r"^(?:INSTALLED|UPGRADED) ([^_\s]+)_([^_\s]+)\S*$", "\n".join(words), re.MULTILINE)
        sessions.append(
            Session(
                start=lines[begin][0],
                complete=COMPLETE in words,
                packages=dict(packages),
                upgrade=any(word.startswith("UPGRADED ") for word in words),
                stages=tuple(re.findall(r"^CONFIGURED (?!patch)(.*)$", "\n".join(words), re.MULTILINE)),
            )
        )
    return sessions


def complete_lines(content: str) -> str:
    """Return a history without the damage of a power cut at its end: zeros where a line was not synced, half a line."""
    text = re.sub("\0+", "\n", content)
    return text[: text.rfind("\n") + 1]


def repair(ctx: Context) -> None:
    """Remove such an end from the file: the vendor's scripts would append to half a line."""
    path = ctx.volume / HISTORY
    with suppress(FileNotFoundError):
        content = read_text(path)
        if (complete := complete_lines(content)) != content:
            write_atomic(path, complete, mode=path.stat().st_mode & 0o777)


def sessions(ctx: Context) -> list[Session]:
    """Return the sessions of the volume."""
    try:
        return parse(read_text(ctx.volume / HISTORY))
    except OSError:
        return []


def forget_configuration(ctx: Context) -> list[str]:
    """Remove the configuration of the last session from the history, and return its lines.

    By these lines zmsetup.pl skips the stages that an interrupted run finished, and loses what they hand on in memory;
    by `END` it takes an upgrade for done (getInstallStatus and configSetEnabledServices of zmsetup.pl, 9.0.0:
    1822-1910, 6952).
    """
    path = ctx.volume / HISTORY
    lines = read_text(path).splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if line.rstrip().endswith(f": {COMPLETE}")]
    kept = lines[: ends[-1] + 1] if ends else lines
    if kept != lines:
        write_atomic(path, "".join(kept), mode=path.stat().st_mode & 0o777)
    return [line.strip() for line in lines[len(kept) :]]


def supply(ctx: Context, versions: Mapping[str, str]) -> None:
    """Add the session of a configured server, with the version of each package, to a history that lost it.

    Without it the vendor's installer takes the next upgrade for a new install (docs/zimbra.md §2.4).
    """
    words = [START, *(f"INSTALLED {name}_{version}_amd64.deb" for name, version in versions.items()), COMPLETE]
    words += ["CONFIG SESSION START", f"CONFIGURED {LAST_STAGE}", "CONFIG SESSION COMPLETE"]
    path, now = ctx.volume / HISTORY, int(time.time())
    try:
        before, mode = read_text(path), path.stat().st_mode & 0o777
    except FileNotFoundError:
        before, mode = "", 0o644
    broken = "\n" if before and not before.endswith("\n") else ""
    write_atomic(path, before + broken + "".join(f"{now}: {each}\n" for each in words), mode=mode)


def last(ctx: Context) -> Session | None:
    """Return the last session of the volume."""
    found = sessions(ctx)
    return found[-1] if found else None
