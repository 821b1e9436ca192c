"""The vendor's patches for an old release of its own: known holes are open without them.

For builds of its own the vendor publishes patches as packages beside those of the release, and its dialogue adds them
without a question (globals.sh 8.8.15: 42-44, utilfunc.sh: 2462-2467); a defaults file does not. Builds by others have
the patches built in, and the vendor's packages would take them back: apt cannot know, for they ask for older versions.

Whether their scripts want a server that runs is not published, so that one does; it is restarted afterwards. As with
the vendor's installer a failure is no error (packages.sh: 166-176): the server serves without them, which is told, and
the next start of the container tries again.
"""

from __future__ import annotations

import re

from states import witness
from states.bootstrap import dpkg
from states.install import holds
from states.install.release import source
from states.install.vendor import halfdone
from states.install.vendor.packages import vendor_packages
from states.zimbra import as_zimbra, zimbra_version
from zflow.api import CommandError, Context, Evidence, Step

OWN_BUILDS = ("8.8.15.GA.3869.", "8.8.15.GA.4179.")
"""Versions of zimbra-core in the vendor's own archives, for 18.04 and 20.04 (docs/zimbra.md §6.1)."""
PATCHES = ("zimbra-patch", "zimbra-mta-patch", "zimbra-proxy-patch")
OPTIONS = tuple(f"--option=Dpkg::Options::={each}" for each in dpkg.OLD_FILES)
OWED, TRIED = "patches-restart.txt", "patches-tried.txt"
"""Witnesses, each with the start in which it counts: the patches are in and the server has to be restarted for them;
they could not be had."""


def offered(ctx: Context) -> set[str]:
    """Return the names in the indexes of the vendor's packages that apt has read."""
    found: set[str] = set()
    for each in source.sources(ctx):
        try:
            text = source.package_index(ctx, each).read_text(errors="replace")
        except OSError:
            continue
        found.update(re.findall(r"^Package: (\S+)$", text, re.MULTILINE))
    return found


def lacking(ctx: Context) -> list[str]:
    """Return the patches that are offered and not wholly installed."""
    present, names = vendor_packages(ctx), offered(ctx)
    return [name for name in PATCHES if name in names and (name not in present or not present[name].installed)]


def probe(ctx: Context) -> Evidence | None:
    """See every patch that is offered installed, and nothing owed for it; or that none belongs here."""
    if not zimbra_version(ctx).startswith(OWN_BUILDS):
        return Evidence("not the vendor's own 8.8.15: patches are built in, or there are none")
    if witness.agrees(ctx, OWED, ctx.boot):
        return None
    if left := lacking(ctx):
        return Evidence("patches lack", (_told(left),)) if witness.agrees(ctx, TRIED, ctx.boot) else None
    present = vendor_packages(ctx)
    found = [f"{name} {present[name].version}" for name in PATCHES if name in present]
    return Evidence(", ".join(found) or "the package source offers none")


def _told(names: list[str]) -> str:
    listed = " ".join(names)
    return (
        f"the vendor's patches {listed} could not be installed, without which known holes are open; see `zflow logs "
        f"install.patches`. The next start tries again; or run `zflow pause`, `zflow shell apt-get install --yes "
        f"--allow-change-held-packages {listed}`, `zflow shell su - zimbra -c 'zmcontrol restart'` and `zflow resume`"
    )


def apply(ctx: Context) -> None:
    """Install what lacks, and restart the server. That they cannot be had is written down for this start."""
    if vendor_packages(ctx).keys() & set(lacking(ctx)):  # cut off in the middle
        witness.attest(ctx, OWED, ctx.boot)
    halfdone.complete(ctx)
    source.refresh_lists(ctx)
    if (names := lacking(ctx)) and _fetched(ctx, names):
        ctx.progress.report(note="installing the vendor's patches")
        witness.attest(ctx, OWED, ctx.boot)
        with holds.lifted(ctx):
            dpkg.run(ctx, "apt-get", "--yes", *OPTIONS, "install", *names)
    if lacking(ctx):
        witness.attest(ctx, TRIED, ctx.boot)
    if witness.agrees(ctx, OWED, ctx.boot):
        ctx.progress.report(note="restarting the server for the vendor's patches")
        as_zimbra(ctx, "zmcontrol", "restart", ok=range(256), timeout=900, daemon=True)
        witness.attest(ctx, OWED, "")


def _fetched(ctx: Context, names: list[str]) -> bool:
    """Get all that is needed before anything is changed; return whether it could be had."""
    ctx.progress.report(note="fetching the vendor's patches")
    try:
        ctx.shell.chroot(*dpkg.FETCH, *names, timeout=3000)
    except CommandError as error:
        ctx.log(f"not to be had: {error.detail}")
        return False
    return True


STEP = Step(
    name="install.patches",
    title="Install the vendor's patches",
    probe=probe,
    apply=apply,
    timeout=3600,
    weight=5,
)
