"""`zflow upgrade`: orders a newer release, and cancels the order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zflow.commands.kit import Exit, exclusively, go_on, look, writes

if TYPE_CHECKING:
    from states.zimbra.releases import Archive

COURSE = """\
 1. The server keeps serving. zflow downloads the archive, checks its SHA-256, unpacks it, and downloads all packages.
    Any problem that can be found beforehand stops the upgrade here, and the server stays as it is.
 2. The services stop, usually for 20 to 60 minutes. The vendor's installer replaces the software and upgrades data and
    configuration. If it is interrupted, the next start continues it.
 3. zflow checks the server and applies again what the newer release reset: hardening, certificate, limits.
The only way back is a copy of the volume: make one first, with the container stopped."""


@click.command()
@click.option("--release", metavar="R", help="The release: a row of the release table, such as 9.0.")
@click.option("--url", metavar="URL|PATH", help="The archive; default: the vendor's, if zflow knows it.")
@click.option("--sha256", metavar="HEX", help="The archive's SHA-256; required with --url.")
@click.option("--withdraw", is_flag=True, help="Cancel the upgrade before its installer starts.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-follow", is_flag=True, help="Return when the walk has begun; do not show it.")
@writes
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
    """Upgrade the server to a newer release of Zimbra."""
    if withdraw:
        return _withdraw(no_follow=no_follow)
    if release is None:
        raise click.UsageError("name the release: --release R")
    from states.upgrade.request import order
    from states.zimbra.order import give

    ctx = look()
    named = _archive(release, url, sha256)
    wanted = order(ctx, release, named)
    click.echo(f"Upgrade Zimbra {wanted.installed} to release {release}, from {wanted.archive.place}")
    click.echo(COURSE)
    if dry_run:
        return Exit.VALID
    if not yes:
        click.confirm("Continue?", abort=True)
    with exclusively():
        give(ctx, order(ctx, release, named))
    return go_on(follow=not no_follow)


def _withdraw(*, no_follow: bool) -> int:
    from states.upgrade.request import withdraw

    with exclusively():
        found = withdraw(look())
    if found is None:
        click.echo("No upgrade is ordered.")
        return Exit.VALID
    click.echo(f"The upgrade to release {found.release} is cancelled; the server stays {found.installed}.")
    return go_on(follow=not no_follow)


def _archive(release: str, url: str | None, sha256: str | None) -> Archive | None:
    """Return the named archive, by the parsers of the settings of the same names; None when none is named."""
    from urllib.parse import urlsplit

    from states.zimbra.releases import Archive
    from states.zimbra.settings import RELEASE, RELEASE_SHA256, RELEASE_URL

    if (url is None) != (sha256 is None):
        raise click.UsageError("give --url and --sha256 together")
    try:
        RELEASE.parse(release)
        found = Archive(RELEASE_URL.parse(url), RELEASE_SHA256.parse(sha256)) if url and sha256 else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if found and "@" in urlsplit(found.place).netloc:
        raise click.UsageError(
            "a password in --url is visible in the process list: download the archive, and give its path"
        )
    return found
