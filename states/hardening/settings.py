"""What an operator decides about hardening; the defaults are those of Zimbra's filters and of the seed's alerts."""

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
    """Accept an SPF policy by its form: the version, then terms that receivers understand."""
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
    "What happens to web requests beyond the limit: -1 rejects them, 0 does nothing, more delays each so many ms.",
    "500",
)
DOS_RATE = Setting(
    "http_dos_requests_per_second",
    number(1, 100_000),
    "30",
    "Web requests a second that one address may make.",
    "60",
)
DOS_SAFE = Setting(
    "http_dos_safe_addresses",
    many(network),
    "",
    "Addresses and networks without that limit; this machine's own are always free of it.",
    "10.1.2.3/32,192.168.4.0/24",
)
LOGIN_BLOCK = Setting(
    "login_block_minutes",
    number(1, 100_000),
    "15",
    "Minutes that an address is blocked after too many failed logins.",
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
    "Minutes between two looks for addresses to unblock.",
    "1",
)
ALERT_RECIPIENT = Setting(
    "alert_recipient",
    mail_address,
    None,
    "Who is written to about possible attacks on passwords. Not set: the administrator.",
    "security@example.org",
)
ALERT_SECONDS = Setting(
    "alert_seconds",
    number(60, 86_400),
    "3600",
    "Seconds in which failed logins are counted for alerts.",
    "1800",
)
ALERT_PAIR = Setting(
    "alert_address_account",
    number(1, 1_000_000),
    "10",
    "Failed logins of one address to one account that cause an alert.",
    "5",
)
ALERT_ACCOUNT = Setting(
    "alert_account",
    number(1, 1_000_000),
    "15",
    "Failed logins to one account, from wherever, that cause an alert.",
    "10",
)
ALERT_ADDRESS = Setting(
    "alert_address",
    number(1, 1_000_000),
    "20",
    "Failed logins of one address, to whichever account, that cause an alert.",
    "15",
)
ALERT_TOTAL = Setting(
    "alert_total",
    number(1, 1_000_000),
    "100",
    "Failed logins in all that cause an alert.",
    "200",
)
SENDER_CHECKS = Setting(
    "sender_checks",
    choice("standard", "strict", "off"),
    "standard",
    "Who may use a sender of this server's: standard, only its owner once logged in, and this server's own networks; "
    "strict, its owner alone, so that programs on this server need a login too; off, anybody.",
    "strict",
)
INTERPROCESS = Setting(
    "interprocess_security",
    flag,
    "yes",
    "Encrypt what the parts of the server say to each other, although all of it stays on this machine.",
    "no",
)
PUBLIC_ADDRESSES = Setting(
    "public_addresses",
    many(address),
    None,
    "Addresses under which the world reaches this server, for its DNS records. Not set: the container's own, where "
    "they are public.",
    "203.0.113.5,2001:db8:1::5",
)
SPF = Setting(
    "spf",
    spf,
    "v=spf1 mx a ~all",
    "SPF policy of the mail domains: who may send for them.",
    "v=spf1 mx -all",
)
DMARC_POLICY = Setting(
    "dmarc_policy",
    choice("none", "quarantine", "reject"),
    "none",
    "What others are to do with mail that fails both SPF and DKIM. Begin with none, read the reports, then quarantine, "
    "then reject.",
    "quarantine",
)
DMARC_REPORTS = Setting(
    "dmarc_reports",
    mail_address,
    None,
    "Who gets the DMARC reports of others. Not set: the administrator.",
    "dmarc@example.org",
)
DKIM_OVERLAP = Setting(
    "dkim_overlap_days",
    number(1, 365),
    "14",
    "Days that the public key of a DKIM key that was replaced stays published, for mail still under way.",
    "30",
)
SETTINGS = (
    DOS_DELAY, DOS_RATE, DOS_SAFE, LOGIN_BLOCK, LOGIN_FAILURES, LOGIN_REINSTATE, ALERT_RECIPIENT, ALERT_SECONDS,
    ALERT_PAIR, ALERT_ACCOUNT, ALERT_ADDRESS, ALERT_TOTAL, SENDER_CHECKS, INTERPROCESS, PUBLIC_ADDRESSES, SPF,
    DMARC_POLICY, DMARC_REPORTS, DKIM_OVERLAP, KEEP,
)  # fmt: skip
