"""The vendor's defaults file: it answers every question, so that the installer asks and invents nothing.

Two programs read it: install.sh by bash's `source`, zmsetup.pl by splitting at the first `=` and deleting all double
quotes (docs/zimbra.md §1.2, §2.1). `KEY="value"` without `$ \\ ` " '` in the value means the same to both. All
addresses are named: the vendor derives its defaults from `hostname --fqdn`, not from this file (docs/zimbra.md §2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from states.server import admin_address, mail_domain, server_name
from states.ubuntu.addresses import addresses
from states.ubuntu.memory import Memory, memory
from states.zimbra import codes
from states.zimbra.networks import networks
from states.zimbra.release import chosen
from states.zimbra.releases import PACKAGES, Release
from states.zimbra.settings import (
    ADMIN_PASSWORD,
    DATABASE_MEMORY,
    FORBIDDEN,
    GENERATED,
    INSTALL,
    MAILBOX_MEMORY,
    TIMEZONE,
)
from zflow.api import Context, OperatorError, Secret

PLACE = Path("opt/zflow-answers")
RESERVED = frozenset({"PATH", "IFS", "LICENSE", "HOME", "ENV", "BASH_ENV"})

FIXED = {
    "AVDOMAIN": "{domain}",
    "AVUSER": "{admin}",
    "CREATEADMIN": "{admin}",
    "CREATEDOMAIN": "{domain}",
    "DOCREATEADMIN": "yes",
    "DOCREATEDOMAIN": "yes",
    "DOTRAINSA": "yes",
    "ENABLEGALSYNCACCOUNTS": "yes",
    "EXPANDMENU": "no",
    "HOSTNAME": "{server}",
    "HTTPPORT": "8080",
    "HTTPPROXY": "TRUE",
    "HTTPPROXYPORT": "80",
    "HTTPSPORT": "8443",
    "HTTPSPROXYPORT": "443",
    "IMAPPORT": "7143",
    "IMAPPROXYPORT": "143",
    "IMAPSSLPORT": "7993",
    "IMAPSSLPROXYPORT": "993",
    "INSTALL_WEBAPPS": "service zimlet zimbra zimbraAdmin",
    "LDAPBESSEARCHSET": "set",
    "LDAPHOST": "{server}",
    "LDAPPORT": "389",
    "LDAPREPLICATIONTYPE": "master",
    "LDAPSERVERID": "2",
    "MAILBOXDMEMORY": "{heap}",
    "MAILPROXY": "TRUE",
    "MODE": "https",
    "MYSQLMEMORYPERCENT": "{database}",
    "POPPORT": "7110",
    "POPPROXYPORT": "110",
    "POPSSLPORT": "7995",
    "POPSSLPROXYPORT": "995",
    "PROXYMODE": "redirect",
    "RUNARCHIVING": "no",
    "RUNAV": "yes",
    "RUNCBPOLICYD": "no",
    "RUNDKIM": "yes",
    "RUNSA": "yes",
    "RUNVMHA": "no",
    "SERVICEWEBAPP": "yes",
    "SMTPDEST": "{admin}",
    "SMTPHOST": "{server}",
    "SMTPNOTIFY": "yes",
    "SMTPSOURCE": "{admin}",
    "SNMPNOTIFY": "yes",
    "SNMPTRAPHOST": "{server}",
    "SPELLURL": "http://{server}:7780/aspell.php",
    "STARTSERVERS": "yes",
    "STRICTSERVERNAMEENABLED": "no",
    "SYSTEMMEMORY": "{memory}",
    "TRAINSAHAM": "ham.{suffix}@{domain}",
    "TRAINSASPAM": "spam.{suffix}@{domain}",
    "UIWEBAPPS": "yes",
    "UPGRADE": "no",
    "USE_ZIMBRA_PACKAGE_SERVER": "no",
    "USESPELL": "yes",
    "VERSIONUPDATECHECKS": "TRUE",
    "VIRUSQUARANTINE": "virus-quarantine.{suffix}@{domain}",
    "ZIMBRA_REQ_SECURITY": "yes",
    "ldap_dit_base_dn_config": "cn=zimbra",
    "mailboxd_directory": "/opt/zimbra/mailboxd",
    "mailboxd_keystore": "/opt/zimbra/mailboxd/etc/keystore",
    "mailboxd_server": "jetty",
    "mailboxd_truststore": "/opt/zimbra/common/lib/jvm/java/lib/security/cacerts",
    "mailboxd_truststore_password": "changeit",
    "postfix_mail_owner": "postfix",
    "postfix_setgid_group": "postdrop",
    "ssl_default_digest": "sha256",
    "zimbraDefaultDomainName": "{domain}",
    "zimbraFeatureBriefcasesEnabled": "Enabled",
    "zimbraFeatureTasksEnabled": "Enabled",
    "zimbraIPMode": "{ip_mode}",
    "zimbraMailProxy": "TRUE",
    "zimbraMtaMyNetworks": "{networks}",
    "zimbraPrefTimeZoneId": "{timezone}",
    "zimbraReverseProxyLookupTarget": "TRUE",
    "zimbraVersionCheckInterval": "1d",
    "zimbraVersionCheckNotificationEmail": "{admin}",
    "zimbraVersionCheckNotificationEmailFrom": "{admin}",
    "zimbraVersionCheckSendNotifications": "TRUE",
    "zimbraWebProxy": "TRUE",
    "zimbra_ldap_userdn": "uid=zimbra,cn=admins,cn=zimbra",
    "zimbra_require_interprocess_security": "1",
}
"""What is the same for every server and release, with the names of `Facts` in braces; a release adds its own."""

PASSWORDS = {
    "LDAPADMINPASS": "ldap_admin",
    "LDAPAMAVISPASS": "ldap_amavis",
    "LDAPPOSTPASS": "ldap_postfix",
    "LDAPREPPASS": "ldap_replication",
    "LDAPROOTPASS": "ldap_root",
    "ldap_bes_searcher_password": "ldap_bes_searcher",
    "ldap_nginx_password": "ldap_nginx",
    "mailboxd_keystore_password": "mailboxd_keystore",
}
"""Internal passwords by the name of their secret: random, different, and the same in every attempt."""


@dataclass(frozen=True)
class Facts:
    """What differs from server to server."""

    server: str
    domain: str
    admin: str
    memory: int
    """GiB, at least 1."""
    heap: int
    """MiB for mailboxd."""
    database: int
    """Per cent of the memory the vendor's scripts see, which is the host's."""
    networks: str
    ip_mode: str
    timezone: str
    suffix: str


def shares(found: Memory, heap_percent: int, database_percent: int) -> tuple[int, int, int]:
    """Return memory in GiB, heap in MiB, and the database's share in per cent of the host's memory.

    The vendor sizes both by /proc/meminfo, which in a container is the host's (docs/zimbra.md §2.2, MAILBOXDMEMORY):
    so the heap is named in MiB, and the database's percentage is scaled down to the container's limit.
    """
    database = max(1, database_percent * found.limit // found.host)
    return max(1, found.limit >> 30), max(256, (found.limit >> 20) * heap_percent // 100), database


def facts(ctx: Context) -> Facts:
    """Gather the facts from settings, volume and kernel."""
    total, heap, database = shares(memory(), ctx.settings[MAILBOX_MEMORY], ctx.settings[DATABASE_MEMORY])
    own = addresses().own
    return Facts(
        server=server_name(ctx),
        domain=mail_domain(ctx),
        admin=admin_address(ctx),
        memory=total,
        heap=heap,
        database=database,
        networks=networks(own),
        ip_mode="both" if any(":" in each for each in own) else "ipv4",
        timezone=ctx.settings[TIMEZONE],
        suffix=ctx.secrets.ensure("system_accounts", 10).reveal().lower(),
    )


def render(found: Facts, passwords: Mapping[str, Secret], release: Release, *, remove: bool) -> str:
    """Return the file's content. Raises OperatorError(ANSWERS) for a value one of its readers would mangle."""
    values = {key: value.format(**vars(found)) for key, value in (FIXED | release.answers).items()}
    values |= {
        "INSTALL_PACKAGES": " ".join(PACKAGES),
        "REMOVE": "yes" if remove else "no",
        **{key: secret.reveal() for key, secret in passwords.items()},
    }
    for key, value in values.items():
        if FORBIDDEN.search(value) or key in RESERVED:
            shown = "the password" if key in passwords else repr(value)
            raise OperatorError(
                codes.ANSWERS,
                f"{key}: {shown} has a quote, a dollar sign, a backslash, a letter beyond ASCII or the like",
            )
    return "".join(f'{key}="{value}"\n' for key, value in sorted(values.items()))


def passwords(ctx: Context) -> dict[str, Secret]:
    """Return all passwords, made once; the administrator's is the setting's if there is one.

    In the vendor's menu the operator chooses it, and zflow does not know it.
    """
    internal = {key: ctx.secrets.ensure(name) for key, name in PASSWORDS.items()}
    if ctx.settings[INSTALL] == "attended":
        return internal
    return {"CREATEADMINPASS": ctx.settings.get(ADMIN_PASSWORD) or ctx.secrets.ensure(GENERATED, 20), **internal}


def content(ctx: Context, *, remove: bool = False) -> str:
    """Return the file for this server; with `remove` the one that makes install.sh wipe /opt/zimbra first."""
    return render(facts(ctx), passwords(ctx), chosen(ctx), remove=remove)


def generates(ctx: Context) -> bool:
    """Tell whether zflow generates the administrator's password: the operator did not set one."""
    return ctx.settings[INSTALL] == "unattended" and ctx.settings.get(ADMIN_PASSWORD) is None
