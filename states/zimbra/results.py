"""The results of zmsetup.pl for its answers, as data: where to read each. Its output is not enough.

Half of its stages print `done.` whatever comes of them, some print nothing: configLCValues, configSetStoreDefaults,
configSetServicePorts, configSetProxyPrefs, configInitMta, configSetEnabledServices, configInitLogger, configInitSnmp,
setupCrontab (zmsetup.pl 8.8.15: 5184-5263, 5885-6026, 6233-6298, 6798-6894, 6952-7009, 7322-7416; 10.1 the same). What
a stage makes and is not listed here a server can do without: a zimlet, the account of the address list's search, the
system log's setup, which `install.syslog` looks after, and defaults that are the same where no program sets them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

SERVER = {
    "zimbraImapBindPort": "{IMAPPORT}",
    "zimbraImapProxyBindPort": "{IMAPPROXYPORT}",
    "zimbraImapSSLBindPort": "{IMAPSSLPORT}",
    "zimbraImapSSLProxyBindPort": "{IMAPSSLPROXYPORT}",
    "zimbraMailPort": "{HTTPPORT}",
    "zimbraMailProxyPort": "{HTTPPROXYPORT}",
    "zimbraMailSSLPort": "{HTTPSPORT}",
    "zimbraMailSSLProxyPort": "{HTTPSPROXYPORT}",
    "zimbraMtaAuthTarget": "TRUE",
    "zimbraMtaMyNetworks": "{zimbraMtaMyNetworks}",
    "zimbraPop3BindPort": "{POPPORT}",
    "zimbraPop3ProxyBindPort": "{POPPROXYPORT}",
    "zimbraPop3SSLBindPort": "{POPSSLPORT}",
    "zimbraPop3SSLProxyBindPort": "{POPSSLPROXYPORT}",
    "zimbraReverseProxyHttpEnabled": "TRUE",
    "zimbraReverseProxyLookupTarget": "TRUE",
    "zimbraReverseProxyMailEnabled": "TRUE",
    "zimbraReverseProxyMailMode": "{PROXYMODE}",
}
"""Attributes of the server's entry, which may inherit them, and their values in terms of the answers' keys: where it
listens, who may relay, where a login to send mail is tried (zimbraMtaAuthTarget), and how the proxy reaches it."""
EXTRAS = {
    "zimbraIPMode": "{zimbraIPMode}",
    "zimbraReverseProxyStrictServerNameEnabled": "{strict}",
    "zimbraSmtpHostname": "{SMTPHOST}",
    "zimbraSpellCheckURL": "{SPELLURL}",
}
CONFIG = {
    "zimbraAmavisQuarantineAccount": "{VIRUSQUARANTINE}",
    "zimbraLogHostname": "{HOSTNAME}",
    "zimbraSpamIsNotSpamAccount": "{TRAINSAHAM}",
    "zimbraSpamIsSpamAccount": "{TRAINSASPAM}",
}
CLASS = {
    "zimbraFeatureBriefcasesEnabled": "TRUE",
    "zimbraFeatureTasksEnabled": "TRUE",
    "zimbraPrefTimeZoneId": "{zimbraPrefTimeZoneId}",
}
"""The same of what a server works without, there, in the global configuration, and in the default class of service."""
LOCAL = {
    "av_notify_domain": "{AVDOMAIN}",
    "av_notify_user": "{AVUSER}",
    "ldap_host": "{LDAPHOST}",
    "ldap_port": "{LDAPPORT}",
    "mailboxd_java_heap_size": "{MAILBOXDMEMORY}",
    "smtp_destination": "{SMTPDEST}",
    "smtp_notify": "{SMTPNOTIFY}",
    "smtp_source": "{SMTPSOURCE}",
    "snmp_notify": "{SNMPNOTIFY}",
    "snmp_trap_host": "{SNMPTRAPHOST}",
    "zimbra_server_hostname": "{HOSTNAME}",
}
"""The same of localconfig.xml."""
PASSWORDS = {
    "ldap_amavis_password": "LDAPAMAVISPASS",
    "ldap_bes_searcher_password": "ldap_bes_searcher_password",
    "ldap_nginx_password": "ldap_nginx_password",
    "ldap_postfix_password": "LDAPPOSTPASS",
    "ldap_replication_password": "LDAPREPPASS",
    "ldap_root_password": "LDAPROOTPASS",
    "mailboxd_keystore_password": "mailboxd_keystore_password",
    "zimbra_ldap_password": "LDAPADMINPASS",
}
"""Secret settings of localconfig.xml, by the answer's key (zmldapinit, zmldappasswd)."""
ALIASES = ("root", "postmaster")
"""Names in the mail domain that reach the administrator (docs/zimbra.md §2.5); one may be the administrator's own."""
CRONTAB, CRON_MARK = Path("var/spool/cron/crontabs/zimbra"), "# ZIMBRAEND"
"""The jobs that rotate, learn and report; zmsetup.pl, setupCrontab."""


def differing(
    wanted: Mapping[str, str], answers: Mapping[str, str], found: Mapping[str, tuple[str, ...]], what: str
) -> Iterator[str]:
    """Yield which attributes lack a desired value; further values are allowed.

    The vendor writes names and addresses in small letters.
    """
    for name, form in wanted.items():
        value, have = form.format(**answers), " ".join(found.get(name, ()))
        if not set(value.lower().split()) <= set(have.lower().split()):
            yield f"{name} of {what} is {have or 'not set'}, not {value}"
