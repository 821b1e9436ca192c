"""The settings of hardening."""

from __future__ import annotations

import ipaddress
import re

from states.hardening.spf_terms import Faulty, terms
from states.zimbra.keep import KEEP
from zflow.api import Setting, choice, flag, mail_address, many, network, number


def address(value: str) -> str:
    """Accept an IPv4 or IPv6 address, in its canonical form."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an address such as 203.0.113.5") from None


def spf(value: str) -> str:
    """Accept an SPF policy: the version, then terms that receivers understand."""
    if not re.fullmatch(r"v=spf1( [!-~]+)+", value) or '"' in value:
        raise ValueError(f"{value!r} is not an SPF policy such as v=spf1 mx a ~all")
    try:
        terms(value)
    except Faulty as error:
        raise ValueError(f"{value!r} is not an SPF policy: {error}") from None
    return value


DOS_DELAY = Setting(
    "http_dos_delay_ms",
    number(-1, 60_000),
    "-1",
    "Web requests beyond the limit: -1 rejects them, 0 does nothing, a higher number delays each by so many ms.",
    "500",
)
DOS_RATE = Setting(
    "http_dos_requests_per_second",
    number(1, 100_000),
    "30",
    "Web requests per second from one address.",
    "60",
)
DOS_SAFE = Setting(
    "http_dos_safe_addresses",
    many(network),
    "",
    "Addresses and networks without the limit on web requests; this server's own addresses never have it.",
    "10.1.2.3/32,192.168.4.0/24",
)
LOGIN_BLOCK = Setting(
    "login_block_minutes",
    number(1, 100_000),
    "15",
    "Minutes for which an address is blocked after too many failed logins.",
    "60",
)
LOGIN_FAILURES = Setting(
    "login_failures",
    number(0, 100_000),
    "10",
    "Failed logins after which an address is blocked; 0 blocks nobody.",
    "5",
)
LOGIN_REINSTATE = Setting(
    "login_reinstate_minutes",
    number(1, 100_000),
    "5",
    "Minutes between two checks for addresses to unblock.",
    "1",
)
ALERT_RECIPIENT = Setting(
    "alert_recipient",
    mail_address,
    None,
    "Mail address for alerts about possible attacks on passwords. Not set: the administrator.",
    "security@example.org",
)
ALERT_SECONDS = Setting(
    "alert_seconds",
    number(60, 86_400),
    "3600",
    "Seconds over which failed logins are counted for alerts.",
    "1800",
)


def _threshold(name: str, default: int, where: str, example: int) -> Setting[int]:
    about = f"Failed logins {where} that cause an alert."
    return Setting(f"alert_{name}", number(1, 1_000_000), str(default), about, str(example))


ALERT_PAIR = _threshold("address_account", 10, "from one address to one account", 5)
ALERT_ACCOUNT = _threshold("account", 15, "to one account, from all addresses,", 10)
ALERT_ADDRESS = _threshold("address", 20, "from one address, to all accounts,", 15)
ALERT_TOTAL = _threshold("total", 100, "in all", 200)
SENDER_CHECKS = Setting(
    "sender_checks",
    choice("standard", "strict", "off"),
    "standard",
    "Who may send from an address of this server. standard: its owner after a login, and this server's own networks. "
    "strict: only its owner, so that programs on this server need a login too. off: everybody.",
    "strict",
)
INTERPROCESS = Setting(
    "interprocess_security",
    flag,
    "yes",
    "Encrypt the connections between the services of this server, although they stay on this machine.",
    "no",
)
PUBLIC_ADDRESSES = Setting(
    "public_addresses",
    many(address),
    None,
    "Public addresses of this server, for its DNS records. Not set: the container's own addresses that are public.",
    "203.0.113.5,2001:db8:1::5",
)
SPF = Setting(
    "spf",
    spf,
    "v=spf1 mx a ~all",
    "SPF policy of the mail domains: which servers may send for them.",
    "v=spf1 mx -all",
)
DMARC_POLICY = Setting(
    "dmarc_policy",
    choice("none", "quarantine", "reject"),
    "none",
    "What receivers should do with mail that fails both SPF and DKIM. Start with none, read the reports, then set "
    "quarantine, then reject.",
    "quarantine",
)
DMARC_REPORTS = Setting(
    "dmarc_reports",
    mail_address,
    None,
    "Mail address for the DMARC reports of receivers. Not set: the administrator.",
    "dmarc@example.org",
)
DKIM_OVERLAP = Setting(
    "dkim_overlap_days",
    number(1, 365),
    "14",
    "Days for which the record of a replaced DKIM key stays published, for mail still on its way.",
    "30",
)
SETTINGS = (
    DOS_DELAY, DOS_RATE, DOS_SAFE, LOGIN_BLOCK, LOGIN_FAILURES, LOGIN_REINSTATE, ALERT_RECIPIENT, ALERT_SECONDS,
    ALERT_PAIR, ALERT_ACCOUNT, ALERT_ADDRESS, ALERT_TOTAL, SENDER_CHECKS, INTERPROCESS, PUBLIC_ADDRESSES, SPF,
    DMARC_POLICY, DMARC_REPORTS, DKIM_OVERLAP, KEEP,
)  # fmt: skip
