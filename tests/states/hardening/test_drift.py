"""Drift and upgrades: what differs is named with both values, put back, and the history says what was put back."""

from __future__ import annotations

import pytest

from states.hardening import senders, values
from states.hardening.senders import CHECK, TEMPLATE
from tests.states.hardening.server import Server, ServerBench
from zflow.journal.reader import reading, steps
from zflow.step import Product, State
from zflow.walk.survey import Finding, survey

PRODUCT = Product("zimbra", (State("hardening", "Hardening", (values.STEP, senders.STEP)),))
BY_HAND = {
    "zimbraHttpDosFilterDelayMillis": "100",
    "zimbraHttpDosFilterMaxRequestsPerSec": "9999",
    "zimbraHttpThrottleSafeIPs": "203.0.113.0/24",
    "zimbraInvalidLoginFilterMaxFailedLogin": "0",
    "zimbraInvalidLoginFilterDelayInMinBetwnReqBeforeReinstating": "1",
    "zimbraMtaSmtpdRejectUnlistedRecipient": "no",
    "zimbraMtaSmtpdSenderLoginMaps": "",
    "zimbra_swatch_notice_user": "somebody@example.org",
    "zimbra_swatch_total_threshold": "100000",
    "zimbra_require_interprocess_security": "0",
}
"""Ten settings, each changed to what somebody may have tried."""
KEPT = "zimbraHttpDosFilterMaxRequestsPerSec"


@pytest.fixture
def bench(server: Server) -> ServerBench:
    """A hardened server on which the operator keeps one attribute for himself."""
    made = ServerBench(server, keep_attributes=KEPT)
    assert made.walk(PRODUCT) == "serving"
    server.commands.clear()
    return made


def change(server: Server) -> None:
    """Change all ten by hand."""
    for name, value in BY_HAND.items():
        if name.startswith("zimbra_"):
            assert server.run_tool("zmlocalconfig", "-e", f"{name}={value}") == (0, "")
        else:
            assert server.run_tool("zmprov", "-l", "mcf", name, value)[0] == 0


def look(bench: ServerBench) -> dict[str, Finding]:
    """Return what `zflow verify` finds, by step."""
    with reading(bench.volume) as journal:
        statuses = {row["name"]: row for row in steps(journal)}
    return {each.step: each for each in survey(PRODUCT, statuses, bench.surroundings(), deep=True)}


def test_each_drifted_attribute_is_named_with_both_values(bench: ServerBench) -> None:
    """`verify` names every attribute that was changed, what it is and what it should be; the kept one is no finding."""
    assert {each.verdict for each in look(bench).values()} == {"holds"}
    change(bench.server)
    found = look(bench)["hardening.values"]
    assert found.verdict == "lost"
    told = dict(each.split(" is ", 1) for each in found.why.split("; "))
    assert told.keys() == BY_HAND.keys() - {KEPT}
    assert told["zimbraHttpDosFilterDelayMillis"] == "100, not -1"
    assert told["zimbraHttpThrottleSafeIPs"] == "203.0.113.0/24, not unset"
    assert told["zimbraMtaSmtpdSenderLoginMaps"] == "unset, not proxy:ldap:/opt/zimbra/conf/ldap-slm.cf"
    assert told["zimbra_swatch_notice_user"] == "somebody@example.org, not admin@example.test"


def test_a_resume_restores_all_but_the_kept_one(bench: ServerBench) -> None:
    """All are written back in one call a place, the kept one stays, and the history names what was put back."""
    change(bench.server)
    assert bench.walk(PRODUCT, deep=True) == "serving"
    assert {each.verdict for each in look(bench).values()} == {"holds"}
    assert bench.server.run_tool("zmprov", "gcf", KEPT)[1] == f"{KEPT}: 9999\n"
    writes = [argv for argv in bench.server.commands if "mcf" in argv or argv[:2] == ("zmlocalconfig", "-e")]
    assert len(writes) == 2
    lost, _, done = bench.events("hardening.values")[-3:]
    restored = ", ".join(sorted(BY_HAND.keys() - {KEPT}))
    assert (lost["kind"], done["kind"]) == ("lost", "done")
    assert "zimbraHttpDosFilterDelayMillis is 100, not -1" in lost["detail"]
    assert done["evidence"].endswith(f"on Zimbra 8.8.15.GA.3869.UBUNTU18.64; restored: {restored}")
    assert bench.kinds("hardening.senders") == ["started", "done"]


def test_only_what_differs_is_written_and_only_its_readers_restarted(bench: ServerBench) -> None:
    """One attribute of the MTA's costs one write of it and a reload of the MTA, nothing of the mail store's."""
    bench.server.run_tool("zmprov", "mcf", "zimbraMtaSmtpdRejectUnlistedSender", "no")
    bench.walk(PRODUCT, deep=True)
    writes = [argv for argv in bench.server.commands if "mcf" in argv]
    assert writes == [("zmprov", "-l", "mcf", "zimbraMtaSmtpdRejectUnlistedSender", "yes")]
    assert [argv for argv in bench.server.commands if argv[-1] in {"restart", "reload"}] == [("zmmtactl", "reload")]


def test_a_walk_that_is_no_resume_asks_the_server_nothing(bench: ServerBench) -> None:
    """The look of every start reads files: no Java machine is started for it."""
    change(bench.server)
    assert bench.walk(PRODUCT) == "serving"
    assert bench.server.commands == []


def test_an_upgrade_makes_all_due_and_the_history_says_what_was_restored(bench: ServerBench) -> None:
    """After a newer version reset attributes and template, the next start puts back each and names it."""
    bench.server.reset()
    bench.server.upgrade("8.8.15.GA.4179.UBUNTU18.64")
    assert bench.walk(PRODUCT) == "serving"
    done = {name: bench.events(name)[-1]["evidence"] for name in ("hardening.values", "hardening.senders")}
    assert "on Zimbra 8.8.15.GA.4179.UBUNTU18.64; restored: zimbraMtaSmtpdReject" in done["hardening.values"]
    assert done["hardening.senders"] == f"sender checks: standard; restored: {CHECK} in {TEMPLATE}"
    assert any("its inputs changed" in line for line in bench.said)
    assert {each.verdict for each in look(bench).values()} == {"holds"}


def test_an_upgrade_that_reset_nothing_restores_nothing(bench: ServerBench) -> None:
    """What an earlier time put back is not told again under another version."""
    change(bench.server)
    bench.walk(PRODUCT, deep=True)
    bench.server.upgrade("8.8.15.GA.4179.UBUNTU18.64")
    bench.walk(PRODUCT)
    assert bench.events("hardening.values")[-1]["evidence"].endswith("as wanted on Zimbra 8.8.15.GA.4179.UBUNTU18.64")


def test_a_first_hardening_restores_nothing(bench: ServerBench) -> None:
    """What was set for the first time was not restored."""
    assert "restored" not in bench.events("hardening.values")[-1]["evidence"]
    assert "restored" not in bench.events("hardening.senders")[-1]["evidence"]


def test_what_is_put_back_before_a_kill_is_told_after_it(bench: ServerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walker that ends between writing and its outcome leaves the names to its successor's evidence."""

    class Cut(BaseException):
        """The process ends here."""

    def cut(_ctx: object) -> None:
        raise Cut

    bench.server.reset()
    bench.server.upgrade("8.8.15.GA.4179.UBUNTU18.64")
    with monkeypatch.context() as patched:
        patched.setattr(values, "restart", cut)
        with pytest.raises(Cut):
            bench.walk(PRODUCT)
    assert values.owed(bench.server.context(keep_attributes=KEPT)) != []
    assert bench.walk(PRODUCT) == "serving"
    assert "restored: zimbra" in bench.events("hardening.values")[-1]["evidence"]


def test_a_template_changed_by_hand_is_named(bench: ServerBench) -> None:
    """`verify` tells the template from what Postfix makes of it."""
    path = bench.volume / TEMPLATE.lstrip("/")
    path.write_text(senders.edited(path.read_text(), "off"))
    found = look(bench)["hardening.senders"]
    assert (found.verdict, found.why) == ("lost", f"{TEMPLATE} has not {CHECK} as sender checks `standard` want it")
