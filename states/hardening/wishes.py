"""The one table of what a hardened server is configured to be: attribute, value, why, and what has to be restarted.

Attributes, their kinds and what reads them when: zm-mailbox store/conf/attrs/zimbra-attrs.xml; the local settings:
zmauditswatchctl (C, 31-35) and zmsetup.pl, setLdapDefaults (zimbra-facts §3.7, §5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from states.hardening import settings
from states.identity import admin_address
from states.zimbra import Attributes
from zflow.api import Context, Setting

Place = Literal["config", "local"]
"""The global configuration in LDAP, or the file that `zmlocalconfig` keeps."""
Reader = Literal["mailbox", "mta", "alerts", "all"]
"""What must be restarted for a new value; `mta` reads by zmconfigd."""

LOGIN_MAPS = "proxy:ldap:/opt/zimbra/conf/ldap-slm.cf"
"""The vendor's map from sender addresses to their owners' logins; zmmtainit, 156-170."""
SENDER_LOGIN = "reject_authenticated_sender_login_mismatch"
"""postconf(5), smtpd_sender_restrictions: who is logged in may use his own addresses only."""


@dataclass(frozen=True)
class Wish:
    """One attribute as it is to be."""

    place: Place
    name: str
    values: tuple[str, ...]
    why: str
    reader: Reader


def wishes(ctx: Context) -> tuple[Wish, ...]:
    """Return the whole table for the settings, without what the operator keeps for himself."""
    kept = ctx.settings[settings.KEEP]
    return tuple(
        each for each in (*_floods(ctx), *_senders(ctx), *_alerts(ctx), *_inside(ctx)) if each.name not in kept
    )


def attributes(table: Iterable[Wish], place: Place) -> Attributes:
    """Return the part of the table that belongs to one place."""
    return {each.name: each.values for each in table if each.place == place}


def _floods(ctx: Context) -> tuple[Wish, ...]:
    def number(setting: Setting[int]) -> tuple[str, ...]:
        return (str(ctx.settings[setting]),)

    requests, logins = "floods of web requests are turned away", "guessing passwords blocks the address"
    blocking = "zimbraInvalidLoginFilter"
    return (
        Wish("config", "zimbraHttpDosFilterDelayMillis", number(settings.DOS_DELAY), requests, "mailbox"),
        Wish("config", "zimbraHttpDosFilterMaxRequestsPerSec", number(settings.DOS_RATE), requests, "mailbox"),
        Wish("config", "zimbraHttpThrottleSafeIPs", ctx.settings[settings.DOS_SAFE], requests, "mailbox"),
        Wish("config", f"{blocking}MaxFailedLogin", number(settings.LOGIN_FAILURES), logins, "mailbox"),
        Wish(
            "config", f"{blocking}DelayInMinBetwnReqBeforeReinstating", number(settings.LOGIN_BLOCK), logins, "mailbox"
        ),
        Wish("config", f"{blocking}ReinstateIpTaskIntervalInMin", number(settings.LOGIN_REINSTATE), logins, "mailbox"),
    )


def _senders(ctx: Context) -> tuple[Wish, ...]:
    on = ctx.settings[settings.SENDER_CHECKS] != "off"
    word = ("yes",) if on else ("no",)
    unknown, forged = "mail for or from addresses that do not exist is refused", "nobody writes as somebody else"
    return (
        Wish("config", "zimbraMtaSmtpdRejectUnlistedRecipient", word, unknown, "mta"),
        Wish("config", "zimbraMtaSmtpdRejectUnlistedSender", word, unknown, "mta"),
        Wish("config", "zimbraMtaSmtpdSenderLoginMaps", (LOGIN_MAPS,) if on else (), forged, "mta"),
        Wish("config", "zimbraMtaSmtpdSenderRestrictions", (SENDER_LOGIN,) if on else (), forged, "mta"),
    )


def _alerts(ctx: Context) -> tuple[Wish, ...]:
    why = "attacks on passwords are noticed"
    recipient = ctx.settings.get(settings.ALERT_RECIPIENT) or admin_address(ctx)
    limits = (
        ("threshold_seconds", settings.ALERT_SECONDS),
        ("ipacct_threshold", settings.ALERT_PAIR),
        ("acct_threshold", settings.ALERT_ACCOUNT),
        ("ip_threshold", settings.ALERT_ADDRESS),
        ("total_threshold", settings.ALERT_TOTAL),
    )
    return (
        Wish("local", "zimbra_swatch_notice_user", (recipient,), why, "alerts"),
        *(Wish("local", f"zimbra_swatch_{name}", (str(ctx.settings[each]),), why, "alerts") for name, each in limits),
    )


def _inside(ctx: Context) -> tuple[Wish, ...]:
    value = ("1",) if ctx.settings[settings.INTERPROCESS] else ("0",)
    why = "what the parts of the server say to each other is encrypted, or not, as chosen"
    return (
        Wish("local", "ldap_starttls_supported", value, why, "all"),
        Wish("local", "zimbra_require_interprocess_security", value, why, "all"),
    )
