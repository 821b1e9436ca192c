"""The table of what a hardened server is configured to be."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from rehearsal.standin import HERE as STANDIN
from states.hardening import values
from states.hardening.desired import attributes, desired_settings
from states.hardening.settings import SETTINGS
from states.server import SETTINGS as IDENTITY
from tests.support import make_context
from zflow.context import Context

KNOWN = {
    row[0]: row[1:] for row in csv.reader((STANDIN / "runtime/attributes.tsv").read_text().splitlines(), delimiter="\t")
}
"""What the vendor's schema says of each attribute: kind, and whether it has one value or several."""


def context(volume: Path, **settings: str) -> Context:
    named = {f"ZFLOW_{name.upper()}": value for name, value in settings.items()}
    return make_context(volume, (*IDENTITY, *SETTINGS), {"ZFLOW_HOSTNAME": "mail.example.test", **named})


def test_every_attribute_is_the_vendors_and_has_as_many_values_as_it_may(tmp_path: Path) -> None:
    """Each attribute is in the vendor's schema, and a single-valued one has at most one value."""
    table = desired_settings(context(tmp_path, http_dos_safe_addresses="10.1.2.3,192.168.4.0/24"))
    for name, wanted in attributes(table, "config").items():
        kind, cardinality = KNOWN[name][:2]
        assert cardinality == "multi" or len(wanted) <= 1, name
        assert not kind.startswith("enum:") or set(wanted) <= set(kind[5:].split(",")), name


@pytest.mark.parametrize(
    ("name", "value", "attribute", "wanted"),
    [
        ("http_dos_delay_ms", "500", "zimbraHttpDosFilterDelayMillis", ("500",)),
        ("http_dos_requests_per_second", "60", "zimbraHttpDosFilterMaxRequestsPerSec", ("60",)),
        ("http_dos_safe_addresses", "10.1.2.3,192.168.4.0/24", "zimbraHttpThrottleSafeIPs",
         ("10.1.2.3/32", "192.168.4.0/24")),
        ("login_failures", "0", "zimbraInvalidLoginFilterMaxFailedLogin", ("0",)),
        ("login_block_minutes", "60", "zimbraInvalidLoginFilterDelayInMinBetwnReqBeforeReinstating", ("60",)),
        ("login_reinstate_minutes", "1", "zimbraInvalidLoginFilterReinstateIpTaskIntervalInMin", ("1",)),
        ("sender_checks", "off", "zimbraMtaSmtpdSenderLoginMaps", ()),
        ("sender_checks", "off", "zimbraMtaSmtpdSenderRestrictions", ()),
        ("sender_checks", "off", "zimbraMtaSmtpdRejectUnlistedSender", ("no",)),
        ("alert_recipient", "noc@example.test", "zimbra_swatch_notice_user", ("noc@example.test",)),
        ("alert_seconds", "60", "zimbra_swatch_threshold_seconds", ("60",)),
        ("alert_address_account", "5", "zimbra_swatch_ipacct_threshold", ("5",)),
        ("alert_account", "6", "zimbra_swatch_acct_threshold", ("6",)),
        ("alert_address", "7", "zimbra_swatch_ip_threshold", ("7",)),
        ("alert_total", "8", "zimbra_swatch_total_threshold", ("8",)),
        ("interprocess_security", "no", "ldap_starttls_supported", ("0",)),
        ("interprocess_security", "no", "zimbra_require_interprocess_security", ("0",)),
    ],
)  # fmt: skip
def test_settings_decide(tmp_path: Path, name: str, value: str, attribute: str, wanted: tuple[str, ...]) -> None:
    """Each setting changes its attribute, and the change makes the step due again."""
    plain, changed = context(tmp_path), context(tmp_path, **{name: value})
    before, after = ({each.name: each.values for each in desired_settings(ctx)} for ctx in (plain, changed))
    assert before[attribute] != after[attribute] == wanted
    assert values.inputs(plain) != values.inputs(changed)


def test_what_the_operator_keeps_is_not_in_the_table(tmp_path: Path) -> None:
    """An attribute named in keep_attributes is neither written nor looked at."""
    kept = "zimbraHttpDosFilterMaxRequestsPerSec,zimbra_swatch_ip_threshold"
    names = {each.name for each in desired_settings(context(tmp_path, keep_attributes=kept))}
    assert not names & set(kept.split(","))
    assert len(names) == len(desired_settings(context(tmp_path))) - 2


def test_restarts_owed_survive_and_a_whole_restart_covers_the_others(tmp_path: Path) -> None:
    """Restarts that changes need add up over cut-off attempts; `all` includes all but the login monitor."""
    ctx = context(tmp_path)
    by_service = {each.service: each for each in desired_settings(ctx)}
    values.owe(ctx, [by_service["mta"]])
    assert values.owed(ctx) == ["mta"]
    values.owe(ctx, [by_service["mailbox"]])
    assert sorted(values.owed(ctx)) == ["mailbox", "mta"]
    values.owe(ctx, [by_service["all"]])
    assert values.owed(ctx) == ["all"]
    values.owe(ctx, [by_service["alerts"]])
    assert values.owed(ctx) == ["alerts", "all"]
