"""The installer over the old server: holds, kills, what counts as done, and how it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from states.install import setup
from states.product import PRODUCT
from states.upgrade import answers, backup, codes, software, status
from states.upgrade import setup as newer
from states.zimbra import history, holds, installers, leftovers, networks, order, readback, services, syslog
from states.zimbra import notices as said
from states.zimbra.history import last
from states.zimbra.proof import proven
from tests.states.install.records import session, write_history
from tests.states.install.shells import commands
from tests.states.upgrade.servers import (
    BEFORE,
    LOCAL,
    NEW,
    OLD,
    STAGES,
    UNDER_WAY,
    Effect,
    server,
    unpacked,
    upgraded,
    write_packages,
)
from zflow.api import CommandError, Context, OperatorError, TransientError, ZflowError
from zflow.codes import COMMAND


def under_way(volume: Path, effect: Effect = lambda _argv: None) -> Context:
    """Return a context of an upgrade that was prepared."""
    ctx = server(volume, effect)
    unpacked(ctx)
    order.give(ctx, UNDER_WAY)
    return ctx


def failure(act: object, ctx: Context) -> ZflowError:
    """Return what an attempt raises."""
    with pytest.raises(ZflowError) as caught:
        act(ctx)  # type: ignore[operator]
    return caught.value


def held(ctx: Context) -> list[str]:
    """Return the calls of apt-mark, in order."""
    return [argv[argv.index("apt-mark") + 1] for argv in commands(ctx) if "apt-mark" in argv]


def test_software_is_exchanged_between_lifted_and_restored_holds(tmp_path: Path) -> None:
    """The holds are lifted around the installer alone, which gets the answers of an upgrade."""

    def effect(argv: tuple[str, ...]) -> str | None:
        if "install.sh" not in argv:
            return None
        assert 'UPGRADE="yes"' in (tmp_path / answers.FILE).read_text()
        upgraded(tmp_path)
        return "done"

    ctx = under_way(tmp_path, effect)
    assert software.probe(ctx) is None
    software.apply(ctx)
    assert software.probe(ctx) is not None
    assert held(ctx) == ["unhold", "hold"]
    ran = [word for argv in commands(ctx) for word in argv if word in {"unhold", "install.sh", "hold"}]
    assert ran == ["unhold", "install.sh", "hold"]
    assert not (tmp_path / answers.FILE).exists()


def test_a_serving_server_is_left_to_the_installer_and_a_half_one_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What still serves is stopped by the vendor when all is fetched; after a cut-off run nothing may live on."""
    ended: list[Context] = []
    monkeypatch.setattr(leftovers, "end_all", ended.append)
    ctx = under_way(tmp_path)
    failure(software.apply, ctx)
    assert ended == []
    upgraded(tmp_path, complete=False)
    failure(software.apply, ctx)
    assert ended == [ctx]


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ("Unable to find missing packages in repository. System is not modified.\n", [TransientError, OperatorError]),
        ("ERROR: Unknown option x\n", [OperatorError, OperatorError]),
    ],
    ids=["passing", "for good"],
)
def test_a_failed_installer_is_told_with_the_servers_state(
    tmp_path: Path, said: str, kinds: list[type[ZflowError]]
) -> None:
    """The holds are back, the code is the upgrade's own, and after two failures it waits for the operator."""
    ctx = under_way(tmp_path, lambda argv: said if "install.sh" in argv else None)
    for number, kind in enumerate(kinds):
        error = failure(software.apply, ctx)
        assert isinstance(error, kind)
        assert error.code is codes.FAILED
        assert error.detail.startswith(f"the software is still {OLD}; ZF-30")
        assert held(ctx) == ["unhold", "hold"] * (number + 1)


@pytest.mark.parametrize(
    ("complete", "version", "words"),
    [
        (False, OLD, f"the software is still {OLD}"),
        (False, NEW, f"the software is partly {NEW}: 10 packages of that version"),
        (True, NEW, f"the software is {NEW}; the last stage of its configuration was configLCValues"),
    ],
)
def test_where_a_server_stands(tmp_path: Path, complete: bool, version: str, words: str) -> None:
    """Between two releases the status names the packages that are there and the stage of the configuration."""
    ctx = under_way(tmp_path)
    upgraded(tmp_path, complete=complete, stages=STAGES[:2] if complete else ())
    write_packages(tmp_path, version)
    assert status.status(ctx, UNDER_WAY) == words


@pytest.mark.parametrize(
    ("word", "version"), [("INSTALLED", NEW), ("UPGRADED", OLD)], ids=["not as an upgrade", "another version"]
)
def test_software_that_is_not_the_ordered_one(tmp_path: Path, word: str, version: str) -> None:
    """A session that did not upgrade, or left another version behind, is not the result."""
    ctx = under_way(tmp_path)
    write_history(tmp_path, session(100, stages=STAGES), session(200, word=word, version=version))
    write_packages(tmp_path, version)
    assert software.probe(ctx) is None


def test_nothing_else_takes_a_half_upgraded_server_for_lost(tmp_path: Path) -> None:
    """With packages purged by a cut-off run the install's own steps hold, so that the upgrade is reached."""
    ctx = under_way(tmp_path)
    upgraded(tmp_path, complete=False)
    (tmp_path / "var/lib/dpkg/status").write_text("")
    assert setup.probe(ctx) is not None
    assert proven(ctx) is not None
    order.fulfil(ctx)
    assert setup.probe(ctx) is None


def test_a_half_upgraded_server_is_not_watched(tmp_path: Path) -> None:
    """What is down on purpose wakes no walk; the settings are the engine's to watch."""
    ctx = under_way(tmp_path)
    assert (PRODUCT.watched_files(ctx), PRODUCT.watches(ctx)) == ((), ())
    order.withdraw(ctx)
    assert PRODUCT.watched_files(ctx) != ()
    assert PRODUCT.watches(ctx) != ()


def test_holds_of_nothing(tmp_path: Path) -> None:
    """With every package purged there is nothing to lift, and what is there afterwards is held."""
    ctx = under_way(tmp_path)
    (tmp_path / "var/lib/dpkg/status").write_text("")
    with holds.lifted(ctx):
        assert held(ctx) == []
        write_packages(tmp_path, NEW, held=False)
    assert held(ctx) == ["hold"]


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what belongs to a running server, and wait for nothing."""
    for module, name in (
        (leftovers, "end_all"), (syslog, "turn"), (services, "record"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lambda _ctx: None)
    monkeypatch.setattr(readback, "PATIENCE", -1)


def configuring(volume: Path, effect: Effect = lambda _argv: None) -> Context:
    """Return a context whose zmsetup.pl comes to its end, and that has the newer software."""

    def answer(argv: tuple[str, ...]) -> str | Exception | None:
        if installers.ZMSETUP not in argv:
            return effect(argv)
        assert last(ctx) == fresh
        said = effect(argv)
        if said is None:
            upgraded(volume, stages=STAGES)
        return said or "Updating global config...done.\n"

    ctx = under_way(volume, answer)
    upgraded(volume)
    fresh = last(ctx)
    return ctx


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("stages", [(), STAGES[:3], STAGES], ids=["fresh", "cut off", "ended, not proven"])
def test_a_configuration_begins_from_its_beginning_and_ends_the_order(tmp_path: Path, stages: tuple[str, ...]) -> None:
    """What an earlier run left in the history is taken out; proven, the newer session is the server's."""
    ctx = configuring(tmp_path)
    upgraded(tmp_path, stages=stages)
    assert newer.probe(ctx) is None
    newer.apply(ctx)
    evidence = newer.probe(ctx)
    assert evidence is not None
    assert evidence.summary == f"upgraded to {NEW} and read back"
    assert order.ordered(ctx) is None
    session = proven(ctx)
    assert session is not None
    assert session.packages["zimbra-core"] == NEW
    assert not (tmp_path / "opt/zflow-release").exists()
    # The server has kept the addresses it had: whether they are the container's is for `install.networks` to see.
    assert not (tmp_path / networks.MARK).exists()


@pytest.mark.usefixtures("quiet")
def test_a_kill_after_the_proof_runs_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the mark of the proven server and the end of the order only the order is left to end."""
    ctx = configuring(tmp_path)
    monkeypatch.setattr(newer, "fulfil", lambda _ctx: None)
    newer.apply(ctx)
    monkeypatch.undo()
    before = len(commands(ctx))
    newer.apply(ctx)
    assert (len(commands(ctx)), order.ordered(ctx)) == (before, None)


@pytest.mark.parametrize(
    ("left", "put_back"), [(LOCAL, False), (LOCAL[:-5], True), ("", True), (None, True)],
    ids=["whole", "cut off", "empty", "gone"],
)  # fmt: skip
def test_local_settings_survive_a_kill_of_what_rewrites_them(tmp_path: Path, left: str | None, put_back: bool) -> None:
    """The passwords are backed up before the installer runs, restored where they were lost, and removed at the end."""
    ctx = under_way(tmp_path)
    backup.save(ctx)
    path = tmp_path / backup.FILE.lstrip("/")
    path.unlink()
    if left is not None:
        path.write_text(left)
    backup.restore(ctx)
    assert [argv[-2:] for argv in commands(ctx)] == ([(backup.FILE, "0640")] if put_back else [])
    backup.remove(ctx)
    assert not list(ctx.home.glob("*localconfig*"))


UNPROVEN = {
    "refused": ("zmsetup", "UPGRADE FAILED - exiting.\n", "UPGRADE FAILED"),
    "a part failed and ended it": ("zmsetup", "Upgrading ldap...failed.\nUPGRADE FAILED\n", "Upgrading ldap...failed."),
    "another account": ("ga", "zimbraId: 9-9-9", "the administrators' accounts: 1-2-3 is gone"),
    "a service lost": ("gs", "zimbraServiceEnabled: ldap", "the enabled services: mta is gone"),
    "another release": ("-v", "Release 8.8.15.GA.3869", f"not {NEW}"),
    "down": ("status", "\tmta   Stopped\n", "not running: mta"),
}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("case", UNPROVEN)
def test_a_server_that_is_not_what_it_was_is_not_believed(tmp_path: Path, case: str) -> None:
    """A failure that the vendor prints, or something that the server lost, keeps the order open and is in the error."""
    what, said, words = UNPROVEN[case]

    def effect(argv: tuple[str, ...]) -> str | None:
        if installers.ZMSETUP in argv:
            upgraded(tmp_path, stages=STAGES if "UPGRADE FAILED" not in said else STAGES[:1])
            return said if what == "zmsetup" else None
        return said if what in argv else None

    ctx = configuring(tmp_path, effect)
    first, second = failure(newer.apply, ctx), failure(newer.apply, ctx)
    assert (type(first), type(second)) == (TransientError, OperatorError)
    assert first.code is codes.FAILED
    assert words in first.detail
    assert order.under_way(ctx) is not None
    found = proven(ctx)
    assert found is not None
    assert found.start == "100"


@pytest.mark.usefixtures("quiet")
def test_a_line_that_says_failed_stops_no_upgrade(tmp_path: Path) -> None:
    """A server that is what it was, and newer, is believed; what the vendor's program regrets is a notice."""

    def effect(argv: tuple[str, ...]) -> str | None:
        if installers.ZMSETUP in argv:
            upgraded(tmp_path, stages=STAGES)
            return "Setting up syslog.conf...Failed\n"
        return None

    ctx = configuring(tmp_path, effect)
    newer.apply(ctx)
    assert order.ordered(ctx) is None
    assert said.notices(ctx) == ("the vendor's installer reported: Setting up syslog.conf...Failed",)


@pytest.mark.parametrize("ends", ["", "300: INSTALL SESSION START\n"])
def test_only_the_last_sessions_configuration_is_forgotten(tmp_path: Path, ends: str) -> None:
    """Lines up to the last complete installation stay byte by byte; without one all lines stay."""
    ctx = server(tmp_path)
    upgraded(tmp_path, stages=STAGES[:2])
    path = tmp_path / history.HISTORY
    whole = path.read_text()
    path.write_text(whole + ends)
    gone = history.forget_configuration(ctx)
    assert path.read_text() == whole[: whole.rindex("INSTALL SESSION COMPLETE\n") + len("INSTALL SESSION COMPLETE\n")]
    assert [line.partition(": ")[2] for line in gone][:3] == [
        "CONFIG SESSION START", "CONFIGURED BEGIN", "CONFIGURED configLCValues",
    ]  # fmt: skip
    assert history.forget_configuration(ctx) == []


def test_what_was_added_is_nobodys_loss() -> None:
    """Only something that a server had and does not have any more is listed."""
    assert readback.lacking(BEFORE, {**BEFORE, "the enabled services": ("imapd", "ldap", "mta")}) == []
    assert readback.lacking(BEFORE, {}) == [
        "the administrators' accounts: 1-2-3 is gone", "the enabled services: ldap, mta are gone",
    ]  # fmt: skip


def test_a_failing_command_is_told_as_the_upgrades(tmp_path: Path) -> None:
    """What ended the installer has the upgrade's code around its own."""
    crashed = CommandError(COMMAND, ("install.sh",), 137, "Killed")
    ctx = under_way(tmp_path, lambda argv: crashed if "install.sh" in argv else None)
    error = failure(software.apply, ctx)
    assert error.code is codes.FAILED
    assert "ZF-3022" in error.detail
