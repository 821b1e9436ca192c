"""The table of desired settings: attribute, value, and the service that must restart.

Attributes and their kinds: zm-mailbox store/conf/attrs/zimbra-attrs.xml; local settings: docs/zimbra.md §3.1, §3.7;
attributes: §5.
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

Store = Literal["config", "local"]
"""The global configuration in LDAP, or the file that `zmlocalconfig` keeps."""
Service = Literal["mailbox", "mta", "alerts", "all"]
"""What must restart for a new value; `mta` gets it from zmconfigd."""

LOGIN_MAPS = "proxy:ldap:/opt/zimbra/conf/ldap-slm.cf"
"""The vendor's map from sender addresses to their owners' logins; zmmtainit, 156-170."""
SENDER_LOGIN = "reject_authenticated_sender_login_mismatch"
"""postconf(5), smtpd_sender_restrictions: a logged-in user may use only the own addresses."""


@dataclass(frozen=True)
class Desired:
    """One desired setting."""

    store: Store
    name: str
    values: tuple[str, ...]
    service: Service
    setting: Setting[Any]
    """The setting of zflow that decides the value."""
    tunable: bool = False
    """A number, an address or a recipient; anything else is a protection, on or off."""

    def free(self, ctx: Context) -> bool:
        """Tell whether a value set by hand stays: that of a tunable whose setting the operator did not give."""
        return self.tunable and not ctx.settings.given(self.setting)


def desired_settings(ctx: Context) -> tuple[Desired, ...]:
    """Return the table, without the attributes that the operator keeps."""
    table, names = (*_floods(ctx), *_senders(ctx), *_alerts(ctx), *_inside(ctx)), kept(ctx)
    return tuple(each for each in table if each.name not in names)


def attributes(table: Iterable[Desired], store: Store) -> Attributes:
    """Return the part of the table that belongs to one store."""
    return {each.name: each.values for each in table if each.store == store}


def _floods(ctx: Context) -> tuple[Desired, ...]:
    table: tuple[tuple[str, Setting[Any]], ...] = (
        ("HttpDosFilterDelayMillis", settings.DOS_DELAY),
        ("HttpDosFilterMaxRequestsPerSec", settings.DOS_RATE),
        ("HttpThrottleSafeIPs", settings.DOS_SAFE),
        ("InvalidLoginFilterMaxFailedLogin", settings.LOGIN_FAILURES),
        ("InvalidLoginFilterDelayInMinBetwnReqBeforeReinstating", settings.LOGIN_BLOCK),
        ("InvalidLoginFilterReinstateIpTaskIntervalInMin", settings.LOGIN_REINSTATE),
    )
    return tuple(
        Desired("config", f"zimbra{name}", _values(ctx.settings[each]), "mailbox", each, tunable=True)
        for name, each in table
    )


def _values(value: int | str | tuple[str, ...]) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _senders(ctx: Context) -> tuple[Desired, ...]:
    on = ctx.settings[settings.SENDER_CHECKS] != "off"
    yes = ("yes",) if on else ("no",)
    table = (
        ("RejectUnlistedRecipient", yes),
        ("RejectUnlistedSender", yes),
        ("SenderLoginMaps", (LOGIN_MAPS,) if on else ()),
        ("SenderRestrictions", (SENDER_LOGIN,) if on else ()),
    )
    return tuple(
        Desired("config", f"zimbraMtaSmtpd{name}", values, "mta", settings.SENDER_CHECKS) for name, values in table
    )


def _alerts(ctx: Context) -> tuple[Desired, ...]:
    table: tuple[tuple[str, Setting[Any]], ...] = (
        ("notice_user", settings.ALERT_RECIPIENT),
        ("threshold_seconds", settings.ALERT_SECONDS),
        ("ipacct_threshold", settings.ALERT_PAIR),
        ("acct_threshold", settings.ALERT_ACCOUNT),
        ("ip_threshold", settings.ALERT_ADDRESS),
        ("total_threshold", settings.ALERT_TOTAL),
    )
    return tuple(
        Desired("local", f"zimbra_swatch_{name}", _values(ctx.settings.get(each) or admin_address(ctx)), "alerts", each,
                tunable=True)
        for name, each in table
    )  # fmt: skip


def _inside(ctx: Context) -> tuple[Desired, ...]:
    value = ("1",) if ctx.settings[settings.INTERPROCESS] else ("0",)
    return tuple(
        Desired("local", name, value, "all", settings.INTERPROCESS)
        for name in ("ldap_starttls_supported", "zimbra_require_interprocess_security")
    )
