"""The stages of zmsetup.pl: what each configures, and the lines it prints."""

import secrets
import socket
from typing import Callable, Dict, Set

from . import history, host, store


class Session:
    """What a stage needs of the run it belongs to."""

    config: Dict[str, str]
    status: history.Status
    ldap_configured: bool
    services: Set[str]
    failing: bool
    """All that the present stage runs fails."""

    def progress(self, text: str) -> None:
        """A piece of a line for the operator."""
        raise NotImplementedError

    def detail(self, text: str) -> None:
        """A line for the log."""
        raise NotImplementedError

    def zimbra(self, command: str) -> int:
        """A command as zimbra."""
        raise NotImplementedError

    def root(self, command: str) -> int:
        """A command as root."""
        raise NotImplementedError

    def fail_config(self) -> SystemExit:
        """What ends the run."""
        raise NotImplementedError


def _random() -> str:
    return secrets.token_urlsafe(7)[:9]


def defaults() -> Dict[str, str]:
    """The vendor's defaults: addresses from the host's name, one random password for all binds."""
    name = socket.getfqdn().lower()
    password = _random()
    values = {
        "AVDOMAIN": name,
        "AVUSER": "admin@" + name,
        "CREATEADMIN": "admin@" + name,
        "CREATEADMINPASS": "",
        "CREATEDOMAIN": name,
        "DOCREATEADMIN": "yes",
        "DOCREATEDOMAIN": "yes",
        "DOTRAINSA": "yes",
        "HOSTNAME": name,
        "HTTPPORT": "8080",
        "HTTPPROXYPORT": "80",
        "HTTPSPORT": "8443",
        "HTTPSPROXYPORT": "443",
        "IMAPPORT": "7143",
        "IMAPPROXYPORT": "143",
        "IMAPSSLPORT": "7993",
        "IMAPSSLPROXYPORT": "993",
        "LDAPHOST": name,
        "LDAPPORT": "389",
        "MAILBOXDMEMORY": "512",
        "MODE": "https",
        "POPPORT": "7110",
        "POPPROXYPORT": "110",
        "POPSSLPORT": "7995",
        "POPSSLPROXYPORT": "995",
        "PROXYMODE": "https",
        "RUNAV": "yes",
        "RUNCBPOLICYD": "no",
        "RUNDKIM": "yes",
        "RUNSA": "yes",
        "SMTPDEST": "admin@" + name,
        "SMTPNOTIFY": "yes",
        "SNMPNOTIFY": "yes",
        "SNMPTRAPHOST": name,
        "SMTPHOST": name,
        "SMTPSOURCE": "admin@" + name,
        "SPELLURL": "http://{}:7780/aspell.php".format(name),
        "STARTSERVERS": "yes",
        "STRICTSERVERNAMEENABLED": "TRUE",
        "TRAINSAHAM": "ham.{}@{}".format(_random(), name),
        "TRAINSASPAM": "spam.{}@{}".format(_random(), name),
        "VIRUSQUARANTINE": "virus-quarantine.{}@{}".format(_random(), name),
        "mailboxd_keystore_password": _random(),
        "mailboxd_truststore_password": "changeit",
        "zimbraFeatureBriefcasesEnabled": "Enabled",
        "zimbraFeatureTasksEnabled": "Enabled",
        "zimbraIPMode": "ipv4",
        "zimbraMtaMyNetworks": "127.0.0.0/8 [::1]/128",
        "zimbraPrefTimeZoneId": "America/Los_Angeles",
        "zimbra_require_interprocess_security": "1",
    }
    binds = ("LDAPADMINPASS", "LDAPAMAVISPASS", "LDAPPOSTPASS", "LDAPREPPASS", "LDAPROOTPASS")
    values.update((key, password) for key in (*binds, "ldap_nginx_password", "ldap_bes_searcher_password"))
    return values


def _step(session: Session, text: str, command: str, fatal: bool = False) -> int:
    """One progress line around one command."""
    session.progress(text + "...")
    code = session.zimbra(command)
    session.progress("failed.\n" if code else "done.\n")
    if code and fatal:
        raise SystemExit(1)
    return code


def _unasked(session: Session, text: str, command: str) -> None:
    """The same where the vendor does not look how the command ended."""
    session.progress(text + "...")
    session.zimbra(command)
    session.progress("done.\n")


def _zmprov(*words: str) -> str:
    """The vendor's quoting: a value with a quote in it breaks, here as there."""
    return "/opt/zimbra/bin/zmprov -r -m -l " + " ".join("'{}'".format(word) for word in words)


def _lc_values(session: Session) -> None:
    config = session.config
    url = "ldap://{}:{}".format(config["LDAPHOST"], config["LDAPPORT"])
    values = {
        "zimbra_server_hostname": config["HOSTNAME"],
        "zimbra_require_interprocess_security": config["zimbra_require_interprocess_security"],
        "ldap_master_url": url,
        "ldap_url": url,
        "ldap_starttls_supported": config["zimbra_require_interprocess_security"],
        "ldap_host": config["LDAPHOST"],
        "ldap_port": config["LDAPPORT"],
        "av_notify_user": config["AVUSER"],
        "av_notify_domain": config["AVDOMAIN"],
        "mailboxd_java_heap_size": config["MAILBOXDMEMORY"],
        "mailboxd_keystore_password": config["mailboxd_keystore_password"],
        "mailboxd_truststore_password": config["mailboxd_truststore_password"],
        "zimbra_mysql_password": _random(),
        "mysql_root_password": _random(),
        "zimbra_zmprov_default_to_ldap": "false",
    }
    for pair in sorted(values.items()):
        session.detail("Setting local config {} to {}".format(*pair))
    words = " ".join("{}='{}'".format(*pair) for pair in sorted(values.items()))
    _unasked(session, "Setting local config values", "/opt/zimbra/bin/zmlocalconfig -f -e " + words + " 2> /dev/null")


def _init_core(session: Session) -> None:
    session.progress("Initializing core config...")


def _ca_setup(session: Session) -> None:
    _step(session, "Setting up CA", "/opt/zimbra/bin/zmcertmgr createca -new", fatal=True)
    _step(session, "Deploying CA to /opt/zimbra/conf/ca ", "/opt/zimbra/bin/zmcertmgr deployca -localonly", fatal=True)


def _create_cert(session: Session) -> None:
    _step(session, "Creating SSL zimbra-store certificate", "/opt/zimbra/bin/zmcertmgr createcrt -new", fatal=True)
    for part in ("ldap", "mta", "proxy"):
        session.progress("Creating new zimbra-{} SSL certificate...done.\n".format(part))


def _install_cert(text: str) -> "Stage":
    def stage(session: Session) -> None:
        _step(session, text, "/opt/zimbra/bin/zmcertmgr deploycrt self -localonly", fatal=True)

    return stage


def _setup_ldap(session: Session) -> None:
    """Only where there is no database yet: one left half-filled by a kill is never filled again."""
    config = session.config
    if session.ldap_configured:
        return
    session.progress("Initializing ldap...")
    command = "/opt/zimbra/libexec/zmldapinit '{LDAPROOTPASS}' '{LDAPADMINPASS}'".format(**config)
    code = session.zimbra(command)
    if code:
        session.progress("failed. ({})\n".format(code << 8))  # as wait(2) tells it
        raise session.fail_config()
    session.progress("done.\n")
    for text, option, key in (
        ("replication", "-l", "LDAPREPPASS"),
        ("Postfix", "-p", "LDAPPOSTPASS"),
        ("amavis", "-a", "LDAPAMAVISPASS"),
        ("nginx", "-n", "ldap_nginx_password"),
        ("BES searcher", "-b", "ldap_bes_searcher_password"),
    ):
        session.progress("Setting {} password...".format(text))
        session.zimbra("/opt/zimbra/bin/zmldappasswd {} '{}'".format(option, config[key]))
        session.progress("done.\n")


def _server_entry(session: Session) -> None:
    name = session.config["HOSTNAME"]
    _step(session, "Creating server entry for " + name, _zmprov("cs", name))
    mode = session.config["zimbraIPMode"]
    _step(session, "Setting Zimbra IP Mode", _zmprov("ms", name, "zimbraIPMode", mode))


def _save_ca(session: Session) -> None:
    _step(session, "Saving CA in ldap", "/opt/zimbra/bin/zmcertmgr deployca", fatal=True)


def _save_cert(session: Session) -> None:
    _step(session, "Saving SSL Certificate in ldap", "/opt/zimbra/bin/zmcertmgr savecrt self", fatal=True)
    session.zimbra(_zmprov("mcf", "zimbraSSLDHParam", "/opt/zimbra/conf/dhparam.pem.zcs"))


def _spell(session: Session) -> None:
    url = session.config["SPELLURL"]
    _step(session, "Setting spell check URL", _zmprov("ms", session.config["HOSTNAME"], "zimbraSpellCheckURL", url))


_PORTS = {
    "zimbraMailPort": "HTTPPORT",
    "zimbraMailSSLPort": "HTTPSPORT",
    "zimbraMailProxyPort": "HTTPPROXYPORT",
    "zimbraMailSSLProxyPort": "HTTPSPROXYPORT",
    "zimbraImapBindPort": "IMAPPORT",
    "zimbraImapSSLBindPort": "IMAPSSLPORT",
    "zimbraImapProxyBindPort": "IMAPPROXYPORT",
    "zimbraImapSSLProxyBindPort": "IMAPSSLPROXYPORT",
    "zimbraPop3BindPort": "POPPORT",
    "zimbraPop3SSLBindPort": "POPSSLPORT",
    "zimbraPop3ProxyBindPort": "POPPROXYPORT",
    "zimbraPop3SSLProxyBindPort": "POPSSLPROXYPORT",
    "zimbraMailMode": "MODE",
    "zimbraReverseProxyMailMode": "PROXYMODE",
}


def _ports(session: Session) -> None:
    name = session.config["HOSTNAME"]
    pairs = [word for attribute, key in _PORTS.items() for word in (attribute, session.config[key])]
    _unasked(session, "Setting service ports on " + name, _zmprov("ms", name, *pairs))


def _store_defaults(session: Session) -> None:
    """Not a line of it is shown, whatever comes of it."""
    name = session.config["HOSTNAME"]
    session.zimbra(_zmprov("mcf", "+zimbraReverseProxyAvailableLookupTargets", name))
    session.zimbra(
        _zmprov("ms", name, "zimbraReverseProxyLookupTarget", "TRUE", "zimbraMtaAuthTarget", "TRUE")
    )  # also by zmproxyconfig


def _feature(attribute: str) -> "Stage":
    def stage(session: Session) -> None:
        value = "TRUE" if session.config[attribute] == "Enabled" else "FALSE"
        _step(session, "Setting {}={}".format(attribute, value), _zmprov("mc", "default", attribute, value))

    return stage


def _ephemeral(session: Session) -> None:
    session.zimbra(_zmprov("mcf", "zimbraEphemeralBackendURL", "ldap://default"))


def _time_zone(session: Session) -> None:
    zone = session.config["zimbraPrefTimeZoneId"]
    _step(session, "Setting TimeZone Preference", _zmprov("mc", "default", "zimbraPrefTimeZoneId", zone))
    name = session.config["HOSTNAME"]
    strict = session.config["STRICTSERVERNAMEENABLED"] == "yes"
    text = "{} strict server name enforcement on {}".format("Enabling" if strict else "Disabling", name)
    attribute = "zimbraReverseProxyStrictServerNameEnabled"
    _unasked(session, text, _zmprov("ms", name, attribute, "TRUE" if strict else "FALSE"))


def _init_mta(session: Session) -> None:
    """Also fills the lists of services that only this run remembers."""
    session.progress("Initializing mta config...")
    if not session.failing:
        host.write_atomic(
            host.CONF / "ldap-slm.cf",
            "server_host = ldap://{}:389\nquery_filter = (&(|(uid=%s)(zimbraMailDeliveryAddress=%s)))\n".format(
                session.config["LDAPHOST"]
            ),
        )
    session.progress("done.\n")
    session.services.update(["amavis", "opendkim"] if session.config["RUNDKIM"] == "yes" else ["amavis"])
    for key, service in (("RUNAV", "antivirus"), ("RUNSA", "antispam"), ("RUNCBPOLICYD", "cbpolicyd")):
        if session.config[key] == "yes":
            session.services.add(service)
    networks = session.config["zimbraMtaMyNetworks"]
    session.zimbra(_zmprov("ms", session.config["HOSTNAME"], "zimbraMtaMyNetworks", networks))


_WEBAPPS = ("service", "zimbra", "zimbraAdmin", "zimlet")


def _enabled_services(session: Session) -> None:
    for package in session.status.packages:
        part = package.replace("zimbra-", "", 1)
        if part in ("ldap", "logger", "memcached", "mta", "proxy", "snmp", "spell"):
            session.services.add(part)
        elif part == "store":
            session.services.update(["mailbox", *_WEBAPPS])
    name = session.config["HOSTNAME"]
    found = sorted({*session.services, "stats"})
    session.progress("Setting services on {}...".format(name))
    for attribute in ("zimbraServiceInstalled", "zimbraServiceEnabled"):
        values = [value for value in found if attribute == "zimbraServiceEnabled" or value not in _WEBAPPS]
        session.zimbra(_zmprov("ms", name, *(word for value in values for word in (attribute, value))))
    session.progress("done.\n")


def _create_once(session: Session, text: str, key: str, command: str) -> None:
    session.progress(text + "...")
    with store.opened() as directory:
        present = key in directory.entries
    if present:
        session.progress("already exists.\n")
    else:
        session.progress("failed.\n" if session.zimbra(command) else "done.\n")


def _create_domain(session: Session) -> None:
    """The default domain is named only where LDAP was initialised by this very run."""
    config = session.config
    domain = config["CREATEDOMAIN"]
    if not session.ldap_configured and config["DOCREATEDOMAIN"] == "yes":
        _create_once(session, "Creating domain " + domain, "domain/" + domain, _zmprov("cd", domain))
        _step(session, "Setting default domain name", _zmprov("mcf", "zimbraDefaultDomainName", domain))
    if config["DOCREATEADMIN"] == "yes":
        _create_admin(session)
    if config["DOTRAINSA"] == "yes":
        _create_system_accounts(session)


def _create_admin(session: Session) -> None:
    config = session.config
    admin = config["CREATEADMIN"]
    domain = admin.split("@")[1]
    _create_once(session, "Creating domain " + domain, "domain/" + domain, _zmprov("cd", domain))
    # The address stands there without quotes, as the vendor's does (zmsetup.pl 8.8.15, 6681).
    command = "{} {} '{}' zimbraIsAdminAccount TRUE".format(_zmprov("ca"), admin, config["CREATEADMINPASS"])
    command += " description 'Administrative Account'"
    _create_once(session, "Creating admin account " + admin, "account/" + admin, command)
    for alias in ("root", "postmaster"):
        address = "{}@{}".format(alias, config["CREATEDOMAIN"])
        _step(session, "Creating {} alias".format(alias), _zmprov("aaa", admin, address))


def _create_system_accounts(session: Session) -> None:
    config = session.config
    for key in ("TRAINSASPAM", "TRAINSAHAM", "VIRUSQUARANTINE"):
        name = config[key].lower()
        command = _zmprov("ca", name, _random(), "zimbraIsSystemAccount", "TRUE", "zimbraHideInGal", "TRUE")
        _create_once(session, "Creating user " + name, "account/" + name, command)
    accounts = ("zimbraSpamIsSpamAccount", "zimbraSpamIsNotSpamAccount", "zimbraAmavisQuarantineAccount")
    names = (config["TRAINSASPAM"], config["TRAINSAHAM"], config["VIRUSQUARANTINE"])
    words = [word.lower() if "@" in word else word for pair in zip(accounts, names) for word in pair]
    _step(session, "Setting spam training and Anti-virus quarantine accounts", _zmprov("mcf", *words))


def _init_sql(session: Session) -> None:
    _unasked(session, "Initializing store sql database", "mkdir -p /opt/zimbra/db/data/zimbra")
    name = session.config["HOSTNAME"]
    command = _zmprov("ms", name, "+zimbraSmtpHostname", session.config["SMTPHOST"])
    _step(session, "Setting zimbraSmtpHostname for " + name, command)


def _mail_notices(session: Session) -> int:
    words = "smtp_source='{SMTPSOURCE}' smtp_destination='{SMTPDEST}'".format(**session.config)
    return session.zimbra("/opt/zimbra/bin/zmlocalconfig -f -e " + words)


def _init_logger(session: Session) -> None:
    session.zimbra(_zmprov("mcf", "zimbraLogHostname", session.config["HOSTNAME"]))
    _mail_notices(session)


def _init_snmp(session: Session) -> None:
    session.progress("Configuring SNMP...")
    words = "snmp_notify='{SNMPNOTIFY}' smtp_notify='{SMTPNOTIFY}' snmp_trap_host='{SNMPTRAPHOST}'"
    session.zimbra("/opt/zimbra/bin/zmlocalconfig -f -e " + words.format(**session.config))
    _mail_notices(session)
    session.progress("done.\n")


def _syslog(session: Session) -> None:
    session.progress("Setting up syslog.conf...")
    session.progress("Failed\n" if session.root("/opt/zimbra/libexec/zmsyslogsetup") else "done.\n")


def _start_servers(session: Session) -> None:
    name = session.config["HOSTNAME"]
    if host.version() >= (10,):
        session.zimbra(_zmprov("mcf", "+zimbraReverseProxySSLProtocols", "TLSv1.3"))
    session.zimbra(_zmprov("ms", name, "zimbraServerVersion", host.release()["version"]))
    if session.config["STARTSERVERS"] != "yes":
        session.progress("WARNING: Document and Zimlet initialization skipped because Application Server was not ")
        session.progress("configured to start.\n")
        return
    session.progress("Starting servers...")
    for verb in ("stop", "start", "status"):
        session.zimbra("/opt/zimbra/bin/zmcontrol " + verb)
    session.progress("done.\n")


def _zimlets(session: Session) -> None:
    if session.config["STARTSERVERS"] != "yes":
        return
    session.progress("Installing common zimlets...\n")
    for name in ("com_zimbra_date", "com_zimbra_email", "com_zimbra_url"):
        told = "failed. This may impact system functionality." if session.failing else "done."
        session.progress("\t{}...{}\n".format(name, told))
    session.progress("Finished installing common zimlets.\n")
    _unasked(session, "Restarting mailboxd", "/opt/zimbra/bin/zmmailboxdctl restart")


def _gal_account(session: Session) -> None:
    """A new one on every run: the vendor asks the history for another name than it writes there."""
    if session.config["STARTSERVERS"] != "yes":
        return
    account = "galsync.{}@{}".format(_random().lower(), session.config["CREATEDOMAIN"])
    command = _zmprov("ca", account, _random(), "zimbraIsSystemAccount", "TRUE")
    _step(session, "Creating galsync account for default domain", command)


_CRONTAB = """# ZIMBRASTART -- DO NOT EDIT ANYTHING BETWEEN THIS LINE AND ZIMBRAEND
#
0 2 * * * /opt/zimbra/libexec/zmcheckexpiredcerts -days 30 -email > /dev/null 2>&1
# ZIMBRAEND -- DO NOT EDIT ANYTHING BETWEEN THIS LINE AND ZIMBRASTART
"""


def _crontab(session: Session) -> None:
    if host.version() == (8, 8, 15):
        session.progress("Checking if the NG started running...done. \n")
    session.progress("Setting up zimbra crontab...")
    _, present = host.run(["crontab", "-u", host.USER, "-l"])
    kept = present.partition("# ZIMBRAEND")[2].partition("\n")[2]
    if not session.failing:
        host.run(["crontab", "-u", host.USER, "-"], _CRONTAB + kept)
    session.progress("done.\n")


Stage = Callable[[Session], None]

STAGES: Dict[str, Stage] = {
    "configLCValues": _lc_values,
    "configInitCore": _init_core,
    "configCASetup": _ca_setup,
    "configCreateCert": _create_cert,
    "configInstallCertStore": _install_cert("Installing mailboxd SSL certificates"),
    "configInstallCertMTA": _install_cert("Installing MTA SSL certificates"),
    "configInstallCertLDAP": _install_cert("Installing LDAP SSL certificate"),
    "configInstallCertProxy": _install_cert("Installing Proxy SSL certificate"),
    "configSetupLdap": _setup_ldap,
    "configCreateServerEntry": _server_entry,
    "configSaveCA": _save_ca,
    "configSaveCert": _save_cert,
    "configSpellServer": _spell,
    "configSetServicePorts": _ports,
    "zimbraFeatureTasksEnabled": _feature("zimbraFeatureTasksEnabled"),
    "zimbraFeatureBriefcasesEnabled": _feature("zimbraFeatureBriefcasesEnabled"),
    "configSetStoreDefaults": _store_defaults,
    "configSetupEphemeralBackend": _ephemeral,
    "zimbraPrefTimeZoneId": _time_zone,
    "configInitMta": _init_mta,
    "configSetEnabledServices": _enabled_services,
    "configCreateDomain": _create_domain,
    "configInitSql": _init_sql,
    "configInitLogger": _init_logger,
    "configInitSnmp": _init_snmp,
    "setupSyslog": _syslog,
    "startServers": _start_servers,
    "configInstallZimlets": _zimlets,
    "configCreateDefaultDomainGALSyncAcct": _gal_account,
    "setupCrontab": _crontab,
}

UNRECORDED = ("configSetStoreDefaults", "startServers")
"""No stage of the vendor's history: done on every run."""

RECORDED_WHEN_DONE = ("configCreateDefaultDomainGALSyncAcct",)
"""The stages of which the history tells only where they did not fail."""

NEVER_SKIPPED = (
    "configSetStoreDefaults",
    "setupSyslog",
    "startServers",
    "configCreateDefaultDomainGALSyncAcct",
    "setupCrontab",
)
"""Done again on a resume although the history names them."""
