"""The server's configuration: `zmsetup.pl -c FILE`, then the server is read back.

Most failures inside zmsetup.pl print `failed.` and end with exit code 0 and `CONFIGURED END` (docs/zimbra.md §2.1), and
its resume after a kill loses parts for good (§2.4). So a configuration that was begun and not proven is discarded and
made again from a clean software install, with the same answers and secrets.

Restoring a copy of that install instead was measured and rejected. With the stand-in, installing again takes 5 of an
attempt's 20 seconds; copying and syncing 0.7 GB in 47,000 files took 16 s on ext4. The vendor's 1.5 GB would cost each
first start half a minute and the same space again. It would not be safe, either: zmsetup.pl also writes elsewhere
(crontab, rsyslog, log rotation; docs/zimbra.md §1.6), which `REMOVE="yes"` of the same release undoes.
"""

from __future__ import annotations

from pathlib import Path

from states.firewall import closed
from states.install import codes, menu, password
from states.zimbra import (
    answers,
    leftovers,
    localconfig,
    marks,
    networks,
    notices,
    order,
    readback,
    services,
    setuplog,
    software,
    syslog,
    unpack,
)
from states.zimbra import codes as zimbra_codes
from states.zimbra.history import last, supply
from states.zimbra.packages import vendor_packages
from states.zimbra.proof import BEGUN, data, mark, proven, unfinished
from states.zimbra.releases import PACKAGES
from states.zimbra.settings import INSTALL
from states.zimbra.setuplog import Ran
from zflow.api import Context, Evidence, OperatorError, Step, TransientError, ZflowError, sync_volume, write_atomic


def probe(ctx: Context) -> Evidence | None:
    """Check the mark of a proven server, and that dpkg still has its core."""
    if order.under_way(ctx) is not None:
        return Evidence("done by the upgrade that is in progress")
    session, core = proven(ctx), vendor_packages(ctx).get("zimbra-core")
    if session is None or core is None or not (ctx.volume / localconfig.FILE).is_file():
        return None
    if begun(ctx).exists() or menu.opened(ctx).exists():
        return None
    summary = f"Zimbra {session.packages.get('zimbra-core', '?')} configured and read back"
    return Evidence(summary, (*menu.notices(ctx), *notices.notices(ctx)))


def apply(ctx: Context) -> None:
    """Configure the server, or have the operator do it, and prove it.

    Raises TransientError(CONFIGURATION), OperatorError: DATA_PRESENT, MENU, MENU_RESULT, and what the installer raises.
    """
    if proven(ctx) is None:  # else cut off between the mark and the end of the attempt
        make(ctx)
    for leftover in (answers.PLACE, Path(f"{answers.PLACE}-again")):
        (ctx.volume / leftover).unlink(missing_ok=True)
    unpack.remove(ctx)
    forget(ctx)


def make(ctx: Context) -> None:
    """Configure a server, and mark it as proven. Raises what `apply` raises."""
    if menu.ended(ctx):
        menu.take_over(ctx)
    elif (present := data(ctx)) and not unfinished(ctx):
        recognise(ctx, present)
    else:
        configure(ctx)
        networks.remember(ctx)
    sync_volume(ctx.volume)
    finished = last(ctx)
    assert finished is not None
    mark(ctx, finished)
    # A failure from here on discards no server: other steps repeat this work.
    if begun(ctx).exists() and not menu.opened(ctx).exists():
        password.agree(ctx)
    syslog.turn(ctx)
    services.record(ctx)


def configure(ctx: Context) -> None:
    """Configure a clean software install from the answers; in attended mode raise the invitation to the menu."""
    content, cut_off = answers.content(ctx), menu.cut_off(ctx)
    leftovers.end_all(ctx)
    if touched(ctx):
        software.rebuild(ctx, closed.shut)
    marks.forget(ctx)
    menu.opened(ctx).unlink(missing_ok=True)
    if ctx.settings[INSTALL] == "attended":
        closed.shut(ctx)
        raise menu.invitation(after_a_cut=cut_off)
    write_atomic(begun(ctx), "")
    file = ctx.volume / answers.PLACE
    write_atomic(file, content, mode=0o600)
    prove(ctx, setuplog.run(ctx, unpack.inside(file, ctx), setuplog.reporter(ctx), closed.shut))


def forget(ctx: Context) -> None:
    """Remove the marks of a configuration under way."""
    for path in (begun(ctx), menu.opened(ctx)):
        path.unlink(missing_ok=True)


def begun(ctx: Context) -> Path:
    """Return the mark: a configuration is under way, and its data are not mail yet."""
    return ctx.home / BEGUN


def touched(ctx: Context) -> bool:
    """Tell whether a configuration was begun on the installed software, or its programs are gone.

    The vendor's history alone is not enough: it is not synced, and a power cut may remove its end.
    """
    session = last(ctx)
    from_the_menu = menu.opened(ctx).exists() and bool(data(ctx))
    ours = begun(ctx).exists() or software.spoilt(ctx).exists() or from_the_menu
    return ours or session is None or session.touched or bool(software.gone(ctx))


def recognise(ctx: Context, present: list[str]) -> None:
    """Keep a complete server whose mark is missing: nothing is stopped or installed, and a missing program is a notice.

    The server itself is read back, with the operator's changes since: the vendor's history is not synced, and lost
    lines are added to it. Raises OperatorError(DATA_PRESENT) for an incomplete server: a new install would delete its
    mail.
    """
    gone = [told] if (told := software.gone(ctx)) else []
    try:
        if services.stopped(ctx):
            services.start(ctx)
        domain, admins = readback.default_domain(ctx), readback.administrators(ctx)
        found = [*readback.unusable(ctx, domain, admins), *readback.not_running(ctx)]
    except ZflowError as error:
        if not gone:
            raise
        found = [str(error)]
    if found:
        raise OperatorError(codes.DATA_PRESENT, "; ".join([f"/{present[0]} exists", *gone, *found])[:1500])
    notices.remember(ctx, (), gone)
    session = software.recorded(ctx)
    if session is None or not session.configured:
        supply(ctx, {name: package.version for name, package in vendor_packages(ctx).items() if name in PACKAGES})


def prove(ctx: Context, ran: Ran) -> None:
    """Read the configuration back; raises TransientError(CONFIGURATION) with everything that is wrong.

    Only parts that a server needs count. Other differences and the failures that zmsetup.pl prints stand beside them,
    and are notices where no such part is missing: a zimlet, or the spell checker's address, does not discard a server.
    """
    setuplog.ended(ctx, ran)
    failed, found = setuplog.failures(ran), readback.compare(ctx)
    if found.lacking:
        raise TransientError(zimbra_codes.CONFIGURATION, "; ".join([*found.lacking, *failed])[:1500])
    notices.remember(ctx, failed, found.unlike)


STEP = Step(
    name="install.setup",
    title="Configure the server",
    probe=probe,
    apply=apply,
    retry="vendor",
    timeout=5400,
    weight=900,
    once=True,
)
