"""The error codes of the engine; each state has its own beside its steps. `zflow explain` and the docs read both."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from zflow.errors import Code
from zflow.exits import Exit

SETTINGS = Code(
    "ZF-1001",
    "wrong settings",
    "One or more settings have a value that cannot be used. The message names each one and its source.",
    "Correct the settings that the message names, then run `zflow resume` or start the container again.",
)
VOLUME_READ_ONLY = Code(
    "ZF-1002",
    "the volume cannot be written",
    "The volume is mounted read-only, or the kernel made its file system read-only after an error.",
    "Read the kernel log on the host (`dmesg`), mount the volume read-write, then start the container again.",
)
JOURNAL_NEWER = Code(
    "ZF-1003",
    "the journal was written by a newer zflow",
    "This image is older than the one that last ran on this volume.",
    "Start the newer image again. The older image needs a copy of the volume from before the upgrade.",
)
JOURNAL_DAMAGED = Code(
    "ZF-1004",
    "the journal is damaged",
    "SQLite finds the journal malformed, or a row does not match the chain of hashes. The installation itself is "
    "untouched.",
    "Make a copy of the volume, then run `zflow journal rebuild`. It moves the damaged journal aside, and the next "
    "walk checks every step on the volume.",
)
HELD = Code(
    "ZF-1005",
    "another zflow holds this volume",
    "A supervisor or a command in this container or in another one holds the volume. Nothing was written.",
    "Run the command in the container that holds the volume, or stop that container first. A volume belongs to one "
    "container.",
)
DISK_FULL = Code(
    "ZF-1006",
    "the volume is full",
    "There is no space left on the volume.",
    "Free space on the volume or enlarge it, then run `zflow resume`.",
)
JOURNAL_AWAY = Code(
    "ZF-1007",
    "the journal cannot be read or written",
    "The volume reports errors, or another program holds the journal. There is no sign of damage in the journal.",
    "Look for errors of the disk or the network volume in the kernel log on the host (`dmesg`), then start the "
    "container again.",
)
DISK_ERROR = Code(
    "ZF-1008",
    "the volume reports errors",
    "The disk or the network volume failed to read or to write the file that the message names.",
    "Read the kernel log on the host (`dmesg`) and check the disk. Restore files that cannot be read from a backup, "
    "then run `zflow resume`.",
)
NOT_A_FOLDER = Code(
    "ZF-1009",
    "a folder was replaced by something else",
    "There is a symbolic link or a file where zflow needs a folder. zflow follows no link there: outside the Ubuntu it "
    "may lead out of the volume.",
    "Find out who replaced the folder that the message names, and restore it. Then run `zflow resume`.",
)
COMMAND = Code(
    "ZF-1010",
    "a command failed",
    "A program that the step runs ended with an error.",
    "Correct what the last lines of its log name, then run `zflow resume`.",
)
TIME_LIMIT = Code(
    "ZF-1011",
    "a command took too long",
    "A program ran longer than its time limit and was ended. The usual reason is a slow mirror or a slow disk.",
    "Run `zflow resume` to try again.",
)
SILENCE = Code(
    "ZF-1012",
    "a command fell silent",
    "A program printed nothing for longer than its limit and was ended. It may wait for an answer.",
    "The message has the last line that it printed. Correct what the program waits for, then run `zflow resume`.",
)
OUTPUT_FLOOD = Code(
    "ZF-1013",
    "a command printed too much",
    "A program printed more than its limit and was ended.",
    "Correct the cause of what it repeats in the log of the step, then run `zflow resume`.",
)
ROOT_READ_ONLY = Code(
    "ZF-1014",
    "a folder outside the volume cannot be written",
    "The container's root file system is read-only, and /run or /tmp is not a separate mount.",
    "Give the container a tmpfs at /run and at /tmp: `--tmpfs /run --tmpfs /tmp`, on Kubernetes an emptyDir each. "
    "Podman does so itself with `--read-only`.",
)
NO_LOCKS = Code(
    "ZF-1015",
    "the volume has no file locks",
    "The file system refuses to lock a file, as NFS does without its lock service, or reports an error. Without locks "
    "zflow cannot tell whether another container uses the volume, so it does not begin.",
    "Use a local file system, or mount the volume with working locks: NFS version 4, or version 3 with lockd and "
    "without `nolock`. Read the kernel log on the host (`dmesg`).",
)
NOT_A_FILE = Code(
    "ZF-1016",
    "a file of zflow was replaced by something else",
    "There is a folder, a link, a pipe or a device where zflow keeps one of its files.",
    "Find out who replaced the file that the message names, restore or remove it, then start the container again. "
    "At the path of the journal, `zflow journal rebuild` moves aside what is there.",
)
UNDER_WAY = Code(
    "ZF-1017",
    "a walk is in progress",
    "The walk in this container writes to the journal, and the command has to wait for it. Nothing was changed.",
    "Wait for the end of the walk with `zflow status --wait`, then run the command again.",
)
OUT_OF_MEMORY = Code(
    "ZF-1018",
    "out of memory",
    "The kernel ended a process of this container because memory ran out: the container's control group counts it as "
    "oom_kill.",
    "Give the container more memory (`--memory`, `resources.limits.memory`), then run `zflow resume`.",
)
NOT_PROVEN = Code(
    "ZF-1020",
    "a step ended without its result",
    "The commands of the step reported success, but its probe does not find the result.",
    "Correct the errors in the log of the step, then run `zflow resume`.",
)
LOST = Code(
    "ZF-1021",
    "a finished part of the installation is missing",
    "zflow builds this part once and never again. It was complete earlier and is not complete now.",
    "Restore the volume from a backup, or build the part again with `zflow reset-state STATE`.",
)
POISON = Code(
    "ZF-1022",
    "a step ends the walker repeatedly",
    "The process that runs the steps died several times in the same step, for example because memory ran out.",
    "Read the kernel log on the host (`dmesg`), correct the cause, then run `zflow resume`.",
)
BUG = Code(
    "ZF-1023",
    "a defect in zflow",
    "A step raised an error that zflow does not expect.",
    "Report it with the file that `zflow collect` makes. `zflow resume` tries again.",
)
NO_INODES = Code(
    "ZF-1026",
    "the volume can hold no more files",
    "The file system has used all of its inodes: each file and folder takes one. `df -i` shows them. There may still "
    "be space for bytes.",
    "Remove files that are not needed (`du --inodes -x /data | sort -n | tail` names the folders with the most files), "
    "or move to a file system with more inodes. Then run `zflow resume`, or start the container again.",
)
OPEN_TO_OTHERS = Code(
    "ZF-1027",
    "others may write to zflow's folder",
    "The mode of `.zflow` on the volume lets users other than root change the journal, secrets and orders.",
    "Run `chmod 700 /data/.zflow` and start the container again. Find out who changed the mode. If others may have "
    "used it, run `zflow journal verify` and replace the secrets.",
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
    "The walk has no state of this name.",
    "Use one of the names that the message lists. `zflow status` shows them too.",
)
BUNDLE = Code(
    "ZF-1040",
    "the bundle would reveal a secret",
    "A known secret or a private key was found in the packed bundle, so it was not handed out.",
    "Report it with the name of the part, never with its content. Send the other files that you are asked for by hand.",
)

ENGINE_CODES = (
    SETTINGS, VOLUME_READ_ONLY, JOURNAL_NEWER, JOURNAL_DAMAGED, HELD, DISK_FULL, JOURNAL_AWAY, DISK_ERROR, NOT_A_FOLDER,
    COMMAND, TIME_LIMIT, SILENCE, OUTPUT_FLOOD, ROOT_READ_ONLY, NO_LOCKS, NOT_A_FILE, UNDER_WAY, OUT_OF_MEMORY,
    NOT_PROVEN, LOST, POISON, BUG, NO_INODES, OPEN_TO_OTHERS, NO_JOURNAL, NO_SUCH_STATE, BUNDLE,
)  # fmt: skip

HOLDING = (HELD, UNDER_WAY)
"""Another process holds the volume: exit code 4."""


def refusal(code: Code) -> Exit:
    """Return the exit code of a process that was refused with this code before it began."""
    return Exit.HELD if code in HOLDING else Exit.REFUSED


MEANINGS = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EROFS: VOLUME_READ_ONLY,
    errno.EIO: DISK_ERROR,
    errno.ENOTDIR: NOT_A_FOLDER,
    errno.ELOOP: NOT_A_FOLDER,
}
"""What an error of the kernel means when a file on the volume is read or written (errno(3))."""
FULL = (DISK_FULL, NO_INODES)
FEW = 4
"""With fewer free inodes neither SQLite nor a step can make the files that they need."""


def meant(error: OSError, volume: Path) -> Code | None:
    """Return what an error of the kernel at a file on the volume means; None for an error without a code."""
    code = MEANINGS.get(error.errno or 0)
    return NO_INODES if code is DISK_FULL and out_of_inodes(volume) else code


def out_of_inodes(volume: Path) -> bool:
    """Tell whether the volume has no inodes left; a file system that counts none is never out of them (statvfs(3))."""
    try:
        found = os.statvfs(volume)
    except OSError:
        return False
    return found.f_files > 0 and found.f_favail < FEW
