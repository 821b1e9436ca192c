"""dpkg's list of available packages: without that file dpkg 1.19 (18.04, 20.04) refuses every `--set-selections`.

And with it apt refuses to remove anything, for it tells dpkg beforehand what is to go (apt, dpkgpm.cc): the vendor's
installer could not put back a clean software install. mmdebstrap makes no such file, an empty one will do. It is made
for whatever lies on the volume, also for what an earlier zflow built.
"""

from __future__ import annotations

from states.ubuntu.dpkg import FOLDER
from zflow.api import Context, Evidence, Step, write_atomic

FILE = FOLDER / "available"


def probe(ctx: Context) -> Evidence | None:
    """See whether the file is there."""
    return Evidence(f"/{FILE} is there") if (ctx.volume / FILE).is_file() else None


def apply(ctx: Context) -> None:
    """Make it, empty."""
    write_atomic(ctx.volume / FILE, "")


STEP = Step(
    name="bootstrap.available",
    title="Let dpkg be told what to hold and remove",
    probe=probe,
    apply=apply,
    timeout=30,
)
