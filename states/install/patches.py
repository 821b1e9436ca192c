"""The vendor's patches for its old release: without them known security holes are open.

The vendor publishes patches for its own builds as packages beside those of the release, and its dialogue installs them
without a question (globals.sh 8.8.15: 42-44, utilfunc.sh: 2462-2467); a defaults file does not. Builds by others have
the patches built in, and the vendor's packages would undo them: apt cannot know, for they ask for older versions.

Whether their scripts need a running server is not published, so one runs; it is restarted afterwards. As with the
vendor's installer a failure is not an error (packages.sh: 166-176): it is a notice, the server serves without them, and
the next start of the container tries again. A patch that was removed by hand is not installed again.
"""

from __future__ import annotations

import re

from states.ubuntu import dpkg
from states.zimbra import holds, marks, repair, source
from states.zimbra.packages import vendor_packages
from states.zimbra.tools import as_zimbra, zimbra_version
from zflow.api import CommandError, Context, Evidence, Step

OWN_BUILDS = ("8.8.15.GA.3869.", "8.8.15.GA.4179.")
"""Versions of zimbra-core in the vendor's own archives, for 18.04 and 20.04 (docs/zimbra.md §6.1)."""
PATCHES = ("zimbra-patch", "zimbra-mta-patch", "zimbra-proxy-patch")
OWED, TRIED = "patches-restart.txt", "patches-tried.txt"
"""Marks, each with the start in which it counts: the patches are in and the server has to be restarted for them;
they could not be installed."""
SEEN = "patches-seen.txt"
"""Mark: the version of Zimbra, and the patches that it has had, a line each."""
PATIENCE = 300
"""Seconds that the package source gets for its lists, and for the packages: a server that could serve waits for them
behind closed ports. What has come by then lies in apt's cache for the next start."""


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
    """Return the patches that are offered and not completely installed, without those removed by hand."""
    present, away = vendor_packages(ctx), removed(ctx)
    names = offered(ctx) - away
    return [name for name in PATCHES if name in names and (name not in present or not present[name].installed)]


def removed(ctx: Context) -> set[str]:
    """Return the patches that this Zimbra has had and lacks now."""
    return _seen(ctx) - vendor_packages(ctx).keys()


def _seen(ctx: Context) -> set[str]:
    version, _, names = marks.read(ctx, SEEN).partition("\n")
    return set(names.split()) if version == zimbra_version(ctx) else set()


def _there(ctx: Context) -> set[str]:
    return {name for name, each in vendor_packages(ctx).items() if name in PATCHES and each.installed}


def probe(ctx: Context) -> Evidence | None:
    """Check that each offered patch is installed and recorded, and no restart is owed; or that none is needed."""
    if not zimbra_version(ctx).startswith(OWN_BUILDS):
        return Evidence("not needed: this is not the vendor's own build of 8.8.15")
    left = lacking(ctx)
    tried = marks.agrees(ctx, TRIED, ctx.boot)
    if marks.agrees(ctx, OWED, ctx.boot) or (left and not tried) or _there(ctx) - _seen(ctx):
        return None
    present = vendor_packages(ctx)
    found = [f"{name} {present[name].version}" for name in PATCHES if name in present]
    told = [_told(left)] if left else []
    if marks.agrees(ctx, OWED, _failed(ctx)):
        told.append(
            "the server could not be restarted for the vendor's patches; see `zflow logs install.patches`, then "
            "restart the container"
        )
    away = tuple(f"{name} was removed by hand, and is not installed again" for name in sorted(removed(ctx)))
    none = "none installed" if left or away else "the package source offers none"
    return Evidence(", ".join(found) or none, tuple(told), away)


def _failed(ctx: Context) -> str:
    return f"failed in {ctx.boot}"


def _told(names: list[str]) -> str:
    listed = " ".join(names)
    return (
        f"the vendor's patches {listed} could not be installed, and known security holes stay open; see `zflow logs "
        f"install.patches`. The next start tries again; or run `zflow pause`, `zflow shell apt-get install --yes "
        f"--allow-change-held-packages {listed}`, `zflow shell su - zimbra -c 'zmcontrol restart'` and `zflow resume`"
    )


def apply(ctx: Context) -> None:
    """Install missing patches, and restart the server. A failure is recorded for this start."""
    if lacking(ctx):
        try:
            _install(ctx)
        except CommandError as error:
            ctx.log(f"not installed: {error.detail}")
        if lacking(ctx):
            marks.write(ctx, TRIED, ctx.boot)
    if marks.agrees(ctx, OWED, ctx.boot):
        dpkg.complete(ctx)  # what a time limit interrupted: no server restarts on half of it
        ctx.progress.report(note="restarting the server for the vendor's patches")
        marks.write(ctx, OWED, _restarted(ctx))
    marks.write(ctx, SEEN, "\n".join([zimbra_version(ctx), *sorted(_seen(ctx) | _there(ctx))]))


def _install(ctx: Context) -> None:
    """Fetch everything before anything is changed. Raises CommandError."""
    if vendor_packages(ctx).keys() & set(lacking(ctx)):  # cut off in the middle
        marks.write(ctx, OWED, ctx.boot)
    repair.complete_packages(ctx)
    source.refresh_lists(ctx, PATIENCE)
    if names := lacking(ctx):
        ctx.progress.report(note="fetching the vendor's patches")
        ctx.shell.chroot(*dpkg.FETCH, *names, timeout=PATIENCE)
        ctx.progress.report(note="installing the vendor's patches")
        with holds.lifted(ctx):
            marks.write(ctx, OWED, ctx.boot)
            dpkg.run(ctx, "apt-get", "--yes", "--no-remove", *dpkg.APT_OLD_FILES, "install", *names)


def _restarted(ctx: Context) -> str:
    """Restart the server; return what is owed then. install.services starts stopped services."""
    try:
        as_zimbra(ctx, "zmcontrol", "restart", ok=range(256), timeout=900, daemon=True)
    except CommandError as error:
        ctx.log(f"not restarted: {error.detail}")
        return _failed(ctx)
    return ""


STEP = Step(
    name="install.patches",
    title="Install the vendor's patches",
    probe=probe,
    apply=apply,
    timeout=3600,
    weight=5,
)
