"""The engine's own error codes; each state has its own beside its steps. `zflow explain` and the docs read both."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from zflow.errors import Code
from zflow.exits import Exit

SETTINGS = Code(
    "ZF-1001",
    "wrong settings",
    "One or more settings have a value that cannot be used.",
    "Correct the settings named below and restart the container, or run `zflow resume`.",
)
VOLUME_READ_ONLY = Code(
    "ZF-1002",
    "the volume cannot be written",
    "The volume is mounted read-only, or its file system was remounted read-only after an error.",
    "Mount the volume read-write (check the host's kernel log), then start the container again.",
)
JOURNAL_NEWER = Code(
    "ZF-1003",
    "the journal was written by a newer zflow",
    "This image is older than the one that last ran on this volume.",
    "Start the newer image again. Going back is possible only with a copy of the volume from before the upgrade.",
)
JOURNAL_DAMAGED = Code(
    "ZF-1004",
    "the journal is damaged",
    "SQLite finds the journal malformed, or a row does not match the hash chain.",
    "Keep a copy of the volume. The installation itself is untouched: `zflow journal rebuild` puts the damaged journal "
    "aside, and the next walk finds out from the volume itself what is there.",
)
HELD = Code(
    "ZF-1005",
    "another zflow holds this volume",
    "A runner is at work on this volume, in this container or in another one. Nothing was written.",
    "Run the command in the container that holds the volume; or stop that container first. One volume is for one "
    "container.",
)
DISK_FULL = Code(
    "ZF-1006",
    "the volume is full",
    "There is no space left on the volume.",
    "Free space or enlarge the volume, then run `zflow resume`.",
)
JOURNAL_AWAY = Code(
    "ZF-1007",
    "the journal cannot be read or written",
    "The volume reports errors, or another program holds the journal. Nothing says that the journal is damaged.",
    "Check the host's kernel log for errors of the disk or the network volume, then start the container again.",
)
DISK_ERROR = Code(
    "ZF-1008",
    "the volume reports errors",
    "The disk or the network volume below failed to read or write a file.",
    "Check the host's kernel log and the disk; what is on the volume may have to come from a backup. Then run "
    "`zflow resume`.",
)
NOT_A_FOLDER = Code(
    "ZF-1009",
    "something is in the place of a folder",
    "A symbolic link or a file is where zflow writes into a folder. No link is followed there: seen from outside the "
    "Ubuntu it may lead out of the volume.",
    "Find out who put it there, put the folder back in its place, then run `zflow resume`.",
)
COMMAND = Code(
    "ZF-1010",
    "a command failed",
    "A program that a step runs ended with an error.",
    "Correct what its last lines name, then run `zflow resume`.",
)
TIME_LIMIT = Code(
    "ZF-1011",
    "a command took too long",
    "A program ran past its time limit and was ended.",
    "A slow mirror or disk is the usual reason; `zflow resume` tries again.",
)
SILENCE = Code(
    "ZF-1012",
    "a command fell silent",
    "A program printed nothing for longer than its limit and was ended; it may wait for an answer nobody gives.",
    "The last line it printed is shown: correct what it waits for, then run `zflow resume`.",
)
OUTPUT_FLOOD = Code(
    "ZF-1013",
    "a command printed without end",
    "A program printed more than its limit and was ended.",
    "Correct what it repeats, then run `zflow resume`.",
)
ROOT_READ_ONLY = Code(
    "ZF-1014",
    "a folder outside the volume cannot be written",
    "The container's root file system is read-only, and /run or /tmp is no file system of its own.",
    "Give the container a tmpfs at /run and at /tmp: `--tmpfs /run --tmpfs /tmp`, on Kubernetes an emptyDir each. "
    "Podman's `--read-only` does so by itself.",
)
NO_LOCKS = Code(
    "ZF-1015",
    "the volume has no locks",
    "The file system refuses to lock a file, as NFS does without its lock service, or reports an error. Without a "
    "lock nobody can tell whether another container is at work on the volume, so nothing is begun.",
    "Mount the volume with working locks (NFS: version 4, or version 3 with lockd and without `nolock`), or use a "
    "local file system; check the host's kernel log.",
)
NOT_A_FILE = Code(
    "ZF-1016",
    "something is in the place of a file",
    "A folder, a link, a pipe or a device is where zflow keeps a file of its own.",
    "Find out who put it there, put the file back in its place or remove what is there, then start the container "
    "again. What is in the place of the journal is moved aside by `zflow journal rebuild` too.",
)
UNDER_WAY = Code(
    "ZF-1017",
    "a walk is under way",
    "The walk in this container is writing the journal; the command has to wait for it. Nothing was changed.",
    "Run the command again when the walk has ended: `zflow status --wait` returns then.",
)
OUT_OF_MEMORY = Code(
    "ZF-1018",
    "out of memory",
    "The kernel ended a process of this container for want of memory (its control group counts them as oom_kill).",
    "Give the container more memory (`--memory`, `resources.limits.memory`), then run `zflow resume`.",
)
NOT_PROVEN = Code(
    "ZF-1020",
    "a step ended without its result",
    "The step's commands reported success, but its result cannot be seen.",
    "Correct what its commands complain of, then run `zflow resume`.",
)
LOST = Code(
    "ZF-1021",
    "a finished part of the installation is gone",
    "Something that is built once and never rebuilt by itself was complete earlier and is not any more.",
    "Restore the volume from a backup, or give the part up with `zflow reset-state STATE` and let it be built anew.",
)
POISON = Code(
    "ZF-1022",
    "a step ends the walker every time",
    "The process that runs the steps died several times in the same step, for example for want of memory.",
    "Read the host's kernel log, then run `zflow resume`.",
)
BUG = Code(
    "ZF-1023",
    "a defect in zflow",
    "A step raised an error that it should have foreseen.",
    "Please report it with the file that `zflow collect` makes; `zflow resume` tries again.",
)
NO_INODES = Code(
    "ZF-1026",
    "the volume can hold no further files",
    "The file system has used up its inodes, of which each file and folder takes one. `df -i` shows that; there may "
    "be room for bytes all the same.",
    "Remove files that are not needed (`du --inodes -x /data | sort -n | tail` names the folders that hold the most), "
    "or move to a file system with more inodes. Then run `zflow resume`, or start the container again.",
)
OPEN_TO_OTHERS = Code(
    "ZF-1027",
    "others may write in zflow's folder",
    "The mode of `.zflow` on the volume lets others than root change journal, secrets and orders.",
    "Run `chmod 700 /data/.zflow` and start the container again. Find out who changed the mode; if others may have "
    "used it, look at `zflow journal verify` and replace the secrets.",
)
NO_JOURNAL = Code(
    "ZF-1030",
    "no journal on this volume",
    "zflow has not started on this volume yet.",
    "Start the container, or check that the right volume is mounted.",
)
NO_SUCH_STATE = Code(
    "ZF-1031",
    "no such state",
    "The name given is none of the walk's states.",
    "Use one of the names listed; `zflow status` shows them too.",
)
BUNDLE = Code(
    "ZF-1040",
    "the bundle would tell a secret",
    "After it was packed, a known secret or a private key was still found in it; it was not handed out.",
    "Please report it with the name of the part, never with its content; what else is asked for can be sent by hand.",
)

ENGINE_CODES = (
    SETTINGS, VOLUME_READ_ONLY, JOURNAL_NEWER, JOURNAL_DAMAGED, HELD, DISK_FULL, JOURNAL_AWAY, DISK_ERROR, NOT_A_FOLDER,
    COMMAND, TIME_LIMIT, SILENCE, OUTPUT_FLOOD, ROOT_READ_ONLY, NO_LOCKS, NOT_A_FILE, UNDER_WAY, OUT_OF_MEMORY,
    NOT_PROVEN, LOST, POISON, BUG, NO_INODES, OPEN_TO_OTHERS, NO_JOURNAL, NO_SUCH_STATE, BUNDLE,
)  # fmt: skip

HOLDING = (HELD, UNDER_WAY)
"""Somebody else writes the volume: exit code 4."""


def refusal(code: Code) -> Exit:
    """Return how a process ends that was refused with this code before it began anything."""
    return Exit.HELD if code in HOLDING else Exit.REFUSED


MEANINGS = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EROFS: VOLUME_READ_ONLY,
    errno.EIO: DISK_ERROR,
    errno.ENOTDIR: NOT_A_FOLDER,
    errno.ELOOP: NOT_A_FOLDER,
}
"""What the kernel's errors mean when a file on the volume is read or written (errno(3))."""
FULL = (DISK_FULL, NO_INODES)
FEW = 4
"""With fewer free inodes SQLite cannot make its files beside the journal, nor a step what it writes."""


def meant(error: OSError, volume: Path) -> Code | None:
    """Return what an error of the kernel's means, met at a file on the volume; None where it tells nothing."""
    code = MEANINGS.get(error.errno or 0)
    return NO_INODES if code is DISK_FULL and out_of_inodes(volume) else code


def out_of_inodes(volume: Path) -> bool:
    """Tell whether the volume has no inodes left; file systems that count none have any number (statvfs(3))."""
    try:
        found = os.statvfs(volume)
    except OSError:
        return False
    return found.f_files > 0 and found.f_favail < FEW
