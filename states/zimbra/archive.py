"""The release's archive: fetched ahead of time, checked against its SHA-256, kept in the cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from states.ubuntu.settings import PROXY, UBUNTU
from states.ubuntu.tree import os_release
from states.zimbra import codes
from states.zimbra.proof import finished
from states.zimbra.releases import RELEASES, Archive
from states.zimbra.settings import RELEASE, RELEASE_SHA256, RELEASE_URL
from zflow.api import Context, Evidence, OperatorError, TransientError, make_folder, sha256, write_atomic


def wanted(ctx: Context) -> Archive:
    """Return the archive to install: the settings', else the table's for the release and the Ubuntu.

    Raises OperatorError(RELEASE) when neither names one with its SHA-256.
    """
    location, digest = ctx.settings.get(RELEASE_URL), ctx.settings.get(RELEASE_SHA256)
    if location and digest:
        return Archive(location, digest)
    if location or digest:
        there, absent = (RELEASE_URL, RELEASE_SHA256) if location else (RELEASE_SHA256, RELEASE_URL)
        raise OperatorError(codes.RELEASE, f"{there.variable} is set, {absent.variable} is not")
    ubuntu = os_release(ctx.volume).get("VERSION_ID") or ctx.settings[UBUNTU]
    archive = RELEASES[ctx.settings[RELEASE]].archives.get(ubuntu)
    if archive is None:
        raise OperatorError(
            codes.RELEASE,
            f"no archive of Zimbra {ctx.settings[RELEASE]} for Ubuntu {ubuntu} is known; set "
            f"{RELEASE_URL.variable} and {RELEASE_SHA256.variable}",
        )
    return archive


def located(ctx: Context, archive: Archive) -> Path:
    """Return the path of the checked archive: a local one stays where it is, a downloaded one is in the cache."""
    return Path(archive.place) if archive.local else ctx.cache / f"{archive.sha256}.tgz"


def _mark(ctx: Context, archive: Archive) -> Path:
    return ctx.cache / f"{archive.sha256}.checked"


def _state(path: Path) -> str:
    found = path.stat()
    return json.dumps({"path": str(path), "size": found.st_size, "modified": found.st_mtime_ns}) + "\n"


def checked(ctx: Context, archive: Archive) -> bool:
    """Tell whether the archive is there and unchanged since its SHA-256 was checked."""
    try:
        return _mark(ctx, archive).read_text() == _state(located(ctx, archive))
    except OSError:
        return False


def of_wanted(ctx: Context, look: Callable[[Context, Archive], Evidence | None]) -> Evidence | None:
    """Return what `look` says of the archive to install; on an installed server, that it is not needed any more."""
    if (done := finished(ctx)) is not None:
        return done
    try:
        return look(ctx, wanted(ctx))
    except OperatorError:
        return None


def evidence(ctx: Context, archive: Archive) -> Evidence | None:
    """Return the evidence that an archive is there, checked and unchanged."""
    if not checked(ctx, archive):
        return None
    path = located(ctx, archive)
    return Evidence(f"{path}, {path.stat().st_size} bytes, SHA-256 {archive.sha256}")


def obtain(ctx: Context, archive: Archive) -> None:
    """Fetch an archive if it is remote, and check it. Raises what `fetch` raises, and OperatorError(WRONG_SHA256)."""
    make_folder(ctx.cache, 0o700)
    if archive.local:
        take_local(archive)
    else:
        take_remote(ctx, archive)
    write_atomic(_mark(ctx, archive), _state(located(ctx, archive)))


def take_local(archive: Archive) -> None:
    """Check a local archive, which stays where it is."""
    path = Path(archive.place)
    if not path.is_file():
        raise OperatorError(codes.RELEASE_GONE, f"there is no file {path} inside the container")
    if (found := sha256(path)) != archive.sha256:
        raise OperatorError(codes.WRONG_SHA256, f"{path} has {found}, expected {archive.sha256}")


def take_remote(ctx: Context, archive: Archive) -> None:
    """Download an archive and check it; a wrong one is removed.

    A complete file without a mark is of an attempt that was killed in between: it is not downloaded again. A part of
    an earlier attempt may be damaged by a power cut: a wrong file with such bytes is downloaded once more.
    """
    from states.zimbra.download import Download, drop, fetch

    download = Download(
        url=archive.place,
        target=located(ctx, archive),
        proxy=ctx.settings.get(PROXY),
        check=ctx.check,
        pause=ctx.pause,
        report=lambda done, total: ctx.progress.report(done, total, "bytes", "downloading"),
    )
    if download.target.is_file() and sha256(download.target) == archive.sha256:
        return
    resumed = fetch(download)
    ctx.progress.report(note="checking the SHA-256")
    found = sha256(download.part)
    if found != archive.sha256:
        length = download.part.stat().st_size
        drop(download)
        if resumed:
            raise TransientError(
                codes.DOWNLOAD, f"{archive.place}: the download was resumed after an earlier start, and it is damaged"
            )
        raise OperatorError(
            codes.WRONG_SHA256, f"{archive.place} ({length} bytes) has {found}, expected {archive.sha256}; removed"
        )
    download.part.rename(download.target)
    download.tag.unlink(missing_ok=True)
