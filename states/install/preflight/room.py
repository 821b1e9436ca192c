"""Checks of sizes: memory, disk, open files."""

from __future__ import annotations

from collections.abc import Iterator

from states.install.preflight.finding import Finding, Look
from states.zimbra.needs import LEAST, open_files, too_little_memory, too_little_room


def memory_size(look: Look) -> Iterator[Finding]:
    """See that the container has the memory the server needs."""
    if lack := too_little_memory(look.ctx):
        yield Finding(lack)


def open_file_limit(_look: Look) -> Iterator[Finding]:
    """See that the container allows enough open files for `su` and for the servers."""
    if (files := open_files()) < LEAST:
        yield Finding(f"only {files} open files are allowed, at least {LEAST} required: --ulimit nofile=524288:524288")


def disk(look: Look) -> Iterator[Finding]:
    """See that the volume has room, until the installer has begun to fill it."""
    if not look.begun:
        yield from map(Finding, too_little_room(look.ctx))
