"""Builds the Ubuntu in a staging folder of the same volume; an attempt that was cut off is removed completely."""

from __future__ import annotations

from pathlib import Path

from states.bootstrap import archive, codes, mmdebstrap
from states.bootstrap.belonging import COPY
from states.bootstrap.settings import KEYRING, ROOTFS_ARCHIVE
from states.ubuntu import dpkg, proxy
from states.ubuntu.dpkg import NO_DAEMONS, POLICY
from states.ubuntu.mounts import unmount
from states.ubuntu.settings import MIRROR, UBUNTU
from states.ubuntu.suites import SUITES, Suite
from states.ubuntu.tree import (
    RELEASE,
    Mark,
    defects,
    installed,
    read_mark,
    staged,
    staged_mark,
    tree,
)
from zflow.api import (
    Context,
    Evidence,
    OperatorError,
    Step,
    mounts_below,
    remove_tree,
    stamp,
    sync_volume,
    write_atomic,
)

DPKG_AND_APT_LEFTOVERS = ("etc/apt/apt.conf.d/99mmdebstrap", "etc/dpkg/dpkg.cfg.d/99mmdebstrap")
"""Options for the build alone: dpkg without syncs would make later upgrades unsafe."""


def probe(ctx: Context) -> Evidence | None:
    """See whether the tree is complete, in the stage or already on the volume."""
    mark = installed(ctx) or staged(ctx)
    return None if mark is None else Evidence(f"Ubuntu {mark.version}, {mark.packages} packages, from {mark.source}")


def cleanup(ctx: Context) -> None:
    """Remove an incomplete tree: first the marks, then the mounts that mmdebstrap left, then the files."""
    staged_mark(ctx).unlink(missing_ok=True)
    (ctx.volume / COPY).unlink(missing_ok=True)
    for point in mounts_below(tree(ctx).resolve()):
        unmount(ctx, point)
    remove_tree(tree(ctx))


def apply(ctx: Context) -> None:
    """Build the tree and mark it complete. Raises what the builders raise, and OperatorError(DAMAGED)."""
    if read_mark(ctx.volume / RELEASE):
        raise OperatorError(codes.DAMAGED, f"{ctx.volume}: {'; '.join(defects(ctx.volume))}")
    cleanup(ctx)
    suite, source = SUITES[ctx.settings[UBUNTU]], ctx.settings.get(ROOTFS_ARCHIVE)
    if source is not None:
        archive.unpack(ctx, suite)
    else:
        mmdebstrap.build(ctx, suite)
    if found := defects(tree(ctx)):
        raise OperatorError(codes.ARCHIVE if source else codes.MIRROR_CONTENT, "; ".join(found))
    finish(ctx, suite)
    mark = Mark(
        codename=suite.codename,
        version=suite.version,
        packages=len(dpkg.installed(tree(ctx))),
        source=str(source or proxy.plain(ctx.settings[MIRROR])),
        built=stamp(ctx.clock()),
        entries=tuple(sorted(each.name for each in tree(ctx).iterdir())),
    )
    ctx.progress.report(note="syncing the volume")
    sync_volume(ctx.stage)
    write_atomic(staged_mark(ctx), mark.render())


def finish(ctx: Context, suite: Suite) -> None:
    """Add what does not come from packages, and remove what was for the build alone."""
    root = tree(ctx)
    for name in DPKG_AND_APT_LEFTOVERS:
        (root / name).unlink(missing_ok=True)
    (root / NO_DAEMONS).write_text(POLICY)
    (root / NO_DAEMONS).chmod(0o755)
    lines = mmdebstrap.sources(suite, proxy.plain(ctx.settings[MIRROR]))
    (root / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in lines))
    if passwords := proxy.auth(ctx):
        proxy.write_secret(root / proxy.AUTH, passwords)
    else:
        (root / proxy.AUTH).unlink(missing_ok=True)
    if ctx.settings[KEYRING] != Path(KEYRING.default or ""):
        (root / "etc/apt/trusted.gpg.d/zflow-mirror.gpg").write_bytes(ctx.settings[KEYRING].read_bytes())
    (root / "etc/timezone").write_text("Etc/UTC\n")
    (root / "etc/localtime").unlink(missing_ok=True)
    (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")


STEP = Step(
    name="bootstrap.build",
    title="Build Ubuntu in a staging folder",
    probe=probe,
    apply=apply,
    cleanup=cleanup,
    retry="network",
    timeout=5400,
    weight=45,
    once=True,
)
