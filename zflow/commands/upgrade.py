"""The command that orders a newer release, and withdraws the order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zflow.commands.light import volume
from zflow.commands.steering import go_on
from zflow.exits import Exit

if TYPE_CHECKING:
    from states.zimbra.releases import Archive

COURSE = """\
 1. While the server serves: the archive is fetched, checked by its SHA-256 and unpacked, all packages are fetched.
    Whatever is refused is refused here, and the server stays as it is.
 2. Then the services stop, usually for 20 to 60 minutes: the vendor's installer exchanges the software and upgrades
    data and configuration. Killed anywhere, the next start goes on with it.
 3. The server is read back, and everything that the newer release reset is put back: hardening, certificate, limits.
There is no way back but a copy of the volume: make one first, with the container stopped."""


@click.command()
@click.option("--release", metavar="R", help="The release, a row of the release table, such as 9.0.")
@click.option("--url", metavar="URL|PATH", help="Its archive; left out: the vendor's own, where it is known here.")
@click.option("--sha256", metavar="HEX", help="The archive's SHA-256; required with --url.")
@click.option("--withdraw", is_flag=True, help="Take an order back, as long as its installer has not begun.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-follow", is_flag=True, help="Wake the runner and return at once.")
def upgrade(
    *,
    release: str | None,
    url: str | None,
    sha256: str | None,
    withdraw: bool,
    dry_run: bool,
    yes: bool,
    no_follow: bool,
) -> int:
    """Upgrade the server to a newer release of Zimbra; nothing else ever does."""
    if withdraw:
        return _withdraw(no_follow=no_follow)
    if release is None:
        raise click.UsageError("name the release: --release R")
    from states.upgrade.request import order
    from states.zimbra.order import give
    from zflow.commands.product import bystander
    from zflow.supervise.lock import writing
    from zflow.walk.reset import PATIENCE

    ctx = bystander().look()
    named = _archive(release, url, sha256)
    wanted = order(ctx, release, named)
    click.echo(f"Zimbra {wanted.installed} is upgraded to release {release}, from {wanted.archive.place}")
    click.echo(COURSE)
    if dry_run:
        return Exit.VALID
    if not yes:
        click.confirm("Go on?", abort=True)
    with writing(volume(), PATIENCE):
        give(ctx, order(ctx, release, named))
    return go_on(follow=not no_follow)


def _withdraw(*, no_follow: bool) -> int:
    from states.upgrade.request import withdraw
    from zflow.commands.product import bystander
    from zflow.supervise.lock import writing
    from zflow.walk.reset import PATIENCE

    with writing(volume(), PATIENCE):
        found = withdraw(bystander().look())
    if found is None:
        click.echo("No upgrade is ordered.")
        return Exit.VALID
    click.echo(f"The upgrade to release {found.release} is withdrawn; the server stays {found.installed}.")
    return go_on(follow=not no_follow)


def _archive(release: str, url: str | None, sha256: str | None) -> Archive | None:
    """Return the named archive, by the parsers of the settings of the same names; None when none is named."""
    from urllib.parse import urlsplit

    from states.install.settings import RELEASE, RELEASE_SHA256, RELEASE_URL
    from states.zimbra.releases import Archive

    if (url is None) != (sha256 is None):
        raise click.UsageError("--url and --sha256 belong together")
    try:
        RELEASE.parse(release)
        found = Archive(RELEASE_URL.parse(url), RELEASE_SHA256.parse(sha256)) if url and sha256 else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if found and "@" in urlsplit(found.place).netloc:
        raise click.UsageError(
            "a password in --url shows in the list of processes: fetch the archive, and give its path"
        )
    return found


COMMANDS = (upgrade,)
