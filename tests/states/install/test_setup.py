"""What of a configuration is believed, and the system log beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states import server
from states.install import menu, password, setup
from states.install import software as software_step
from states.install.codes import DATA_PRESENT
from states.ubuntu import logs
from states.ubuntu.settings import UBUNTU
from states.zimbra import (
    answers,
    codes,
    installers,
    leftovers,
    marks,
    networks,
    notices,
    proof,
    readback,
    services,
    setuplog,
    software,
    syslog,
    unpack,
)
from states.zimbra.history import HISTORY
from states.zimbra.history import STAGES as HISTORY_STAGES
from states.zimbra.readback import Compared
from states.zimbra.settings import SETTINGS
from states.zimbra.setuplog import Ran
from states.zimbra.syslog import without_kernel_log
from tests.states.install.records import STAGES, installed, session, write_history, write_server, write_status
from tests.states.install.shells import Answering
from tests.support import make_context
from zflow.api import Context, OperatorError, TransientError
from zflow.progress import Progress

AT = "Mon Nov 30 12:53:01 2026 "
BIONIC_CONF = """\
module(load="imuxsock") # provides support for local system logging
#module(load="immark")  # provides --MARK-- message capability
module(load="imklog" permitnonkernelfacility="on")
*.* /var/log/syslog
"""


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Return a context for a server."""
    return make_context(tmp_path, (*server.SETTINGS, UBUNTU, *SETTINGS), {"ZFLOW_HOSTNAME": "mail.example.org"})


def test_proven_server(ctx: Context) -> None:
    """A server counts while its mark stands, its configuration is there, and dpkg still lists its core."""
    assert setup.probe(ctx) is None
    write_server(ctx.volume)
    evidence = setup.probe(ctx)
    assert evidence is not None
    assert evidence.summary.startswith("Zimbra 8.8.15.GA")
    write_status(ctx.volume, {**installed(), "zimbra-core": "deinstall ok config-files"})
    assert setup.probe(ctx) is None
    write_status(ctx.volume, {**installed(), "zimbra-core": "install ok half-configured"})
    assert setup.probe(ctx) is not None
    (ctx.volume / "opt/zimbra/conf/localconfig.xml").unlink()
    assert setup.probe(ctx) is None


class Told(Progress):
    """Keeps what is reported."""

    def __init__(self, seen: list[tuple[float, float, str]]) -> None:
        self._seen = seen

    def report(self, done: float = 0, total: float = 0, unit: str = "", note: str = "") -> None:
        """Keep a report."""
        self._seen.append((done, total, note))


OWNER = "/opt/zimbra/conf/localconfig.xml is not owned by zimbra"
LDAP = f"{AT}Initializing ldap...\nno room\n{AT}failed. (256)\n{AT}Configuration failed\n"
UNPROVEN: dict[str, tuple[list[str], Ran, list[str], str]] = {
    "cut off": ([session(1, stages=STAGES[:2])], Ran("", ""), [],
                "it ended after the stage configLCValues: it printed nothing"),
    "not begun": ([session(1)], Ran(f"ERROR\n\n{OWNER}\n", ""), [], f"it ended before its first stage: {OWNER}"),
    "not begun, with a log": (
        [session(1)], Ran("x", f"{AT}{OWNER}\n"), [], f"it ended before its first stage: {OWNER}"
    ),
    "no history": ([], Ran("", ""), [], "it ended before its first stage: it printed nothing"),
    "failed by its word": (
        [session(1, stages=STAGES[:2])],
        Ran("Initializing ldap...failed. (256)\nConfiguration failed\n", LDAP),
        [],
        "Initializing ldap...failed. (256) (no room); it ended after the stage configLCValues",
    ),
    "read back otherwise": ([session(1, stages=STAGES)], Ran("", ""), ["no administrator"], "no administrator"),
    "both": (
        [session(1, stages=STAGES)],
        Ran("Mail...failed.\n", ""),
        ["not running: mta"],
        "not running: mta; Mail...failed.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNPROVEN)
def test_not_proven(ctx: Context, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """A configuration that did not reach its end, or that lacks something, is not believed; the reason is told."""
    history, ran, lacking, words = UNPROVEN[case]
    write_history(ctx.volume, *history)
    monkeypatch.setattr(readback, "compare", lambda _ctx: Compared(tuple(lacking), ()))
    with pytest.raises(TransientError) as caught:
        setup.prove(ctx, ran)
    assert (caught.value.code, caught.value.detail) == (codes.CONFIGURATION, words)


def test_what_is_no_failure_of_its_own_keeps_its_name(ctx: Context) -> None:
    """Where the package manager's lock was not to be had, that is told, and not that the configuration failed."""
    write_history(ctx.volume, session(1))
    with pytest.raises(TransientError) as caught:
        setup.prove(ctx, Ran("Could not get lock /run/zflow/apt-daily.lock\n", ""))
    assert caught.value.code is codes.PACKAGES


HARMLESS = f"{AT}Setting up syslog.conf...\nUnescaped left brace\n{AT}Failed\n{AT}\tcom_x...\n{AT}failed. This may.\n"


def test_a_line_that_says_failed_throws_no_whole_server_away(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that lacks nothing is believed; what the vendor's program regrets is a notice in this start."""
    write_server(ctx.volume)
    unlike = "zimbraSpellCheckURL of the server is not set, not http://mail.example.org:7780/aspell.php"
    monkeypatch.setattr(readback, "compare", lambda _ctx: Compared((), (unlike,)))
    setup.prove(ctx, Ran("Setting up syslog.conf...Failed\n\tcom_x...failed. This may.\n", HARMLESS))
    evidence = setup.probe(ctx)
    assert evidence is not None
    assert evidence.notices == (
        "the vendor's installer reported: Setting up syslog.conf...Failed (Unescaped left brace)",
        "the vendor's installer reported: com_x...failed. This may.",
        f"read back: {unlike}",
    )
    later = setup.probe(replace(ctx, boot="the next one"))
    assert later is not None
    assert later.notices == ()


def test_proven(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that reached its end and reads back whole is believed, and nothing is told of it."""
    write_history(ctx.volume, session(1, stages=STAGES[:1]), session(2, stages=STAGES))
    monkeypatch.setattr(readback, "compare", lambda _ctx: Compared((), ()))
    setup.prove(ctx, Ran("Initializing ldap...done.\n", ""))
    assert notices.notices(ctx) == ()


def test_sub_steps(ctx: Context) -> None:
    """Each line of a part's end is a sub-step, the checkpoints say how far it is, and more than all is never told."""
    seen: list[tuple[float, float, str]] = []
    progress = Told(seen)
    on_line = setuplog.reporter(replace(ctx, progress=progress))
    on_line("Operations logged to /tmp/zmsetup.log")
    write_history(ctx.volume, session(1, stages=STAGES[:2]))
    on_line("Setting up CA...done.")
    on_line("Initializing ldap...failed. (256)")
    write_history(ctx.volume, session(1, stages=(*HISTORY_STAGES, "configInstallCertImap", "zimbraDNSCache")))
    on_line("\tcom_zimbra_date...done.")
    total = len(HISTORY_STAGES)
    assert seen == [
        (0, total, ""),
        (2, total, "Setting up CA...done."),
        (2, total, "Initializing ldap...failed. (256)"),
        (total, total, "com_zimbra_date...done."),
    ]


@pytest.mark.parametrize(
    ("history", "under_way", "rebuilt"),
    [
        ([session(1)], (), False),
        ([session(1)], (software.spoilt,), True),
        ([session(1, stages=STAGES[:1])], (setup.begun,), True),
        ([session(1, stages=STAGES)], (setup.begun,), True),
        ([session(1, stages=STAGES[:1]), session(2)], (), False),
        ([], (setup.begun,), True),
        ([session(1)], (setup.begun,), True),
        ([session(1)], (menu.opened,), True),
    ],
    ids=[
        "clean",
        "rebuild cut off",
        "begun",
        "done, not proven",
        "rebuilt",
        "nothing",
        "its stages lost",
        "its menu's",
    ],
)
def test_begun_configurations_are_not_resumed(
    ctx: Context,
    monkeypatch: pytest.MonkeyPatch,
    history: list[str],
    under_way: tuple[Callable[[Context], Path], ...],
    rebuilt: bool,
) -> None:
    """Only a clean software install is configured; whatever was begun before is thrown away first.

    Also where a power cut took what the vendor's history told of it: nobody syncs that. What was read of a former
    server says nothing of the next one.
    """

    class Stop(BaseException):
        """The configuration would begin here."""

    def begin(*_argv: object, **_options: object) -> str:
        raise Stop

    done: list[Context] = []
    if history:
        write_history(ctx.volume, *history)
    for mark in under_way:
        (ctx.volume / "opt/zimbra/store/0").mkdir(parents=True)
        mark(ctx).touch()
    monkeypatch.setattr(leftovers, "end_all", lambda _ctx: None)
    monkeypatch.setattr(software, "rebuild", lambda ctx, _shut: done.append(ctx))
    monkeypatch.setattr(installers, "run", begin)
    marks.write(ctx, "former", "server")
    with pytest.raises(Stop):
        setup.apply(ctx)
    assert bool(done) == rebuilt
    assert marks.read(ctx, "former") == ""


def test_an_attempt_that_reached_no_stage_is_made_again_from_clean_software(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ZF-3017 says: what ended the program at once may be in what was installed."""
    rebuilt: list[Context] = []
    write_history(ctx.volume, session(1))
    (ctx.volume / "opt").mkdir(exist_ok=True)
    monkeypatch.setattr(leftovers, "end_all", lambda _ctx: None)
    monkeypatch.setattr(software, "rebuild", lambda ctx, _shut: rebuilt.append(ctx))
    monkeypatch.setattr(installers, "run", lambda *_argv, **_options: "Can't locate DBI.pm in @INC\n")
    for number in (0, 1):
        with pytest.raises(TransientError, match="it ended before its first stage"):
            setup.configure(ctx)
        assert len(rebuilt) == number
    assert "each time from a clean software install" in codes.CONFIGURATION.remedy


LOST: dict[str, list[str]] = {
    "its mark": [session(1, stages=STAGES)],
    "its mark and an upgrade before": [session(1, stages=STAGES), session(5, word="UPGRADED", stages=STAGES)],
    "the history": [],
    "the end of the history": [session(1, stages=STAGES[:2])],
    "the end of a line": [session(1, stages=STAGES)[:-5]],
    "all but the first line": [session(1)[:25]],
}


@pytest.fixture
def told() -> dict[str, str]:
    """Return what zmprov says of a server whose operator chose domain and administrator, and has no antivirus."""
    left = sorted(readback.ENABLED - {"antivirus"})
    return {
        "gcf": "zimbraDefaultDomainName: chosen.example\n",
        "gs": "".join(f"zimbraServiceEnabled: {each}\n" for each in left),
        "gaaa": "root@chosen.example\n",
    }


@pytest.fixture
def lost(ctx: Context, told: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context over a server with mail whose proof was lost, and that runs: nobody may lay hands on it."""
    write_server(ctx.volume)
    (ctx.volume / proof.MARK).unlink()
    (ctx.volume / "opt/zimbra/store/0").mkdir(parents=True)
    (ctx.volume / services.STATUS).parent.mkdir(parents=True)
    (ctx.volume / services.STATUS).write_text("")
    monkeypatch.setattr(services, "status", lambda _ctx: {"ldap": True})
    monkeypatch.setattr(syslog, "turn", lambda _ctx: None)
    for module, name in ((leftovers, "end_all"), (services, "stop"), (services, "start"), (software, "rebuild")):
        monkeypatch.setattr(module, name, lambda _ctx, name=name: pytest.fail(f"{name} before the questions"))
    shell = Answering(ctx.volume, lambda argv: told.get(argv[2], "") if argv[0] == "zmprov" else "")
    return replace(ctx, shell=shell)


@pytest.mark.parametrize("case", LOST)
def test_a_server_with_data_is_refused_and_left_as_it_is(lost: Context, told: dict[str, str], case: str) -> None:
    """Where the proof of a server was lost, and no attempt of ours was cut off, nothing is ended and nothing wiped.

    What it lacks is told, whatever of the vendor's history was lost.
    """
    write_history(lost.volume, *LOST[case])
    told |= {"gaaa": "", "gs": "zimbraServiceEnabled: mta\n"}
    before = (lost.volume / HISTORY).read_text()
    assert software_step.probe(lost) is not None
    with pytest.raises(OperatorError) as refused:
        setup.apply(lost)
    assert refused.value.code is DATA_PRESENT
    assert refused.value.detail.startswith(
        "/opt/zimbra/store/0 exists; services not enabled on mail.example.org: amavis"
    )
    assert refused.value.detail.endswith("; there is no administrator's account")
    assert (lost.volume / HISTORY).read_text() == before


@pytest.mark.parametrize("case", LOST)
def test_a_server_whose_proof_was_lost_is_recognised(lost: Context, case: str) -> None:
    """`reset-state install`, which ZF-1021 names, leads out: a server that lacks nothing counts as proven again.

    The operator's own domain, administrator and choice of services are no defect. What the vendor's history lost is
    written into it, by what dpkg says; what it still tells is kept.
    """
    write_history(lost.volume, *LOST[case])
    before = (lost.volume / HISTORY).read_text()
    assert software_step.probe(lost) is not None
    assert setup.probe(lost) is None
    setup.apply(lost)
    evidence = setup.probe(lost)
    assert evidence is not None
    assert (lost.volume / HISTORY).read_text().startswith(before)
    assert ((lost.volume / HISTORY).read_text() == before) == case.startswith("its mark")
    assert software.complete(lost) is not None


GONE = "installed without their files: zimbra-store (/opt/zimbra/common/lib/libsomething.so)"


def lose_a_library(volume: Path) -> None:
    """Have dpkg call a package installed of which one file is gone."""
    path = volume / "var/lib/dpkg/info/zimbra-store.list"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("/opt/zimbra/common/lib/libsomething.so\n")


def test_a_program_without_which_the_server_does_not_start_is_told(
    lost: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tools say that cannot run is no more than what follows from it."""
    lose_a_library(lost.volume)

    def fail(_ctx: Context) -> dict[str, bool]:
        raise TransientError(codes.CONFIGURATION, "zmcontrol does not start")

    monkeypatch.setattr(services, "status", fail)
    with pytest.raises(OperatorError) as refused:
        setup.apply(lost)
    assert refused.value.code is DATA_PRESENT
    assert refused.value.detail.startswith(f"/opt/zimbra/store/0 exists; {GONE}; ")
    assert "zmcontrol does not start" in refused.value.detail


def test_a_program_that_is_gone_is_a_notice_where_the_server_lacks_nothing(lost: Context) -> None:
    """A server with mail that lost its proof and one file of a package is asked, as one that lost its proof alone."""
    lose_a_library(lost.volume)
    before = (lost.volume / HISTORY).read_text()
    assert software_step.probe(lost) is not None
    setup.apply(lost)
    assert (lost.volume / HISTORY).read_text() == before
    evidence = setup.probe(lost)
    assert evidence is not None
    assert evidence.notices == (f"read back: {GONE}",)


def test_an_attempt_cut_off_after_its_proof_is_ended_without_doing_it_again(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the mark and the end of the attempt has a later one tidy up, and never wipe the server."""
    write_server(ctx.volume)
    setup.begun(ctx).touch()
    left = [ctx.volume / answers.PLACE, unpack.installer(ctx) / "packages/a.deb"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(software, "rebuild", lambda _ctx, _shut: pytest.fail("it was wiped"))
    assert setup.probe(ctx) is None
    setup.apply(ctx)
    assert not any(path.exists() for path in (setup.begun(ctx), *left))
    assert setup.probe(ctx) is not None


def test_the_proof_is_written_before_anything_is_tidied_up(made: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill while the release is removed costs no second install: the server that was read back stands."""

    class Killed(BaseException):
        """The power is cut here."""

    def cut(_ctx: Context) -> None:
        raise Killed

    monkeypatch.setattr(unpack, "remove", cut)
    with pytest.raises(Killed):
        setup.apply(made)
    assert proof.proven(made) is not None


@pytest.fixture
def made(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context whose configuration makes a server that lacks nothing, of zflow's own answers."""

    def configure(ctx: Context) -> None:
        write_server(ctx.volume)
        (ctx.volume / proof.MARK).unlink()
        (ctx.volume / "opt/zimbra/store/0").mkdir(parents=True)
        setup.begun(ctx).touch()

    monkeypatch.setattr(setup, "configure", configure)
    for module, name in ((networks, "remember"), (password, "agree"), (syslog, "turn"), (services, "record")):
        monkeypatch.setattr(module, name, lambda _ctx: None)
    return ctx


@pytest.mark.parametrize("late", [(password, "agree"), (syslog, "turn"), (services, "record")])
def test_what_fails_after_the_read_back_throws_no_server_away(
    made: Context, monkeypatch: pytest.MonkeyPatch, late: tuple[ModuleType, str]
) -> None:
    """The next attempt only ends what this one began: those have steps of their own."""

    def fail(_ctx: Context) -> None:
        raise OSError("no room")

    monkeypatch.setattr(*late, fail)
    monkeypatch.setattr(software, "rebuild", lambda _ctx, _shut: pytest.fail("it was wiped"))
    with pytest.raises(OSError, match="no room"):
        setup.apply(made)
    assert proof.proven(made) is not None
    setup.apply(made)
    assert setup.probe(made) is not None


def test_kernel_log() -> None:
    """The kernel's log is commented out in both of its spellings, and nothing else."""
    text = without_kernel_log(BIONIC_CONF + "$ModLoad imklog\n$ModLoad imuxsock\n")
    changed = [line for line in text.splitlines() if line.startswith("# not in a container: ")]
    assert changed == [
        '# not in a container: module(load="imklog" permitnonkernelfacility="on")',
        "# not in a container: $ModLoad imklog",
    ]
    assert text.replace("# not in a container: ", "") == BIONIC_CONF + "$ModLoad imklog\n$ModLoad imuxsock\n"


@given(st.lists(st.sampled_from([*BIONIC_CONF.splitlines(), "$ModLoad imklog", "x"])).map("\n".join))
def test_kernel_log_once(text: str) -> None:
    """A configuration put right is not changed again."""
    once = without_kernel_log(text)
    assert without_kernel_log(once) == once


def test_log_of_the_server(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The logs are made for rsyslog's user, and one of another user is seen; a file behind a link keeps its owner."""
    (ctx.volume / "etc").mkdir()
    (ctx.volume / "var/log").mkdir(parents=True)
    passwd = f"root:x:0:0:K\udcfcche:/:\nsyslog:x:{os.getuid()}:5::/:\n"
    (ctx.volume / "etc/passwd").write_bytes(passwd.encode(errors="surrogateescape"))
    (ctx.volume / "etc/group").write_text(f"xadm:x:1:\nadm:x:{os.getgid()}:syslog\n")
    assert logs.writer(ctx) == (os.getuid(), os.getgid())
    assert not logs.can_write(ctx)
    (ctx.volume / "elsewhere").touch(0o600)
    (ctx.volume / logs.STATISTICS).symlink_to(ctx.volume / "elsewhere")
    logs.give(ctx)
    assert logs.can_write(ctx)
    assert (ctx.volume / logs.ZIMBRA).stat().st_mode & 0o777 == 0o644
    assert (ctx.volume / "elsewhere").stat().st_mode & 0o777 == 0o600
    (ctx.volume / "etc/passwd").write_text(f"syslog:x:{os.getuid() + 1}:5::/:\n")
    assert not logs.can_write(ctx)
