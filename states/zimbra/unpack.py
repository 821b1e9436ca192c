"""The archive unpacked beside the server, where programs in the Ubuntu can read it; staged, checked, renamed."""

from __future__ import annotations

import tarfile
from pathlib import Path

from states.ubuntu.tree import os_release
from states.zimbra import codes
from states.zimbra.archive import checked, located
from states.zimbra.releases import PLATFORMS, Archive
from zflow.api import (
    COMMAND,
    NO_INODES,
    CommandError,
    Context,
    Evidence,
    OperatorError,
    make_folder,
    out_of_inodes,
    remove_file,
    remove_tree,
    sync_folder,
    sync_volume,
    write_atomic,
)

PLACE = Path("opt/zflow-release")
"""Relative to the volume; removed when the server is proven."""
MARK = ".zflow-archive"
"""The archive's SHA-256, the last file written in the stage."""


def installer(ctx: Context) -> Path:
    """Return the folder of install.sh, as a path outside the Ubuntu."""
    return ctx.volume / PLACE


def inside(path: Path, ctx: Context) -> str:
    """Return a path on the volume as a path inside the Ubuntu."""
    return f"/{path.relative_to(ctx.volume)}"


def evidence(ctx: Context, archive: Archive) -> Evidence | None:
    """Return the evidence that the tree is complete, of this archive, and for this Ubuntu."""
    try:
        mark = (installer(ctx) / MARK).read_text().strip()
    except OSError:
        return None
    if mark != archive.sha256 or defects(installer(ctx), ctx):
        return None
    return Evidence(f"{build(installer(ctx))} in /{PLACE}")


def build(folder: Path) -> str:
    """Return what the release says about itself."""
    names = (".BUILD_RELEASE_NO", ".BUILD_RELEASE_CANDIDATE", ".BUILD_NUM", ".BUILD_PLATFORM", ".BUILD_TYPE")
    return " ".join(filter(None, (word(folder / name) for name in names)))


def word(path: Path) -> str:
    """Return what one of the release's files says of it; empty without the file."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def defects(folder: Path, ctx: Context) -> list[str]:
    """Return why a tree is not a vendor archive for this Ubuntu; the unattended install.sh does not check."""
    found = [f"it has no {name}" for name in ("install.sh", "packages", "util", "bin") if not (folder / name).exists()]
    ubuntu = os_release(ctx.volume).get("VERSION_ID", "?")
    platform, here = word(folder / ".BUILD_PLATFORM"), PLATFORMS.get(ubuntu, f"Ubuntu {ubuntu}")
    if platform != here:
        found.append(f"it was built for {platform or 'an unnamed platform'}, the volume has {here}")
    kind = word(folder / ".BUILD_TYPE")
    if kind != "FOSS":
        found.append(f"its type is {kind or 'unnamed'}, not FOSS")
    return found


def unpack(ctx: Context, archive: Archive) -> None:
    """Unpack into the stage, check, and rename. Raises OperatorError: ARCHIVE, WRONG_SHA256, NO_INODES."""
    source, stage = located(ctx, archive), ctx.stage / "release"
    if not checked(ctx, archive):
        raise OperatorError(codes.WRONG_SHA256, f"{source} has changed since it was checked")
    remove_tree(stage)
    make_folder(stage)
    ctx.progress.report(note="unpacking")
    refuse_damage(source)
    try:
        ctx.shell.run("tar", "--extract", "--gzip", f"--file={source}", f"--directory={stage}", "--no-same-owner")
    except CommandError as error:
        refuse_without_inodes(ctx, error)
        if error.code != COMMAND or "No space left" in error.tail:  # a limit says nothing about the archive
            raise
        raise OperatorError(codes.ARCHIVE, f"{source}: {error.detail}") from error
    tops = [each for each in stage.iterdir() if each.is_dir()]
    if len(tops) != 1:
        raise OperatorError(codes.ARCHIVE, f"{source}: {len(tops)} folders at the top level instead of one")
    if found := defects(tops[0], ctx):
        raise OperatorError(codes.ARCHIVE, f"{source}: {'; '.join(found)}")
    sync_volume(stage)  # the mark vouches for the tree, also after a power cut
    write_atomic(tops[0] / MARK, f"{archive.sha256}\n")
    remove(ctx)
    make_folder(installer(ctx).parent)
    tops[0].rename(installer(ctx))
    sync_folder(installer(ctx).parent)
    remove_tree(stage)


def remove(ctx: Context) -> None:
    """Remove the tree, its mark first: a part that a kill leaves must not count as complete."""
    mark = installer(ctx) / MARK
    if mark.exists():
        remove_file(mark)
        sync_folder(installer(ctx))
    remove_tree(installer(ctx))


def refuse_without_inodes(ctx: Context, error: CommandError) -> None:
    """Raise OperatorError(NO_INODES) where a command found no free inode: a retry does not help."""
    if "No space left" in error.tail and out_of_inodes(ctx.volume):
        raise OperatorError(NO_INODES, error.detail) from error


def refuse_damage(source: Path) -> None:
    """Raise OperatorError(ARCHIVE) for a damaged archive; reads only its first name, tar checks the rest."""
    try:
        with tarfile.open(source, "r:gz") as archive:
            first = archive.next()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise OperatorError(codes.ARCHIVE, f"{source} is not a gzipped tar archive: {error}") from error
    if first is None:
        raise OperatorError(codes.ARCHIVE, f"{source} is empty")
