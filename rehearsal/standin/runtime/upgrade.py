"""What zmsetup.pl does to a server of an earlier release: upgrades its data, resets attributes, keeps the rest."""

from typing import Dict, Tuple

from . import entries, history, host, localconfig, misbehave, services, stages, store

RESET = (
    "zimbraHttpDosFilterMaxRequestsPerSec",
    "zimbraMtaSmtpdRejectUnlistedRecipient",
    "zimbraMtaSmtpdRejectUnlistedSender",
    "zimbraMtaSmtpdSenderLoginMaps",
    "zimbraMtaSmtpdSenderRestrictions",
)
"""Attributes of the global configuration that its scripts set to the new release's defaults."""
RAISED = {"zimbraHttpDosFilterMaxRequestsPerSec": ["100"]}
"""Defaults that a newer release has otherwise."""

LEFT_ALONE = (
    "configLCValues",
    "configCASetup",
    "configCreateCert",
    "configInstallCertStore",
    "configInstallCertMTA",
    "configInstallCertLDAP",
    "configInstallCertProxy",
    "configSetupLdap",
    "configCreateServerEntry",
    "configSaveCA",
    "configSaveCert",
    "configSpellServer",
    "configSetServicePorts",
    "zimbraFeatureTasksEnabled",
    "zimbraFeatureBriefcasesEnabled",
    "zimbraPrefTimeZoneId",
    "configCreateDomain",
    "configInitSql",
)
"""Stages that find what they would make."""


def versions() -> Tuple[str, str]:
    """The version that was configured last, and the one that is installed now."""
    configured = present = ""
    for line in history.lines():
        word, _, rest = line.partition(" ")
        if word in ("INSTALLED", "UPGRADED") and rest.startswith("zimbra-core_"):
            present = rest.split("_")[1]
        elif line == "CONFIGURED END":
            configured = present
    return configured, present


def needed(status: history.Status) -> bool:
    """Whether this is an upgrade that was not yet configured."""
    configured, present = versions()
    return not status.new and configured != present


def _failed(session: stages.Session) -> SystemExit:
    session.progress("UPGRADE FAILED - exiting.\n")
    return SystemExit(1)


def run(session: stages.Session) -> None:
    """The data, before any stage."""
    old, new = versions()
    session.progress("Upgrading from {} to {}\n".format(old, new))
    history.add("CONFIG SESSION START")
    history.add("CONFIGURED BEGIN")
    misbehave.before("upgrade")
    session.progress("Stopping zimbra services...")
    if session.zimbra("/opt/zimbra/bin/zmcontrol stop"):
        session.progress("failed. exiting.\n")
        raise _failed(session)
    session.progress("done.\nThis appears to be {}\nChecking ldap status...".format(old))
    if not services.SERVERS["slapd"].running() and session.zimbra("/opt/zimbra/bin/ldap start"):
        session.progress("failed.\n")
        raise _failed(session)
    session.progress("already running.\nApplying updates for {} \n".format(old))
    if misbehave.wants("zmsetup_fail_at", "upgrade"):
        session.progress("Something failed while applying updates for {} - exiting\n".format(old))
        raise _failed(session)
    session.progress("Updating global config and COS's with attributes introduced after {}...".format(old))
    _reset()
    session.progress("done.\n")
    session.progress("Upgrade complete.\n\n")
    misbehave.after("upgrade")


def _reset() -> None:
    with store.opened(write=True) as directory:
        for name in RESET:
            value = RAISED.get(name) or entries.ATTRIBUTES[name.lower()].default("config", host.version())
            directory.entries["config"][name] = list(value)
            if not value:
                del directory.entries["config"][name]


def config() -> Dict[str, str]:
    """The values of a server that exists: from its own configuration, not from its host's name."""
    name = localconfig.get("zimbra_server_hostname")
    with store.opened() as directory:
        enabled = directory.value("server/" + name, "zimbraServiceEnabled")
        networks = directory.value("server/" + name, "zimbraMtaMyNetworks")
        domain = directory.value("config", "zimbraDefaultDomainName")[0]
    runs = {"RUNAV": "antivirus", "RUNCBPOLICYD": "cbpolicyd", "RUNDKIM": "opendkim", "RUNSA": "antispam"}
    values = {key: "yes" if service in enabled else "no" for key, service in runs.items()}
    values.update(
        CREATEDOMAIN=domain,
        HOSTNAME=name,
        LDAPHOST=localconfig.get("ldap_host"),
        SMTPDEST=localconfig.get("smtp_destination"),
        SMTPSOURCE=localconfig.get("smtp_source"),
        zimbraMtaMyNetworks=" ".join(networks),
    )
    return values


def _nothing(_session: stages.Session) -> None:
    """What is there stays."""


def _zimlets(session: stages.Session) -> None:
    session.progress("Getting list of all zimlets...done.\nUpdating non-standard zimlets...\n")
    session.progress("Finished updating non-standard zimlets.\nRestarting mailboxd...")
    session.zimbra("/opt/zimbra/bin/zmmailboxdctl restart")
    session.progress("done.\nSkipping creation of default domain GAL sync account - existing install detected.\n")


STAGES = dict(stages.STAGES, configInstallZimlets=_zimlets, **dict.fromkeys(LEFT_ALONE, _nothing))
