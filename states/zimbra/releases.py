"""Which Zimbra: the table of releases as data, and what the settings or the volume say of it."""

from __future__ import annotations

from dataclasses import dataclass, field

VENDOR_SOURCE = "https://repo.zimbra.com/apt"
"""The vendor's package repository; zm-build utilfunc.sh, configurePackageServer."""
ZIMBRA_KEY = "254F9170B966D193D6BAD300D5CEF8BF9BE6ED79"
"""The key 9BE6ED79 of the vendor's package repository, which the vendor's script names by these last eight digits."""
ZIMBRA_KEY_URL = f"https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x{ZIMBRA_KEY}"

PACKAGES = (
    "zimbra-core",
    "zimbra-ldap",
    "zimbra-logger",
    "zimbra-mta",
    "zimbra-snmp",
    "zimbra-store",
    "zimbra-apache",
    "zimbra-spell",
    "zimbra-memcached",
    "zimbra-proxy",
)
"""What a single server is made of: in PACKAGES of globals.sh in zm-build's 8.8.15, 9.0.0, 10.0.6 and 10.1.0.beta.

Not zimbra-dnscache: it would take port 53 from ours. The optional ones come and go with the releases (drive, chat and
imapd up to 9.0; onlyoffice and the licence daemon from 10.0 and 10.1 on) and are in no build without a licence.
"""

PLATFORMS = {
    "18.04": "UBUNTU18_64",
    "20.04": "UBUNTU20_64",
    "22.04": "UBUNTU22_64",
    "24.04": "UBUNTU24_64",
}
"""The vendor's name of an Ubuntu, as `.BUILD_PLATFORM` has it; zm-build rpmconf/Build/get_plat_tag.sh."""


@dataclass(frozen=True)
class Archive:
    """A vendor archive: an http(s) URL or an absolute path, and its SHA-256."""

    place: str
    sha256: str

    @property
    def local(self) -> bool:
        """Tell whether it is a file already."""
        return self.place.startswith("/")


@dataclass(frozen=True)
class Release:
    """A line of the vendor's releases: the folders of its package repository, and archives by Ubuntu version."""

    name: str
    folders: tuple[str, ...]
    archives: dict[str, Archive]
    answers: dict[str, str] = field(default_factory=dict)
    """What its installer asks beside what all of them ask; the keys of `%config` in zm-build's zmsetup.pl by tag."""
    file_capabilities: bool = False
    """Whether slapd and nginx get their ports by setcap, and not by sudo (docs/zimbra.md §1.7, §7)."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The package sources this release needs."""
        return tuple(f"{VENDOR_SOURCE}/{folder}" for folder in self.folders)


RELEASES = {
    release.name: release
    for release in (
        Release(
            "8.8.15",
            ("87", "8815"),
            {
                "18.04": Archive(
                    "https://files.zimbra.com/downloads/8.8.15_GA/zcs-8.8.15_GA_3869.UBUNTU18_64.20190918004220.tgz",
                    "28d39a32328db0586d35cc7a461e92a43939aebe6f0ab58ee9225cb8824835db",
                )
            },
        ),
        Release("9.0", ("87", "90"), {}),
        Release("10.0", ("87", "1000"), {}, {"ONLYOFFICESTANDALONE": "no"}, file_capabilities=True),
        Release(
            "10.1",
            ("87", "1000", "1010"),
            {},
            # 2 is "activate the licence after the installation": a build without one never looks.
            {"ONLYOFFICESTANDALONE": "no", "LICENSEACTIVATIONOPTION": "2"},
            file_capabilities=True,
        ),
    )
}


def line_of(version: str) -> Release | None:
    """Return the release line a full version such as 8.8.15.GA.3869 or 10.1.10 belongs to."""
    matching = [each for name, each in RELEASES.items() if version == name or version.startswith(f"{name}.")]
    return matching[0] if matching else None
