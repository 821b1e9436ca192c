"""The errors of hardening, ZF-60xx."""

from __future__ import annotations

from zflow.api import Code

NOT_TAKEN = Code(
    "ZF-6001",
    "the server did not take a setting",
    "After writing, Zimbra's configuration still reads another value than the one below.",
    "It is tried again. If it stays, `zflow logs hardening.values` shows the tool's words; name the attribute in "
    "ZFLOW_KEEP_ATTRIBUTES to leave it as it is.",
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

CODES = (NOT_TAKEN, TEMPLATE, RESTRICTIONS)
