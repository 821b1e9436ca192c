"""When the firewall closes, opens and repairs itself, walk by walk, with a stand-in for nft."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from states.firewall import closed, codes, table
from states.firewall import open as opened
from states.firewall.render import ABSENT, REMOVED
from states.firewall.rules import open_text
from states.install import codes as install_codes
from states.install import setup
from states.product import PRODUCT
from states.zimbra import installers
from tests.states.firewall.conftest import Make
from tests.states.firewall.lab import Direct
from tests.states.install.records import session, write_history
from tests.support import make_context
from zflow import codes as engine_codes
from zflow.api import CommandError, Context, OperatorError, Result, Step, TransientError

STEPS = (closed.STEP, opened.STEP)


class Nft(Direct):
    """Holds a table as nft would: as the text that was loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.table: str | None = None
        self.loads: list[str] = []
        self.refusal: str | None = None

    def run(self, *argv: str, ok: Container[int] = (0,), stdin: str | None = None, **_options: object) -> Result:
        """List or load, or refuse."""
        if argv == table.LIST and self.table is not None:
            return Result(0, self.table)
        if self.refusal is not None or stdin is None:
            raise CommandError(engine_codes.COMMAND, argv, 1, self.refusal or "Error: No such file or directory")
        if self.table is not None and stdin.startswith(ABSENT):
            raise CommandError(engine_codes.COMMAND, argv, 1, "Error: Could not process rule: File exists")
        self.loads.append(stdin)
        self.table = stdin
        return Result(0, "")


@dataclass
class Journal:
    """Walks as the engine does: a step is due when its key changed or its probe sees nothing."""

    keys: dict[str, tuple[str, str]] = field(default_factory=dict)

    def walk(self, ctx: Context, steps: tuple[Step, ...] = STEPS) -> list[str]:
        """Bring about what is due; return the names of the steps that acted."""
        acted = []
        for step in steps:
            key = (ctx.boot, step.inputs(ctx) if step.inputs else "")
            if step.probe(ctx) is None:
                step.apply(ctx)
                acted.append(step.name)
            assert step.probe(ctx) is not None
            self.keys[step.name] = key
        return acted


def is_open(text: str) -> bool:
    """Tell whether a loaded text opens ports."""
    return "dport" in text


def test_first_walk_closes_then_opens(make: Make) -> None:
    """The first walk loads the closed table at its start and the open one in its state, and nothing else."""
    nft, journal = Nft(), Journal()
    ctx = make(shell=nft)
    assert journal.walk(ctx, STEPS[:1]) == ["firewall.closed"]
    assert [is_open(each) for each in nft.loads] == [False]
    assert journal.walk(ctx) == ["firewall.open"]
    assert [is_open(each) for each in nft.loads] == [False, True]


def test_what_may_come_early_is_open_while_all_else_is_closed(make: Make) -> None:
    """From the first load on only the named port is open, only to its sources; it stays open."""
    nft, journal = Nft(), Journal()
    ctx = make(shell=nft, extra_tcp="9119,2525", early_tcp="9119", sources="9119=192.0.2.0/24")
    journal.walk(ctx)
    early, late = nft.loads
    assert [line.strip() for line in early.splitlines() if "dport" in line] == [
        'ip saddr { 192.0.2.0/24 } tcp dport 9119 counter accept comment "tcp_9119_4"'
    ]
    assert "tcp dport 9119 counter" in late
    assert "tcp dport 2525 counter" in late


@pytest.mark.parametrize("settings", [{"early_tcp": "25"}, {"early_tcp": "9119", "extra_tcp": "9100-9200"}])
def test_no_port_of_the_server_can_be_open_early(make: Make, settings: dict[str, str]) -> None:
    """A port that is not just so among the extra ones is a contradiction, and nothing is open then."""
    nft = Nft()
    ctx = make(shell=nft, **settings)
    with pytest.raises(OperatorError) as caught:
        closed.apply(ctx)
    assert caught.value.code is codes.CONTRADICTION
    assert "ZFLOW_FIREWALL_EARLY_TCP" in caught.value.detail
    assert [is_open(each) for each in nft.loads] == [False]


class Building(Nft):
    """Also runs installers: tells how the firewall was while they were at work."""

    def __init__(self) -> None:
        super().__init__()
        self.while_building: list[bool] = []

    def chroot(self, *_argv: str, user: str | None = None, **_options: object) -> Result:
        """Look instead of installing."""
        self.while_building.append(is_open(self.table or ""))
        return Result(0, "")


def test_a_server_is_built_behind_closed_ports(make: Make) -> None:
    """In whichever walk an installer runs, as after `reset-state install` in a start that had opened the ports."""
    nft, journal = Building(), Journal()
    ctx = make(shell=nft)
    journal.walk(ctx)
    installers.run(ctx, "sh", "-c", "./install.sh", on_line=lambda _line: None, shut=closed.shut)
    assert nft.while_building == [False]
    assert closed.probe(ctx) is not None
    assert journal.walk(ctx) == ["firewall.open"]
    assert [is_open(each) for each in nft.loads] == [False, True, False, True]


def test_the_vendors_menu_waits_behind_closed_ports(tmp_path: Path) -> None:
    """What is configured in it starts its servers too."""
    nft = Building()
    environment = {"ZFLOW_INSTALL": "attended", "ZFLOW_HOSTNAME": "mail.example.org"}
    ctx = make_context(tmp_path, PRODUCT.settings, environment, shell=nft)
    Journal().walk(ctx)
    write_history(ctx.volume, session(1))
    with pytest.raises(OperatorError) as invited:
        setup.configure(ctx)
    assert invited.value.code is install_codes.MENU
    assert not is_open(nft.table or "")


def test_later_walks_do_not_close(make: Make) -> None:
    """While serving, a walk finds both steps in order and loads nothing."""
    nft, journal = Nft(), Journal()
    ctx = make(shell=nft)
    journal.walk(ctx)
    assert journal.walk(ctx) == []
    assert len(nft.loads) == 2


@pytest.mark.parametrize("survives", [True, False])
def test_restart_closes_again(survives: bool, make: Make) -> None:
    """After a restart the ports are closed until their state, also where the network outlived the container."""
    nft, journal = Nft(), Journal()
    journal.walk(make(shell=nft))
    if not survives:
        nft.table = None
    ctx = make(boot="boot-2", shell=nft)
    assert journal.walk(ctx, STEPS[:1]) == ["firewall.closed"]
    assert nft.table is not None
    assert not is_open(nft.table)
    assert nft.table.startswith(REMOVED if survives else ABSENT)
    assert journal.walk(ctx) == ["firewall.open"]


@pytest.mark.parametrize("drifted", [None, "", "table inet zflow { }"])
def test_drift_is_repaired_by_one_load(drifted: str | None, make: Make) -> None:
    """The first step repairs a table that was changed or removed while serving: open, by one load."""
    nft, journal = Nft(), Journal()
    ctx = make(shell=nft)
    journal.walk(ctx)
    nft.table = drifted
    assert journal.walk(ctx) == ["firewall.closed"]
    assert [is_open(each) for each in nft.loads] == [False, True, True]


def test_drift_while_closed_stays_closed(make: Make) -> None:
    """A table that was changed before the ports were opened is loaded closed."""
    nft, journal = Nft(), Journal()
    ctx = make(shell=nft)
    journal.walk(ctx, STEPS[:1])
    nft.table = None
    assert journal.walk(ctx, STEPS[:1]) == ["firewall.closed"]
    assert [is_open(each) for each in nft.loads] == [False, False]


def test_new_settings_open_without_closing(make: Make) -> None:
    """A changed port list makes the opening due, by one load and without closing."""
    nft, journal = Nft(), Journal()
    journal.walk(make(shell=nft))
    before = dict(journal.keys)
    assert journal.walk(make(shell=nft, tcp="25,443")) == ["firewall.open"]
    assert journal.keys["firewall.open"] != before["firewall.open"]
    assert journal.keys["firewall.closed"] == before["firewall.closed"]
    assert [is_open(each) for each in nft.loads] == [False, True, True]


def test_drift_and_new_settings_together(make: Make) -> None:
    """A repair uses the present settings, so that one load is enough for a drift and new settings."""
    nft, journal = Nft(), Journal()
    journal.walk(make(shell=nft))
    nft.table = None
    assert journal.walk(make(shell=nft, tcp="25,443")) == ["firewall.closed"]


def test_contradiction_closes_first_and_is_said_at_once(make: Make) -> None:
    """With contradicting settings the first step closes and refuses, and so does each later walk; nothing opens."""
    nft = Nft()
    ctx = make(shell=nft, sources="7072=10.0.0.0/8")
    assert closed.probe(ctx) is None
    for look in (closed.apply, closed.probe, open_text):
        with pytest.raises(OperatorError) as caught:
            look(ctx)
        assert caught.value.code is codes.CONTRADICTION
    assert [is_open(each) for each in nft.loads] == [False]


def test_contradiction_while_serving_keeps_what_is_loaded(make: Make) -> None:
    """Contradicting settings given to a serving server change nothing."""
    nft, journal = Nft(), Journal()
    journal.walk(make(shell=nft))
    before = nft.table
    with pytest.raises(OperatorError):
        journal.walk(make(shell=nft, sources="7072=10.0.0.0/8"))
    assert nft.table == before
    assert len(nft.loads) == 2


def test_contradiction_with_the_table_gone_closes(make: Make) -> None:
    """With contradicting settings and without a table the firewall is closed, not left open."""
    nft, journal = Nft(), Journal()
    journal.walk(make(shell=nft))
    nft.table = None
    with pytest.raises(OperatorError) as caught:
        journal.walk(make(shell=nft, sources="7072=10.0.0.0/8"))
    assert caught.value.code is codes.CONTRADICTION
    assert [is_open(each) for each in nft.loads] == [False, True, False]


REFUSALS = {
    "Operation not permitted (you must be root)\n": codes.RIGHTS,
    "netlink: Error: cache initialization failed: Operation not permitted\n": codes.RIGHTS,
    "mnl.c:60: Unable to initialize Netlink socket: Protocol not supported\n": codes.KERNEL,
    "/dev/stdin:1:1-5: Error: Could not process rule: Operation not supported\ntable inet zflow\n^^^^^\n": codes.KERNEL,
    "/dev/stdin:9:1-5: Error: Could not process rule: No such file or directory\nct state invalid\n": codes.REFUSED,
}


@pytest.mark.parametrize("said", REFUSALS)
def test_refusals_have_codes(said: str, make: Make) -> None:
    """What nft answers becomes a code with its line; missing rights and a missing kernel are not tried again."""
    nft, code = Nft(), REFUSALS[said]
    nft.refusal = said
    ctx = make(shell=nft)
    assert closed.probe(ctx) is None
    with pytest.raises(TransientError if code is codes.REFUSED else OperatorError) as caught:
        closed.apply(ctx)
    assert caught.value.code is code
    assert caught.value.detail in said


def test_failed_load_keeps_the_record(make: Make) -> None:
    """When new settings cannot be loaded, the table loaded before counts on and the steps know."""
    nft, journal = Nft(), Journal()
    journal.walk(make(shell=nft))
    nft.refusal = "Error: Could not process rule: Cannot allocate memory"
    ctx = make(shell=nft, tcp="25")
    assert closed.probe(ctx) is not None
    assert opened.probe(ctx) is None
    with pytest.raises(TransientError):
        opened.apply(ctx)
    assert opened.probe(make(shell=nft)) is not None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"boot": "boot-1"}'])
def test_torn_record_proves_nothing(content: str, make: Make, record: Path) -> None:
    """A record that cannot be read counts as none: the table is loaded again, closed."""
    nft, journal = Nft(), Journal()
    ctx = make(shell=nft)
    journal.walk(ctx)
    record.write_text(content)
    assert journal.walk(ctx) == ["firewall.closed", "firewall.open"]


def test_drift_in_words() -> None:
    """Differences are listed line by line, without the lines that agree."""
    assert table.drift("a\n\tb x\nc\n", "a\nc\n\td\n") == ["- b x", "+ d"]
    assert table.drift("a\n", "a\n") == []
