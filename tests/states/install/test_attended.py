"""The vendor's menu between the installed software and the configured server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from states.install import codes, menu, setup
from states.server import SETTINGS as SERVER
from states.ubuntu.settings import UBUNTU
from states.zimbra import installers, leftovers, readback, services, software
from states.zimbra.settings import SETTINGS
from tests.states.install.records import STAGES, installed, session, write_history, write_server, write_status
from tests.states.install.shells import Answering
from tests.support import make_context
from zflow.api import Context, OperatorError

TABLE = (*SERVER, UBUNTU, *SETTINGS)
ENABLED = "".join(f"zimbraServiceEnabled: {each}\n" for each in sorted(readback.ENABLED - {"antivirus"}))


def server(argv: tuple[str, ...], **changes: str) -> str:
    """Answer as a whole server whose operator chose a domain and an administrator of their own."""
    answers = {
        "gcf": "zimbraDefaultDomainName: chosen.example\n",
        "gs": ENABLED,
        "gaaa": "root@chosen.example\nsecond@chosen.example\n",
    }
    return {**answers, **changes}.get(argv[2], "") if argv[0] == "zmprov" else ""


def context(volume: Path, answer: Callable[[tuple[str, ...]], str] = server, **settings: str) -> Context:
    """Return a context for an attended install."""
    environment = {"ZFLOW_HOSTNAME": "mail.example.org", "ZFLOW_INSTALL": "attended", **settings}
    return make_context(volume, TABLE, environment, shell=Answering(volume, answer))


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context over a clean software install."""
    write_history(tmp_path, session(1))
    write_status(tmp_path, installed())
    monkeypatch.setattr(leftovers, "end_all", lambda _ctx: None)
    monkeypatch.setattr(services, "status", lambda _ctx: {"ldap": True})
    return context(tmp_path)


def refused(call: Callable[[Context], object], ctx: Context) -> OperatorError:
    """Return what a call is refused with."""
    with pytest.raises(OperatorError) as caught:
        call(ctx)
    return caught.value


def test_clean_software_invites_to_the_menu(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the software installed the walk waits for the operator, and says how to open the menu."""
    monkeypatch.setattr(software, "rebuild", lambda _ctx, _shut: pytest.fail("it was clean"))
    error = refused(setup.apply, ctx)
    assert error.code is codes.MENU
    assert "podman exec -it NAME zflow install" in error.code.remedy
    menu.open_menu(ctx)
    assert menu.command(ctx)[-1] == installers.ZMSETUP


def test_a_menu_left_without_applying_has_done_nothing(ctx: Context) -> None:
    """Whoever leaves the menu before it configures anything may open it again."""
    menu.open_menu(ctx)
    assert "Nothing was configured" in menu.close_menu(ctx)
    assert not menu.opened(ctx).exists()
    menu.open_menu(ctx)


def test_a_cut_in_the_configuration_goes_back_to_clean_software(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun and not ended is thrown away, and the invitation says why it comes again."""

    def rebuild(ctx: Context, _shut: object) -> None:
        write_history(ctx.volume, session(1, stages=STAGES[:2]), session(2))
        (ctx.volume / "opt/zimbra/store/0").rmdir()

    menu.open_menu(ctx)
    write_history(ctx.volume, session(1, stages=STAGES[:2]))
    (ctx.volume / "opt/zimbra/store/0").mkdir(parents=True)
    assert "interrupted" in menu.close_menu(ctx)
    assert refused(menu.open_menu, ctx).code is codes.MENU_CLOSED
    monkeypatch.setattr(software, "rebuild", rebuild)
    error = refused(setup.apply, ctx)
    assert error.code is codes.MENU
    assert "the earlier configuration was interrupted, the software is clean again" in error.detail
    again = refused(setup.apply, ctx)
    assert again.code is codes.MENU
    assert "cut off" not in again.detail
    menu.open_menu(ctx)


def finish_menu(ctx: Context) -> None:
    """Have the menu configure the server to its end."""
    menu.open_menu(ctx)
    write_history(ctx.volume, session(1, stages=STAGES))
    log = ctx.volume / "opt/zimbra/log/zmsetup.20250101-000000.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("Wed Nov  5 15:11:04 2025 Installing zimlets...\nWed Nov  5 15:11:05 2025 failed.\n")
    assert "finished" in menu.close_menu(ctx)


def test_what_the_operator_chose_counts(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole server is taken over as it is; where the settings speak of another one, that is said until they agree."""
    finish_menu(ctx)
    menu.take_over(ctx)
    assert menu.chosen_by_operator(ctx) == menu.Chosen(
        "chosen.example",
        ("root@chosen.example", "second@chosen.example"),
        ("Installing zimlets...failed.",),
        "test-boot",
    )
    failed, domain, admin = menu.notices(ctx)
    assert failed == "the vendor's menu reported: Installing zimlets...failed."
    assert "set ZFLOW_MAIL_DOMAIN=chosen.example" in domain
    assert "admin@example.org is not an administrator of this server" in admin
    agreed = context(ctx.volume, ZFLOW_MAIL_DOMAIN="chosen.example", ZFLOW_ADMIN="second@chosen.example")
    assert menu.notices(agreed) == (failed,)
    write_server(ctx.volume)
    monkeypatch.setattr(setup, "proven", lambda _ctx: None)
    assert setup.probe(ctx) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gs": ""}, "the directory has no server mail.example.org: the server's host name must be the container's"),
        ({"gs": "zimbraServiceEnabled: mta\n"}, "services not enabled on mail.example.org: amavis, ldap"),
        ({"gcf": ""}, "there is no default domain"),
        ({"gaaa": "ERROR: service.FAILURE (x)\n"}, "there is no administrator's account"),
    ],
)
def test_a_server_that_is_not_whole_is_the_operators_to_mend(ctx: Context, changes: dict[str, str], words: str) -> None:
    """What does not read back is told and kept: nobody throws an operator's work away but the operator."""
    finish_menu(ctx)
    lacking = context(ctx.volume, lambda argv: server(argv, **changes))
    error = refused(setup.apply, lacking)
    assert error.code is codes.MENU_RESULT
    assert words in error.detail
    assert menu.ended(ctx)
    menu.give_up(ctx)
    assert not menu.ended(ctx)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda ctx: write_server(ctx.volume), "the server is installed"),
        (lambda ctx: write_history(ctx.volume), "the software is not installed yet"),
        (lambda ctx: software.spoilt(ctx).touch(), "the software is not installed yet"),
        (lambda ctx: write_history(ctx.volume, session(1, stages=STAGES)), "add --again"),
    ],
)
def test_when_the_menu_stays_closed(ctx: Context, prepare: Callable[[Context], None], words: str) -> None:
    """The menu is opened between clean software and a server only."""
    prepare(ctx)
    error = refused(menu.open_menu, ctx)
    assert error.code is codes.MENU_CLOSED
    assert words in error.detail
    assert refused(menu.give_up, ctx).code is codes.MENU_CLOSED


def test_unattended_has_no_menu(ctx: Context) -> None:
    """Where zflow answers, the menu is not for opening."""
    error = refused(menu.open_menu, context(ctx.volume, ZFLOW_INSTALL="unattended"))
    assert "ZFLOW_INSTALL is unattended" in error.detail


WRITING = """\
umask 022
ln -s /etc/hostname /tmp/zmsetup.planted.log
closed() {
    for n in $(seq 100); do
        [ "$(stat -c %a $1)" = 600 ] && break
        sleep 0.1
    done
    stat -c %a $1
}
closed /tmp/zmsetup.20251130-125301.log
: >/tmp/zmsetup.20261130-125301.log
closed /tmp/zmsetup.20261130-125301.log
stat -c %a /etc/hostname
"""


@pytest.mark.root
def test_the_menus_log_is_closed_while_the_menu_is_open() -> None:
    """The operator is still choosing when nobody else may read it, also where an older one was open until then.

    What a link of that name leads to is left alone.
    """
    before = f"{Path('/etc/hostname').stat().st_mode & 0o777:o}"
    script = 'mount -t tmpfs tmp /tmp && (umask 022; : >/tmp/zmsetup.20251130-125301.log) && exec sh -c "$@"'
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", menu.CLOSING, "closing", "sh", "-c", WRITING]
    done = subprocess.run(argv, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["600", "600", before]
