"""Checks of sizes: memory, disk, open files."""

from __future__ import annotations

import os
from collections.abc import Iterator

from states.install.limits import LEAST, open_files, too_little_memory
from states.install.preflight.finding import Finding, Look
from states.install.settings import MINIMUM_DISK
from zflow.api import Context


def memory_size(look: Look) -> Iterator[Finding]:
    """See that the container has the memory the server needs."""
    if lack := too_little_memory(look.ctx):
        yield Finding(lack)


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
