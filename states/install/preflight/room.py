"""Checks of sizes: memory, disk, open files."""

from __future__ import annotations

import os
from collections.abc import Iterator

from states.install.machine.limits import LEAST, open_files
from states.install.machine.memory import memory
from states.install.preflight.finding import Finding, Look
from states.install.settings import MINIMUM_DISK, MINIMUM_MEMORY
from zflow.api import Context

KEPT_BY_THE_KERNEL = 0.06
"""Share of a machine's nominal memory that programs do not see: "8 GB" are 7.7 GiB to them."""


def memory_size(look: Look) -> Iterator[Finding]:
    """See that the container has the memory the server needs."""
    have, least = memory().limit / (1 << 30), look.ctx.settings[MINIMUM_MEMORY]
    if have < least * (1 - KEPT_BY_THE_KERNEL):
        yield Finding(
            f"{have:.1f} GiB of memory, at least {least} are wanted ({MINIMUM_MEMORY.variable} for rehearsals)"
        )


def open_file_limit(_look: Look) -> Iterator[Finding]:
    """See that the container allows enough open files for `su` and for the servers."""
    if (files := open_files()) < LEAST:
        yield Finding(
            f"only {files} open files are allowed, at least {LEAST} are wanted: --ulimit nofile=524288:524288"
        )


def disk(look: Look) -> Iterator[Finding]:
    """See that the volume has room, until the installer has begun to fill it."""
    if not look.begun:
        yield from map(Finding, too_little(look.ctx))


def too_little(ctx: Context) -> Iterator[str]:
    """Say when the volume has too little room for the vendor's packages."""
    room = os.statvfs(ctx.volume)
    free, least = room.f_bavail * room.f_frsize / (1 << 30), ctx.settings[MINIMUM_DISK]
    if free < least:
        yield f"{free:.1f} GiB free on the volume, at least {least} are wanted ({MINIMUM_DISK.variable} for rehearsals)"
