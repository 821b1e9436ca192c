""".install_history: what was installed and configured, in the vendor's lines."""

import time
from typing import Dict, List, Set

from . import host


def lines() -> List[str]:
    """Every line without its time."""
    if not host.HISTORY.exists():
        return []
    return [line.partition(": ")[2] for line in host.HISTORY.read_text().splitlines()]


def add(text: str) -> None:
    """Append a line, flushed before anything else is done."""
    with open(str(host.HISTORY), "a") as out:
        out.write("{}: {}\n".format(int(time.time()), text))


class Status:
    """What zmsetup remembers: packages of the last install session, stages since the last session of any kind."""

    def __init__(self) -> None:
        self.packages: Dict[str, str] = {}
        self.stages: Set[str] = set()
        for line in lines():
            word, _, rest = line.partition(" ")
            if line == "INSTALL SESSION START":
                self.packages, self.stages = {}, set()
            elif line == "CONFIG SESSION START":
                self.stages = set()
            elif word in ("INSTALLED", "UPGRADED"):
                self.packages[rest.split("_")[0]] = word
            elif word == "CONFIGURED":
                self.stages.add(rest)

    @property
    def new(self) -> bool:
        """Whether this is a new installation, finished or not."""
        return self.packages.get("zimbra-core") == "INSTALLED" and "END" not in self.stages
