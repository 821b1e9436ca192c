"""The errors of hardening, ZF-60xx."""

from __future__ import annotations

from zflow.api import Code

NOT_TAKEN = Code(
    "ZF-6001",
    "the server did not take a setting",
    "After writing, Zimbra's configuration still reads another value than the one below.",
    "It is tried again. If it stays, name the attribute in ZFLOW_KEEP_ATTRIBUTES to leave it as it is.",
)
TEMPLATE = Code(
    "ZF-6002",
    "the template of the sender restrictions has another form",
    "This Zimbra's smtpd_sender_restrictions.cf lacks the line `permit_mynetworks`, beside which the check belongs.",
    "Report it with the release's name. ZFLOW_SENDER_CHECKS=off goes on without the check of forged senders.",
)
RESTRICTIONS = Code(
    "ZF-6003",
    "Postfix does not apply the sender restrictions",
    "The template has the check, but Postfix's own configuration does not show it; zmconfigd may not run.",
    "It is tried again. `zflow shell`, then `su - zimbra -c 'zmconfigdctl status'`.",
)

WATCHER = Code(
    "ZF-6004",
    "failed logins are not watched",
    "zmauditswatchctl was started, but its program ended or does not watch the audit log.",
    "It is tried again. The words of the program are in /data/opt/zimbra/log/zmauditswatch.out.",
)
DKIM = Code(
    "ZF-6005",
    "a DKIM key cannot be made or read",
    "Zimbra's zmdkimkeyutil said something else than a key, for the domain below.",
    "It is tried again. LDAP and opendkim have to be there.",
)
NO_DOMAIN = Code(
    "ZF-6006",
    "no such mail domain",
    "Zimbra has no domain of the name given.",
    "Use one of the names listed, or create the domain first, with `zmprov cd NAME` as user zimbra.",
)
NO_WATCHER = Code(
    "ZF-6007",
    "the alerts are not zflow's",
    "In the place of the watcher for failed logins lies a program of somebody else, which knows no test.",
    "Test it as its maker says, or remove /data/opt/zimbra/libexec/auditswatch and run `zflow resume`.",
)

CODES = (NOT_TAKEN, TEMPLATE, RESTRICTIONS, WATCHER, DKIM, NO_DOMAIN, NO_WATCHER)
