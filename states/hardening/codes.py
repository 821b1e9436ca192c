"""The errors of hardening, ZF-60xx."""

from __future__ import annotations

from zflow.api import Code

NOT_TAKEN = Code(
    "ZF-6001",
    "the server did not keep a setting",
    "After it was written, Zimbra's configuration still has another value; the message names both.",
    "It is tried again. If the error stays, set ZFLOW_KEEP_ATTRIBUTES to the attribute's name: zflow then leaves it.",
)
TEMPLATE = Code(
    "ZF-6002",
    "the template of the sender restrictions has an unknown form",
    "In this Zimbra, smtpd_sender_restrictions.cf lacks the line `permit_mynetworks`, beside which zflow inserts the "
    "check.",
    "Report this with the name of the release. With ZFLOW_SENDER_CHECKS=off zflow continues without the check.",
)
RESTRICTIONS = Code(
    "ZF-6003",
    "Postfix does not apply the sender restrictions",
    "The template contains the check, but Postfix's configuration does not. Perhaps zmconfigd does not run.",
    "It is tried again. See `zflow shell su - zimbra -c 'zmconfigdctl status'`.",
)
WATCHER = Code(
    "ZF-6004",
    "the login monitor does not run",
    "zmauditswatchctl started it, but its process ended or does not read the audit log.",
    "It is tried again. See its output in /data/opt/zimbra/log/zmauditswatch.out.",
)
DKIM = Code(
    "ZF-6005",
    "a DKIM key cannot be made or read",
    "Zimbra's zmdkimkeyutil did not return a key for the domain named in the message.",
    "It is tried again. LDAP and opendkim must run: see `zflow shell su - zimbra -c 'zmcontrol status'`.",
)
NO_DOMAIN = Code(
    "ZF-6006",
    "no such mail domain",
    "Zimbra does not have a domain of that name.",
    "`zflow shell su - zimbra -c 'zmprov -l gad'` lists the domains; `zflow shell su - zimbra -c 'zmprov cd NAME'` "
    "creates one.",
)
NO_WATCHER = Code(
    "ZF-6007",
    "the login monitor is not zflow's",
    "The file named in the message is absent or another program, and zflow does not know how to test that.",
    "Remove /data/opt/zimbra/libexec/auditswatch and run `zflow resume`, which installs zflow's.",
)

CODES = (NOT_TAKEN, TEMPLATE, RESTRICTIONS, WATCHER, DKIM, NO_DOMAIN, NO_WATCHER)
