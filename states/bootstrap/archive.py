"""Unpacks a finished Ubuntu from a local archive: the first start without a network."""

from __future__ import annotations

from states.bootstrap import codes
from states.bootstrap.settings import ROOTFS_ARCHIVE, ROOTFS_SHA256
from states.ubuntu import dpkg
from states.ubuntu.settings import UBUNTU
from states.ubuntu.suites import Suite
from states.ubuntu.tree import defects, os_release, tree
from zflow.api import NO_INODES, CommandError, Context, OperatorError, out_of_inodes, sha256

LEFT_OUT = (
    *(".zflow", "app", "lost+found", "etc/zflow-release"),
    *("dev/*", "proc/*", "sys/*", "run/*", "tmp/*", "var/lib/apt/periodic/*"),
)
"""Not unpacked: an archive of a complete volume may hold its journal and secrets, mounts, and apt's stamps."""


def unpack(ctx: Context, suite: Suite) -> None:
    """Check the archive's SHA-256, unpack it into the stage, and check that it is the complete suite.

    Raises OperatorError: ARCHIVE, SPACE, NO_INODES.
    """
    archive, expected = ctx.settings[ROOTFS_ARCHIVE], ctx.settings.get(ROOTFS_SHA256)
    if expected is None:
        raise OperatorError(codes.ARCHIVE, "ZFLOW_ROOTFS_ARCHIVE is set, but ZFLOW_ROOTFS_SHA256 is not")
    if not archive.is_file():
        raise OperatorError(codes.ARCHIVE, f"the file {archive} does not exist")
    ctx.progress.report(note="checking the archive")
    if (found := sha256(archive)) != expected:
        raise OperatorError(codes.ARCHIVE, f"{archive} has the SHA-256 {found}, not {expected}")
    ctx.progress.report(note="unpacking the archive")
    tree(ctx).mkdir(parents=True)
    left_out = [f"--exclude={dots}{name}" for name in LEFT_OUT for dots in ("", "./")]
    try:
        attributes = ("--numeric-owner", "--same-owner", "--preserve-permissions", "--xattrs", "--xattrs-include=*")
        argv = (
            "tar",
            "--extract",
            f"--file={archive}",
            f"--directory={tree(ctx)}",
            *attributes,
            "--anchored",
            *left_out,
        )
        ctx.shell.run(*argv)
    except CommandError as error:
        full = NO_INODES if out_of_inodes(ctx.volume) else codes.SPACE
        code = full if "No space left" in error.tail else codes.ARCHIVE
        raise OperatorError(code, f"{archive}: {error.tail.strip()[-300:]}") from error
    examine(ctx, suite)


def examine(ctx: Context, suite: Suite) -> None:
    """Check that the unpacked tree is the suite with all its packages. Raises OperatorError(ARCHIVE)."""
    archive = ctx.settings[ROOTFS_ARCHIVE]
    if found := defects(tree(ctx)):
        raise OperatorError(codes.ARCHIVE, f"{archive}: {'; '.join(found)}")
    if (version := os_release(tree(ctx)).get("VERSION_ID")) != suite.version:
        raise OperatorError(
            codes.ARCHIVE, f"{archive} holds Ubuntu {version}, {UBUNTU.variable} asks for {suite.version}"
        )
    if missing := sorted(set(suite.packages) - dpkg.installed(tree(ctx))):
        raise OperatorError(codes.ARCHIVE, f"{archive} lacks the packages {', '.join(missing)}")
