"""Whatever the vendor's installers do instead of their work ends in its named error, soon: the stand-in misbehaves."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from rehearsal.standin.runtime.stages import STAGES
from states.zimbra.history import HISTORY
from states.zimbra.history import parse as sessions
from states.zimbra.proof import DATA, MARK
from tests.chroot.ground import Ground
from tests.chroot.looking import differences
from tests.chroot.machine import Machine
from tests.e2e.test_checkpoints import FIRED, INSTALL_CONF, PATIENCE, SEED, SETUP_CONF, WANTED, compared

pytestmark = [pytest.mark.root, pytest.mark.container, pytest.mark.network]

SOFTWARE, SETUP = "install.software", "install.setup"
STOPPED = 1
"""zflow's exit code for a walk that needs the operator or a later try."""


@dataclass(frozen=True)
class Misdeed:
    """What an installer is told to do, and what zflow makes of it: the event's kind, the code, a part of the detail."""

    step: str
    told: str
    kind: str
    code: str
    detail: str
    variant: str = ""


MISDEEDS = {
    "install.sh asks something unknown": Misdeed(
        SOFTWARE, "unknown_question=1", "blocked", "ZF-3012", "‹Is the moon full tonight? [Maybe]›"
    ),
    "install.sh prints without end": Misdeed(
        SOFTWARE, "endless_output=1", "blocked", "ZF-3016", "A non-blank answer is required"
    ),
    "install.sh installs nothing, exit code 0": Misdeed(
        SOFTWARE, "exit0_nothing=1", "blocked", "ZF-3013", "zimbra-core, zimbra-ldap"
    ),
    "install.sh cannot install a package": Misdeed(
        SOFTWARE, "install_fail=1", "gave-up", "ZF-3014", "Unable to install required packages"
    ),
    "install.sh is killed": Misdeed(SOFTWARE, "install_kill_at=repo", "gave-up", "ZF-3022", "by signal 9"),
    "install.sh has no input at the licence": Misdeed(
        SOFTWARE, "", "blocked", "ZF-3012", "license agreement? [N]", "no input"
    ),
    "install.sh has no more input at Continue": Misdeed(
        SOFTWARE, "", "blocked", "ZF-3016", "[N]", "input ends at Continue"
    ),
    "zmsetup.pl asks something unknown": Misdeed(
        SETUP, "question_at=configInitSql", "blocked", "ZF-3012", "‹Is the moon full tonight? [Maybe]›"
    ),
    "zmsetup.pl fails and ends": Misdeed(
        SETUP,
        "zmsetup_fail_at=configSetupLdap",
        "gave-up",
        "ZF-3017",
        "Initializing ldap...failed. (256) (ERROR: service.FAILURE (system failure: /opt/zimbra/libexec/zmldapinit was "
        "told to fail)); it ended after the stage configInstallCertProxy",
    ),
    "zmsetup.pl ends with 1": Misdeed(
        SETUP, "zmsetup_exit1_at=configInitMta", "gave-up", "ZF-3017", "it ended after the stage zimbraPrefTimeZoneId"
    ),
    "zmsetup.pl cannot be loaded": Misdeed(
        SETUP,
        "zmsetup_ends=unloadable",
        "gave-up",
        "ZF-3017",
        "it ended before its first stage: Can't locate Net/LDAP.pm in @INC",
    ),
    "zmsetup.pl does not find its ground": Misdeed(
        SETUP,
        "zmsetup_ends=not_owned",
        "gave-up",
        "ZF-3017",
        "it ended before its first stage: /opt/zimbra/conf/localconfig.xml is not owned by zimbra",
    ),
    "zmsetup.pl falls silent": Misdeed(SETUP, "hang_at=configInitSql", "gave-up", "ZF-1012", "Setting spam training"),
    "zmsetup.pl is killed": Misdeed(SETUP, "kill_after=configInitMta", "gave-up", "ZF-3022", "by signal 9"),
}
SAID = "the vendor's installer reported: "
FAILING = {
    "configLCValues": "Saving SSL Certificate in ldap...failed.",
    "configInitCore": None,
    "configCASetup": "Setting up CA...failed.",
    "configCreateCert": "Creating SSL zimbra-store certificate...failed.",
    "configInstallCertStore": "Installing mailboxd SSL certificates...failed.",
    "configInstallCertMTA": "Installing MTA SSL certificates...failed.",
    "configInstallCertLDAP": "Installing LDAP SSL certificate...failed.",
    "configInstallCertProxy": "Installing Proxy SSL certificate...failed.",
    "configSetupLdap": "Initializing ldap...failed. (256)",
    "configCreateServerEntry": "Saving SSL Certificate in ldap...failed.",
    "configSaveCA": "Saving CA in ldap...failed.",
    "configSaveCert": "Saving SSL Certificate in ldap...failed.",
    "configSpellServer": None,
    "configSetServicePorts": "zimbraMailPort of the server is 80, not 8080",
    "zimbraFeatureTasksEnabled": None,
    "zimbraFeatureBriefcasesEnabled": None,
    "configSetStoreDefaults": "zimbraMtaAuthTarget of the server is FALSE, not TRUE",
    "configSetupEphemeralBackend": None,
    "zimbraPrefTimeZoneId": None,
    "configInitMta": "zimbraMtaMyNetworks of the server",
    "configSetEnabledServices": "services not enabled on mail.example.test",
    "configCreateDomain": "the default domain is not set",
    "configInitSql": "not running: mailbox",
    "configInitLogger": None,
    "configInitSnmp": None,
    "setupSyslog": None,
    "startServers": "not running: ",
    "configInstallZimlets": None,
    "configCreateDefaultDomainGALSyncAcct": None,
    "setupCrontab": "the crontab of user zimbra",
}
"""By stage of which nothing succeeds: what is said of the loss, or None where nothing is lost that a server needs."""
REGRETTED = {
    "configSpellServer": "read back: zimbraSpellCheckURL of the server is ",
    "zimbraFeatureTasksEnabled": f"{SAID}Setting zimbraFeatureTasksEnabled=TRUE...failed.",
    "zimbraFeatureBriefcasesEnabled": f"{SAID}Setting zimbraFeatureBriefcasesEnabled=TRUE...failed.",
    "zimbraPrefTimeZoneId": f"{SAID}Setting TimeZone Preference...failed.",
    "configInitLogger": "read back: zimbraLogHostname of the global configuration is ",
    "configInitSnmp": "read back: snmp_notify of localconfig.xml is ",
    "setupSyslog": f"{SAID}Setting up syslog.conf...Failed",
    "configInstallZimlets": f"{SAID}com_zimbra_date...failed. This may impact system functionality.",
    "configCreateDefaultDomainGALSyncAcct": f"{SAID}Creating galsync account for default domain...failed.",
}
"""What of those of them is a notice: the vendor's line, or what was read back where it has none."""
BIND = "not zflow's password: cn=config"
SERVICES = ("server/mail.example.test zimbraServiceEnabled", "server/mail.example.test zimbraServiceInstalled")
LOST = {
    # killed before this: what the vendor's own resume never makes up for, and says nothing
    "configSetEnabledServices": {BIND, "config zimbraDefaultDomainName", *SERVICES},
    "configInitSql": {BIND},
}


def told(laid: Ground, step: str, words: str) -> Machine:
    """Return a machine in which a step's installer was told how to misbehave."""
    machine = laid.machine("told", software=step == SETUP)
    machine.write(SETUP_CONF if step == SETUP else INSTALL_CONF, f"{words}\n")
    return machine


@pytest.mark.parametrize("name", MISDEEDS)
def test_a_misdeed_is_named_and_stops_the_walk(laid: Ground, name: str) -> None:
    """An installer that asks, floods, lies, fails, hangs or dies ends the walk with its code and its own words."""
    misdeed = MISDEEDS[name]
    machine = told(laid, misdeed.step, misdeed.told)
    assert machine.walked(misdeed.step, misdeed.variant, timeout=PATIENCE) == STOPPED, machine.output()[-4000:]
    (found,) = [each for each in machine.seen()["events"] if each["kind"] in {"blocked", "gave-up"}]
    assert (found["step"], found["kind"], found["code"]) == (misdeed.step, misdeed.kind, misdeed.code)
    assert misdeed.detail in found["detail"]
    machine.remove()


def stages() -> list[str]:
    """Return the stages to let fail: all that are wanted, else one that is lost and one that is not, by chance."""
    if WANTED:
        return [stage for stage in FAILING if WANTED in {"all", "fail", stage}]
    dice = random.Random(SEED)
    return [dice.choice([each for each in FAILING if FAILING[each]]), dice.choice(list(REGRETTED))]


@pytest.mark.timeout(3600)
def test_a_stage_that_fails_is_found_or_was_not_needed(laid: Ground) -> None:
    """Whatever the vendor prints: a loss is found by asking the server, and what is none makes a notice of its line."""
    assert set(FAILING) == set(STAGES)
    assert not {*FAILING.values()} & {*REGRETTED.values()}
    wrong = []
    for stage in stages():
        words = FAILING[stage]
        machine = told(laid, SETUP, f"zmsetup_fail_at={stage}")
        code = machine.walked(timeout=PATIENCE)
        seen, output = machine.seen(), machine.output()
        found = [each["detail"] for each in seen["events"] if each["kind"] == "gave-up"]
        if code != (STOPPED if words else 0) or not all((words or "") in each for each in found) or seen["leaks"]:
            wrong.append(f"{stage}: {code} {found or output[-500:]} {seen['leaks']}")
        wrong += [
            f"{path} is open" for path in (machine.top / "tmp").glob("zmsetup.*.log") if path.stat().st_mode & 0o77
        ]
        if (line := REGRETTED.get(stage)) and f"notice: {line}" not in output:
            wrong.append(f"{stage}: no notice in {output[-500:]}")
        machine.remove()
    assert not wrong, "\n".join(wrong)


def test_after_a_failed_part_the_next_attempt_makes_all_anew(laid: Ground, whole: dict[str, Any]) -> None:
    """A configuration that was not proven is made again from clean software, and then is what it should have been."""
    machine = told(laid, SETUP, "zmsetup_fail_at=configSetEnabledServices")
    assert machine.walked(timeout=PATIENCE) == STOPPED
    assert machine.walked(timeout=PATIENCE) == 0, machine.output()[-4000:]
    assert compared(whole, machine.seen()) == []
    machine.remove()


@pytest.mark.parametrize("stage", LOST)
def test_the_vendors_own_resume_loses_what_it_is_known_to_lose(laid: Ground, whole: dict[str, Any], stage: str) -> None:
    """Why zflow never resumes, and that the comparison sees it: zmsetup.pl run again says success and lacks parts."""
    machine = told(laid, SETUP, f"kill_at={stage}\ntimes=1")
    machine.walk()
    machine.wait_for(FIRED, PATIENCE)
    machine.kill()
    assert machine.walked("install.setup", "vendor's resume", timeout=PATIENCE) == 0, machine.output()[-4000:]
    found = machine.seen()
    lines = differences(whole["entries"], found["entries"])
    lost = {line.partition(": ")[0] for line in lines if line.endswith("/ None") or "zimbraService" in line}
    lost |= {line for line in compared(whole, found) if line.startswith("not zflow's password")}
    assert lost == LOST[stage]
    machine.remove()


def test_a_volume_whose_packages_could_not_be_removed_gets_well(laid: Ground, whole: dict[str, Any]) -> None:
    """As earlier versions left it on dpkg 1.19: apt removed nothing, the tree was deleted, and dpkg does not know."""
    machine = told(laid, SETUP, "kill_after=configSetupLdap\ntimes=1")
    machine.walk()
    machine.wait_for(FIRED, PATIENCE)
    machine.kill()
    deleted = ("opt/zimbra/common", "var/lib/dpkg/available")
    machine.start("sh", "-c", 'cd "$ZFLOW_VOLUME" && rm -r "$@"', "sh", *deleted)
    assert machine.wait(PATIENCE) == 0, machine.output()[-4000:]
    assert machine.walked(timeout=PATIENCE) == 0, machine.output()[-4000:]
    assert compared(whole, machine.seen()) == []
    machine.remove()


def test_a_server_that_lost_its_proof_and_its_history_is_kept(laid: Ground) -> None:
    """It is asked itself, and nothing of it is installed again; the history is completed, as the next upgrade needs."""
    machine = laid.machine("lost")
    assert machine.walked(timeout=PATIENCE) == 0, machine.output()[-4000:]
    history, mail = machine.top / HISTORY, machine.top / DATA[0] / "mail"
    mail.touch()
    (machine.top / MARK).unlink()
    torn = history.read_text().partition("zimbra-mta")[0]
    history.write_text(torn)
    assert machine.walked(timeout=PATIENCE) == STOPPED, machine.output()[-4000:]
    assert "ZF-1021" in machine.output()
    machine.start(sys.executable, "-m", "zflow", "reset-state", "install", "--yes")  # as ZF-1021 says
    assert machine.wait(PATIENCE) == 0, machine.output()[-4000:]
    assert machine.walked(timeout=PATIENCE) == 0, machine.output()[-4000:]
    assert mail.exists()
    cut, supplied = sessions(history.read_text())
    assert (cut.complete, supplied.complete, supplied.configured) == (False, True, True)
    assert (machine.top / MARK).read_text() == f"{supplied.start}\n"
    machine.remove()
