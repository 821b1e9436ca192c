"""Lets `su` to user zimbra work where the container's limit of open files is below the one the vendor asks for.

The vendor's limits.conf wants 524288 files for user zimbra. Where the container may have fewer and lacks the capability
to raise that, pam_limits fails and with it every `su - zimbra` (zimbra-facts §7). A file in limits.d is read after
limits.conf and wins over it: limits.conf(5), pam_limits(8).
"""

from __future__ import annotations

import resource
from pathlib import Path

from zflow.api import Context, Evidence, Scope, Step, holds, make_folder, write_atomic

PLACE = Path("etc/security/limits.d/zz-zflow.conf")
VENDOR = 524288
LEAST = 10000
"""Open files below which mailboxd and nginx run dry even on a quiet server."""


def open_files() -> int:
    """Return how many files a process of this container may open at most, up to what the vendor asks for."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return VENDOR if hard == resource.RLIM_INFINITY else min(hard, VENDOR)


def render(files: int) -> str:
    """Return the content of our limits file."""
    return (
        "# Written by zflow at every start: what this container allows.\n"
        + "".join(f"zimbra {kind} nofile {files}\n" for kind in ("soft", "hard"))
    )  # fmt: skip


def probe(ctx: Context) -> Evidence | None:
    """See whether the file has this container's limit."""
    files = open_files()
    return Evidence(f"{files} open files") if holds(ctx.volume / PLACE, render(files)) else None


def apply(ctx: Context) -> None:
    """Write the file."""
    make_folder((ctx.volume / PLACE).parent)
    write_atomic(ctx.volume / PLACE, render(open_files()))


STEP = Step(
    name="install.limits",
    title="Fit the server's limits to the container",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
