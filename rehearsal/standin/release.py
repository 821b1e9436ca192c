"""What differs between the releases and platforms a stand-in can answer like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CODENAMES = {"18.04": "bionic", "20.04": "focal", "22.04": "jammy", "24.04": "noble"}

KNOWN_PLATFORMS = {
    "8.8.15": ("12.04", "14.04", "16.04", "18.04"),
    "9.0.0": ("12.04", "14.04", "16.04", "18.04"),
    "10.1.0": ("12.04", "14.04", "16.04", "18.04", "20.04", "22.04"),
}
"""What each release's get_plat_tag.sh knows; the one it was built for is always added."""

SYSLOG_KNOWN = {"8.8.15": ("16",), "9.0.0": ("16", "18"), "10.1.0": ("16", "18", "20", "22")}
"""The newer Ubuntus that zmsyslogsetup knows (zm-core-utils: 8.8.15, 9.0.0, and its newest text for 10.1)."""
FIXPERMS_KNOWN = {"8.8.15": ("16",), "9.0.0": ("16",), "10.1.0": ("16", "18", "20")}
"""Those that zmfixperms knows."""
OWN_BUILDS = {"18.04": "3869", "20.04": "4179"}
"""The vendor's build numbers of 8.8.15."""

BEHAVIOURS = frozenset(
    {
        "endless_output",
        "exit0_nothing",
        "hang_at",
        "install_fail",
        "install_kill_at",
        "kill_after",
        "kill_at",
        "minute",
        "own_build",
        "question_at",
        "slow",
        "times",
        "unknown_question",
        "zmsetup_ends",
        "zmsetup_exit1_at",
        "zmsetup_fail_at",
    }
)


@dataclass(frozen=True)
class Release:
    """One release for one Ubuntu, with the misbehaviour baked into it."""

    version: str
    ubuntu: str
    behaviour: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what nobody could mean."""
        if self.version not in KNOWN_PLATFORMS:
            raise ValueError(f"release {self.version}: one of {', '.join(KNOWN_PLATFORMS)}")
        if self.ubuntu not in CODENAMES:
            raise ValueError(f"ubuntu {self.ubuntu}: one of {', '.join(CODENAMES)}")
        unknown = set(self.behaviour) - BEHAVIOURS
        if unknown:
            raise ValueError(f"behaviour {', '.join(sorted(unknown))}: one of {', '.join(sorted(BEHAVIOURS))}")

    @property
    def codename(self) -> str:
        """The suite of the repository."""
        return CODENAMES[self.ubuntu]

    @property
    def platform(self) -> str:
        """The vendor's platform tag, as in .BUILD_PLATFORM."""
        return f"UBUNTU{self.ubuntu.split('.', maxsplit=1)[0]}_64"

    @property
    def full(self) -> str:
        """The version of the packages: it has a word for the vendor's build number, so that `zflow status` shows it.

        With `own_build` it has the number of the vendor's own, for which the patches in its repository are made.
        """
        build = OWN_BUILDS.get(self.ubuntu, "standin") if "own_build" in self.behaviour else "standin"
        return f"{self.version}.GA.{build}.{self.platform.replace('_', '.')}"

    @property
    def name(self) -> str:
        """The archive's top folder."""
        return f"zcs-{self.version}_GA_standin.{self.platform}"

    @property
    def known_platforms(self) -> tuple[str, ...]:
        """The Ubuntus its platform script has a tag for."""
        return tuple(sorted({*KNOWN_PLATFORMS[self.version], self.ubuntu}))

    @property
    def patterns(self) -> dict[str, str]:
        """The platforms that its scripts outside the installer know, as `case` has them."""
        tables = {"@SYSLOG_KNOWN@": SYSLOG_KNOWN, "@FIXPERMS_KNOWN@": FIXPERMS_KNOWN}
        return {
            word: "|".join(f"UBUNTU{number}_64" for number in table[self.version]) for word, table in tables.items()
        }

    @property
    def is_8815(self) -> bool:
        """Whether the mistakes of 8.8.15 GA apply."""
        return self.version == "8.8.15"

    @property
    def refused(self) -> tuple[str, ...]:
        """The packages beside which it is not installed: none before 10.0."""
        ten = self.version.startswith("10.")
        return ("zimbra-connect", "zimbra-drive", "zimbra-chat", "zimbra-talk") if ten else ()

    @property
    def settings(self) -> str:
        """The text of standin.conf."""
        return "".join(f"{key}={value}\n" for key, value in sorted(self.behaviour.items()))
