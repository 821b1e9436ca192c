"""The one table of what a hardened server is configured to be: attribute, value, why, and what has to be restarted.

Attributes, their kinds and what reads them when: zm-mailbox store/conf/attrs/zimbra-attrs.xml; the local settings:
docs/zimbra.md §3.1, §3.7; the attributes: §5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from states.hardening import settings
from states.server import admin_address
from states.zimbra.keep import kept
from states.zimbra.tools import Attributes
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
    setting: Setting[Any]
    """Which setting decides it."""
    tunable: bool = False
    """A number, an address or a recipient; anything else is a protection, on or off."""

    def free(self, ctx: Context) -> bool:
        """Tell whether a value given by hand stays: of a tunable that no setting names."""
        return self.tunable and not ctx.settings.given(self.setting)


def wishes(ctx: Context) -> tuple[Wish, ...]:
    """Return the whole table for the settings, without what the operator keeps for himself."""
    names = kept(ctx)
    return tuple(
        each for each in (*_floods(ctx), *_senders(ctx), *_alerts(ctx), *_inside(ctx)) if each.name not in names
    )


def attributes(table: Iterable[Wish], place: Place) -> Attributes:
    """Return the part of the table that belongs to one place."""
    return {each.name: each.values for each in table if each.place == place}


def _floods(ctx: Context) -> tuple[Wish, ...]:
    requests, logins = "floods of web requests are turned away", "guessing passwords blocks the address"
    table: tuple[tuple[str, Setting[Any], str], ...] = (
        ("zimbraHttpDosFilterDelayMillis", settings.DOS_DELAY, requests),
        ("zimbraHttpDosFilterMaxRequestsPerSec", settings.DOS_RATE, requests),
        ("zimbraHttpThrottleSafeIPs", settings.DOS_SAFE, requests),
        ("zimbraInvalidLoginFilterMaxFailedLogin", settings.LOGIN_FAILURES, logins),
        ("zimbraInvalidLoginFilterDelayInMinBetwnReqBeforeReinstating", settings.LOGIN_BLOCK, logins),
        ("zimbraInvalidLoginFilterReinstateIpTaskIntervalInMin", settings.LOGIN_REINSTATE, logins),
    )
    return tuple(
        Wish("config", name, _values(ctx.settings[each]), why, "mailbox", each, tunable=True)
        for name, each, why in table
    )


def _values(value: int | tuple[str, ...]) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _senders(ctx: Context) -> tuple[Wish, ...]:
    on = ctx.settings[settings.SENDER_CHECKS] != "off"
    word = ("yes",) if on else ("no",)
    unknown, forged = "mail for or from addresses that do not exist is refused", "nobody writes as somebody else"
    table = (
        ("RejectUnlistedRecipient", word, unknown),
        ("RejectUnlistedSender", word, unknown),
        ("SenderLoginMaps", (LOGIN_MAPS,) if on else (), forged),
        ("SenderRestrictions", (SENDER_LOGIN,) if on else (), forged),
    )
    return tuple(
        Wish("config", f"zimbraMtaSmtpd{name}", wanted, why, "mta", settings.SENDER_CHECKS)
        for name, wanted, why in table
    )


def _alerts(ctx: Context) -> tuple[Wish, ...]:
    recipient = ctx.settings.get(settings.ALERT_RECIPIENT) or admin_address(ctx)
    table: tuple[tuple[str, Setting[Any], str], ...] = (
        ("notice_user", settings.ALERT_RECIPIENT, recipient),
        *(
            (name, each, str(ctx.settings[each]))
            for name, each in (
                ("threshold_seconds", settings.ALERT_SECONDS),
                ("ipacct_threshold", settings.ALERT_PAIR),
                ("acct_threshold", settings.ALERT_ACCOUNT),
                ("ip_threshold", settings.ALERT_ADDRESS),
                ("total_threshold", settings.ALERT_TOTAL),
            )
        ),
    )
    why = "attacks on passwords are noticed"
    return tuple(
        Wish("local", f"zimbra_swatch_{name}", (value,), why, "alerts", each, tunable=True)
        for name, each, value in table
    )


def _inside(ctx: Context) -> tuple[Wish, ...]:
    value = ("1",) if ctx.settings[settings.INTERPROCESS] else ("0",)
    why = "what the parts of the server say to each other is encrypted, or not, as chosen"
    return tuple(
        Wish("local", name, value, why, "all", settings.INTERPROCESS)
        for name in ("ldap_starttls_supported", "zimbra_require_interprocess_security")
    )
