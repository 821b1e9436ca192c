"""Changes by hand and upgrades: tunables stay as they are set, protections are named and restored, on every walk."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from states.hardening import dkim, senders, values
from states.hardening.desired import LOGIN_MAPS
from states.hardening.senders import CHECK, TEMPLATE
from states.zimbra.directory import CAT, SEARCH
from tests.states.hardening.server import Server, ServerBench
from zflow.journal.reader import reading, records
from zflow.step import Product, State
from zflow.walk.reset import reset
from zflow.walk.survey import Finding, survey

PRODUCT = Product("zimbra", (State("hardening", "Hardening", (values.STEP, senders.STEP)),))
KEPT = "zimbraMtaSmtpdRejectUnlistedSender"
PROTECTIONS = {
    "zimbraMtaSmtpdRejectUnlistedRecipient": "no",
    "zimbraMtaSmtpdSenderLoginMaps": "",
    "zimbra_require_interprocess_security": "0",
}
TUNABLES = {
    "zimbraHttpDosFilterDelayMillis": "100",
    "zimbraHttpDosFilterMaxRequestsPerSec": "9999",
    "zimbraHttpThrottleSafeIPs": "203.0.113.0/24",
    "zimbraInvalidLoginFilterMaxFailedLogin": "0",
    "zimbraInvalidLoginFilterDelayInMinBetwnReqBeforeReinstating": "1",
    "zimbra_swatch_notice_user": "somebody@example.org",
    "zimbra_swatch_total_threshold": "100000",
}
"""Each changed to what somebody may have tried; the predecessor's page names the commands."""
RATE = "zimbraHttpDosFilterMaxRequestsPerSec"


@pytest.fixture
def bench(server: Server) -> ServerBench:
    """A hardened server on which the operator keeps one protection."""
    made = ServerBench(server, keep_attributes=KEPT)
    assert made.walk(PRODUCT) == "serving"
    server.commands.clear()
    return made


def write(server: Server, name: str, value: str) -> None:
    """Change a setting by hand, as user zimbra."""
    command = ("zmlocalconfig", "-e", f"{name}={value}") if "_" in name else ("zmprov", "-l", "mcf", name, value)
    assert server.run_tool(*command)[0] == 0


def read(server: Server, name: str) -> str:
    """Return what the vendor's own tool says of a setting."""
    if "_" in name:
        return server.run_tool("zmlocalconfig", "-q", "-m", "plain", name)[1].strip().partition(" = ")[2]
    return server.run_tool("zmprov", "-l", "gcf", name)[1].strip().partition(": ")[2]


def change(server: Server) -> None:
    """Change all of them, and the kept one."""
    for name, value in {**TUNABLES, **PROTECTIONS, KEPT: "no"}.items():
        write(server, name, value)


def look(bench: ServerBench) -> dict[str, Finding]:
    """Return what `zflow verify` finds, by step."""
    with reading(bench.volume) as journal:
        known = records(journal)
    return {each.step: each for each in survey(PRODUCT, known, bench.surroundings(), deep=True)}


def test_each_changed_protection_is_named_with_both_values_and_the_way_out(bench: ServerBench) -> None:
    """`verify` names each changed protection, but the kept one, with both values; the setting it tells leaves them."""
    assert {each.verdict for each in look(bench).values()} == {"holds"}
    change(bench.server)
    found = look(bench)["hardening.values"]
    assert found.verdict == "lost"
    *told, way_out = found.why.split("; ")
    assert told == [
        "zimbraMtaSmtpdRejectUnlistedRecipient is no, not yes",
        f"zimbraMtaSmtpdSenderLoginMaps is unset, not {LOGIN_MAPS}",
        "zimbra_require_interprocess_security is 0, not 1",
    ]
    name, value = way_out.removesuffix(" keeps it as it is").split("=")
    assert name == "ZFLOW_KEEP_ATTRIBUTES"
    bench.settings = {"keep_attributes": value}
    assert bench.walk(PRODUCT) == "serving"
    assert {name: read(bench.server, name) for name in PROTECTIONS} == PROTECTIONS
    assert read(bench.server, KEPT) == "no"


def test_verify_says_whose_a_tunable_is(bench: ServerBench) -> None:
    """What was set by hand holds, and is said to be the operator's, with the setting that would decide it."""
    for name, value in TUNABLES.items():
        write(bench.server, name, value)
    found = look(bench)["hardening.values"]
    assert found.verdict == "holds"
    assert {each.split(" is ")[0] for each in found.remarks} == TUNABLES.keys()
    assert (
        f"{RATE} is 9999, not 30: set by hand; it stays until ZFLOW_HTTP_DOS_REQUESTS_PER_SECOND is set"
        in found.remarks
    )
    assert "by hand: zimbraHttpDosFilterDelayMillis 100, " in found.why
    assert bench.walk(PRODUCT) == "serving"
    assert "by hand: zimbraHttpDosFilterDelayMillis 100, " in bench.status("hardening.values")["evidence"]


def restarted(bench: ServerBench) -> None:
    """Start the container again after an orderly end."""
    bench.boot = "boot-2"


def asked_again(bench: ServerBench) -> None:
    """Reset the state."""
    reset(PRODUCT, bench.volume, "hardening")


@pytest.mark.parametrize("deep", [False, True], ids=["shallow", "deep"])
@pytest.mark.parametrize("before", [lambda _bench: None, restarted, asked_again], ids=["same", "restart", "reset"])
def test_one_rule_for_every_walk(bench: ServerBench, before: Callable[[ServerBench], None], deep: bool) -> None:
    """Protections are restored by one call per store, and named; the kept one and the tunables stay."""
    change(bench.server)
    before(bench)
    assert bench.walk(PRODUCT, deep=deep) == "serving"
    assert {each.verdict for each in look(bench).values()} == {"holds"}
    assert {name: read(bench.server, name) for name in TUNABLES} == TUNABLES
    assert read(bench.server, KEPT) == "no"
    assert {name: read(bench.server, name) for name in PROTECTIONS} == {
        "zimbraMtaSmtpdRejectUnlistedRecipient": "yes",
        "zimbraMtaSmtpdSenderLoginMaps": LOGIN_MAPS,
        "zimbra_require_interprocess_security": "1",
    }
    writes = [argv for argv in bench.server.commands if "mcf" in argv or argv[:2] == ("zmlocalconfig", "-e")]
    assert len(writes) == 2
    done = bench.events("hardening.values")[-1]
    assert done["kind"] == "done"
    assert done["evidence"].endswith(f"; restored: {', '.join(sorted(PROTECTIONS))}")


def test_what_a_setting_names_is_the_settings(server: Server) -> None:
    """A tunable whose setting is given is restored; without the setting the default returns, or a change stays."""
    bench = ServerBench(server, http_dos_requests_per_second="50", login_failures="7")
    assert bench.walk(PRODUCT) == "serving"
    write(server, RATE, "9999")
    assert "is 9999, not 50" in look(bench)["hardening.values"].why
    assert bench.walk(PRODUCT) == "serving"
    assert read(server, RATE) == "50"
    write(server, RATE, "77")
    bench.settings = {}
    assert bench.walk(PRODUCT) == "serving"
    assert (read(server, RATE), read(server, "zimbraInvalidLoginFilterMaxFailedLogin")) == ("77", "10")


def test_what_leaves_the_kept_attributes_stays_as_it_is(server: Server) -> None:
    """After an attribute leaves the kept ones, a tunable stays as the operator set it; a protection is restored."""
    bench = ServerBench(server, keep_attributes=f"{RATE},{KEPT}")
    write(server, RATE, "9999")
    write(server, KEPT, "no")
    assert bench.walk(PRODUCT) == "serving"
    bench.settings = {}
    for _ in range(2):
        assert bench.walk(PRODUCT) == "serving"
        assert (read(server, RATE), read(server, KEPT)) == ("9999", "yes")
    assert f"by hand: {RATE} 9999" in bench.status("hardening.values")["evidence"]
    bench.settings = {"http_dos_requests_per_second": "50"}
    assert bench.walk(PRODUCT) == "serving"
    assert read(server, RATE) == "50"


def test_what_is_tuned_survives_an_upgrade_that_sets_it_otherwise(bench: ServerBench) -> None:
    """What was set by hand before an upgrade is so after it; all else is zflow's, whatever the vendor set."""
    write(bench.server, RATE, "77")
    values.remember(bench.server.context(keep_attributes=KEPT))
    bench.server.reset()
    write(bench.server, RATE, "100")
    write(bench.server, "zimbraInvalidLoginFilterMaxFailedLogin", "100")
    bench.server.upgrade("8.8.15.GA.4179.UBUNTU18.64")
    for _ in range(2):
        assert bench.walk(PRODUCT) == "serving"
        assert (read(bench.server, RATE), read(bench.server, "zimbraInvalidLoginFilterMaxFailedLogin")) == ("77", "10")
    write(bench.server, RATE, "78")
    bench.settings = {"login_failures": "9"}  # makes the step due: what was before the upgrade is past
    assert bench.walk(PRODUCT) == "serving"
    assert read(bench.server, RATE) == "78"


def test_what_is_tuned_survives_an_upgrade_by_hand(bench: ServerBench) -> None:
    """Where zflow did not see it come, what the server has and zflow did not write is taken for the operator's."""
    write(bench.server, RATE, "77")
    bench.server.upgrade("8.8.15.GA.4179.UBUNTU18.64")
    assert bench.walk(PRODUCT) == "serving"
    assert read(bench.server, RATE) == "77"


def test_a_change_while_nothing_runs_is_seen_in_the_files(bench: ServerBench) -> None:
    """Without a directory that answers, its files are read: the findings are the same."""
    change(bench.server)
    online = look(bench)["hardening.values"]
    bench.server.listening = False
    assert look(bench)["hardening.values"] == online


def test_a_directory_that_does_not_answer_at_all_is_told_and_stops_nothing(server: Server) -> None:
    """What was written once is neither blocked nor written again for it; answered, the notice is gone."""
    product = Product("zimbra", (State("hardening", "Hardening", (values.STEP, dkim.STEP)),))
    bench = ServerBench(server)
    assert bench.walk(product) == "serving"
    tools, server.tools = server.tools, {**server.tools, "slapcat": lambda _argv: 1}
    server.listening = False
    server.commands.clear()
    assert bench.walk(product) == "serving"
    assert {argv[0] for argv in server.commands} == {SEARCH, CAT[0]}
    for step in product.steps:
        assert "the directory does not answer: `/opt/zimbra/common/sbin/slapcat" in bench.status(step.name)["evidence"]
    server.listening, server.tools = True, tools
    assert bench.walk(product) == "serving"
    for step in product.steps:
        assert "does not answer" not in bench.status(step.name)["evidence"]


def test_only_what_differs_is_written_and_only_its_readers_restarted(bench: ServerBench) -> None:
    """One attribute of the MTA's costs one write of it and a reload of the MTA, nothing of the mail store's."""
    bench.server.run_tool("zmprov", "mcf", "zimbraMtaSmtpdRejectUnlistedRecipient", "no")
    bench.walk(PRODUCT, deep=True)
    writes = [argv for argv in bench.server.commands if "mcf" in argv]
    assert writes == [("zmprov", "-l", "mcf", "zimbraMtaSmtpdRejectUnlistedRecipient", "yes")]
    assert [argv for argv in bench.server.commands if argv[-1] in {"restart", "reload"}] == [("zmmtactl", "reload")]


def test_the_look_of_every_start_is_one_search(bench: ServerBench) -> None:
    """The directory is asked once, and no Java machine is started for it."""
    assert bench.walk(PRODUCT) == "serving"
    assert [argv[0] for argv in bench.server.commands] == [SEARCH]


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
    """An earlier repair is not named again under another version."""
    write(bench.server, "zimbraMtaSmtpdSenderLoginMaps", "")
    bench.walk(PRODUCT, deep=True)
    bench.server.upgrade("8.8.15.GA.4179.UBUNTU18.64")
    bench.walk(PRODUCT)
    assert bench.events("hardening.values")[-1]["evidence"].endswith(
        "desired settings on Zimbra 8.8.15.GA.4179.UBUNTU18.64"
    )


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


@pytest.mark.parametrize("checks", ["standard", "strict", "off"])
def test_a_template_changed_by_hand_is_named_and_put_back(server: Server, checks: str) -> None:
    """Every look tells the template from what was chosen, and names the setting that would leave it."""
    bench = ServerBench(server, sender_checks=checks)
    assert bench.walk(PRODUCT) == "serving"
    path = bench.volume / TEMPLATE.lstrip("/")
    other = "standard" if checks == "off" else "off"
    path.write_text(senders.edited(path.read_text(), other))
    found = look(bench)["hardening.senders"]
    how = f"has {CHECK}" if checks == "off" else f"does not have {CHECK} where sender checks `{checks}` need it"
    assert (found.verdict, found.why) == ("lost", f"{TEMPLATE} {how}; ZFLOW_SENDER_CHECKS={other} keeps it as it is")
    bench.settings = {"sender_checks": other}
    assert bench.walk(PRODUCT) == "serving"
    assert path.read_text() == senders.edited(path.read_text(), other)
    path.write_text(senders.edited(path.read_text(), checks))
    assert bench.walk(PRODUCT) == "serving"
    assert path.read_text() == senders.edited(path.read_text(), other)
    assert bench.events("hardening.senders")[-3]["detail"].startswith(f"{TEMPLATE} ")
