"""dpkg's list of available packages: without that file dpkg 1.19 (18.04, 20.04) refuses every `--set-selections`.

Then apt refuses to remove anything, because it tells dpkg beforehand what it will remove (apt, dpkgpm.cc), and the
vendor's installer could not restore a clean software install. mmdebstrap makes no such file; an empty one is enough.
"""

from __future__ import annotations

from states.ubuntu.dpkg import FOLDER
from zflow.api import Context, Evidence, Step, write_atomic

FILE = FOLDER / "available"


def probe(ctx: Context) -> Evidence | None:
    """See whether the file is there."""
    return Evidence(f"/{FILE} exists") if (ctx.volume / FILE).is_file() else None


def apply(ctx: Context) -> None:
    """Write an empty file."""
    write_atomic(ctx.volume / FILE, "")


STEP = Step(
    name="bootstrap.available",
    title="Create dpkg's list of available packages",
    probe=probe,
    apply=apply,
    timeout=30,
)
