"""What dpkg on the volume says, read from its status file: no program is started for a look."""

from __future__ import annotations

from dataclasses import dataclass

from zflow.api import Context

PREFIX = "zimbra-"


@dataclass(frozen=True)
class Package:
    """One package's line `Status: WANTED FLAG STATE` (dpkg-query(1))."""

    name: str
    wanted: str
    flag: str
    state: str
    version: str = ""

    @property
    def installed(self) -> bool:
        """Tell whether it is wholly installed."""
        return self.state == "installed"

    @property
    def torn(self) -> bool:
        """Tell whether it has to be unpacked again before anything else can be done with it."""
        return self.flag == "reinstreq"

    @property
    def held(self) -> bool:
        """Tell whether upgrades leave it alone."""
        return self.wanted == "hold"


def parse(status: str) -> dict[str, Package]:
    """Return the vendor's packages in a status file by name; those that left only configuration behind are left out."""
    found = {}
    for stanza in status.split("\n\n"):
        if not stanza.startswith(f"Package: {PREFIX}"):
            continue
        name = stanza[9 : stanza.index("\n")]
        words = stanza.partition("\nStatus: ")[2].partition("\n")[0].split()
        if len(words) == 3 and words[2] not in {"not-installed", "config-files"}:
            version = stanza.partition("\nVersion: ")[2].partition("\n")[0]
            found[name] = Package(name, words[0], words[1], words[2], version)
    return found


def vendor_packages(ctx: Context) -> dict[str, Package]:
    """Return the vendor's packages on the volume by name."""
    try:
        return parse((ctx.volume / "var/lib/dpkg/status").read_text(errors="replace"))
    except OSError:
        return {}
