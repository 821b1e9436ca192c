"""The Ubuntu releases that can be installed on a volume, with all packages that Zimbra's installer needs there.

Package names: Zimbra/packages, zimbra-os-requirements/debian/control and UBUNTU.def (up to 20.04); for 22.04 and 24.04
the same libraries under their names there. Zimbra's `install.sh` and zflow's own steps call the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

POCKETS = ("", "-updates", "-security")
COMPONENTS = ("main", "universe")

COMMON = (
    "adduser", "apt-transport-https", "ca-certificates", "coreutils", "cron", "debconf", "dirmngr", "dnsmasq-base",
    "file", "gnupg", "iproute2", "libcap2-bin", "libexpat1", "libgmp10", "libpcre3", "libsocket6-perl", "libstdc++6",
    "logrotate", "lsb-release", "net-tools", "netcat-openbsd", "openssh-client", "pax", "perl", "procps", "rsyslog",
    "sqlite3", "sudo", "sysstat", "tzdata", "unattended-upgrades", "unzip"
)  # fmt: skip


@dataclass(frozen=True)
class Suite:
    """One release: its number, its codename in the archive, and the packages whose names are its own."""

    version: str
    codename: str
    own: tuple[str, ...]

    @property
    def packages(self) -> tuple[str, ...]:
        """All packages to install, sorted."""
        return tuple(sorted({*COMMON, *self.own}))


SUITES = {
    suite.version: suite
    for suite in (
        Suite("18.04", "bionic", ("libaio1", "libidn11", "libperl5.26", "resolvconf")),
        Suite("20.04", "focal", ("libaio1", "libidn11", "libperl5.30", "resolvconf")),
        Suite("22.04", "jammy", ("libaio1", "libidn12", "libperl5.34", "resolvconf")),
        # 24.04 has no package resolvconf any more (systemd-resolved provides the name, and would bring systemd).
        Suite("24.04", "noble", ("libaio1t64", "libidn12", "libperl5.38t64")),
    )
}
