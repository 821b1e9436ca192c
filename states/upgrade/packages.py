"""Downloads the packages of the newer release into apt's cache while the server serves.

What apt cannot resolve or download now, the vendor's installer could not either; it would find out only while it stops
the server. Later its download finds everything in the cache.
"""

from __future__ import annotations

from states.ubuntu import dpkg
from states.upgrade import answers
from states.upgrade.status import NOTHING
from states.zimbra import codes, marks, source, unpack
from states.zimbra.order import Order, key, ordered
from zflow.api import COMMAND, CommandError, Context, Evidence, Step, TransientError

MARK = "upgrade-packages.txt"


def _text(ctx: Context, order: Order) -> str:
    return f"{order.archive.sha256} {' '.join(source.sources_of(ctx, order.release))}\n"


def probe(ctx: Context) -> Evidence | None:
    """See that the packages were downloaded for the order, under way or not; or that no upgrade is ordered."""
    order = ordered(ctx)
    if order is None:
        return NOTHING
    if not marks.agrees(ctx, MARK, _text(ctx, order)):
        return None
    return Evidence(f"downloaded from {', '.join(source.sources_of(ctx, order.release))}")


def apply(ctx: Context) -> None:
    """Read the release's package source and download.

    Raises what `source.adopt` and `unpack.refuse_without_inodes` raise, and TransientError(PACKAGES).
    """
    order = ordered(ctx)
    assert order is not None
    source.adopt(ctx, source.sources_of(ctx, order.release))
    source.refresh_lists(ctx)
    ctx.progress.report(note="downloading packages")
    try:
        ctx.shell.chroot(*dpkg.FETCH, *_wanted(ctx), timeout=3000)
    except CommandError as error:
        unpack.refuse_without_inodes(ctx, error)
        if error.code != COMMAND or "No space left" in error.tail:
            raise
        lines = [line for line in error.tail.splitlines() if line.startswith(("E: ", "Err:"))]
        raise TransientError(codes.PACKAGES, " / ".join(lines[:4]) or error.detail) from error
    marks.write(ctx, MARK, _text(ctx, order))


def _wanted(ctx: Context) -> list[str]:
    """Return the packages of the archive as files, the others by name, as the installer does."""
    folder = unpack.installer(ctx) / "packages"
    names = answers.packages(ctx)
    files = {path.name.partition("_")[0]: path for path in sorted(folder.glob("*.deb"))}
    return [unpack.inside(files[name], ctx) if name in files else name for name in names]


STEP = Step(
    name="upgrade.packages",
    title="Download the packages of the ordered release",
    probe=probe,
    apply=apply,
    inputs=key,
    retry="network",
    timeout=3600,
)
