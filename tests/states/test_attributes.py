"""Every attribute of the vendor's that zflow or the stand-in names, beside the vendor's own definition of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rehearsal.standin.runtime import schema
from states.hardening import settings as hardening
from states.hardening.desired import Desired, Service, desired_settings
from states.install import networks as networks_step
from states.product import PRODUCT
from states.tls import dh_deployed, hsts, names
from states.tls.profile import PROFILES, desired
from states.ubuntu.memory import Memory
from states.zimbra import needs, networks, settings
from states.zimbra.answers import FIXED, Facts, shares
from states.zimbra.networks import networks as own_networks
from tests.support import make_context
from tests.vendor import RELEASES, ROOT, Definition, definitions

NAME = re.compile(r"\bzimbra[A-Z][A-Za-z0-9]+\b")
OTHERS = {
    "zimbraAdmin": "a web application",
    "zimbraDomain": "an object class",
    "zimbraGlobalConfig": "an object class",
    "zimbraMailProxy": "an answer that zmsetup.pl turns into attributes of other names",
    "zimbraServer": "an object class",
    "zimbraWebProxy": "an answer, the same",
}
"""What has the form of an attribute's name and is something else."""
PLACES: Mapping[str, str] = {
    "gcf zimbraDefaultDomainName": "globalConfig",
    "ga zimbraId": "account",
    "ga zimbraIsAdminAccount": "account",
    "gs zimbraServiceEnabled": "server",
    "domain zimbraDomainName": "domain",
    f"ms {networks_step.ATTRIBUTE}": "server",
    f"ms {networks.MODE}": "server",
    f"gcf {networks.STRICT}": "globalConfig",
    f"gcf {names.SNI}": "globalConfig",
    f"gcf {networks.MODE}": "globalConfig",
    f"mcf {dh_deployed.ATTRIBUTE}": "globalConfig",
    f"mcf {hsts.ATTRIBUTE}": "globalConfig",
    f"ms {networks.STRICT}": "server",
    f"ms {names.SNI}": "server",
    f"md {names.HOSTS}": "domain",
    f"md {names.ADDRESSES}": "domain",
    **{f"gs {name}": "server" for name in dh_deployed.FRONT},
    "zmsetup zimbraFeatureBriefcasesEnabled": "cos",
    "zmsetup zimbraFeatureTasksEnabled": "cos",
    "zmsetup zimbraPrefTimeZoneId": "cos",
}
"""On which kind of entry zflow, or zmsetup.pl by its answers, reads or sets what."""
RESTARTED: Mapping[Service, str] = {"mailbox": "mailbox", "mta": "mta"}

pytestmark = pytest.mark.parametrize("release", RELEASES)


def refused(definition: Definition, values: tuple[str, ...]) -> list[str]:
    """Say what the vendor would refuse of these values; AttributeInfo.java, checkValue."""
    known = schema.Attribute(
        definition.name, definition.type, definition.words, definition.least, definition.most, definition.multi, ()
    )
    found = [f"{each}: {words}" for each in values if each and (words := schema.objection(known, each))]
    return found + ([f"{len(values)} values of a single one"] if len(values) > 1 and not definition.multi else [])


def literals(path: Path) -> Iterator[str]:
    """Return the texts of a module, without the fixed parts of those that are put together."""
    tree = ast.parse(path.read_text())
    pieces = {id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in each.values}
    for each in ast.walk(tree):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in pieces:
            yield each.value


def wished(tmp_path: Path) -> Iterator[Desired]:
    """Return what hardening writes into the directory, by default and at the ends of its settings."""
    for values in (
        {},
        {"sender_checks": "off", "http_dos_safe_addresses": "10.1.2.3,192.168.4.0/24", "http_dos_delay_ms": "60000"},
        dict.fromkeys(("http_dos_requests_per_second", "login_block_minutes", "login_reinstate_minutes"), "1"),
        dict.fromkeys(("http_dos_requests_per_second", "login_block_minutes", "login_failures"), "100000"),
    ):
        environment = {f"ZFLOW_{name.upper()}": value for name, value in values.items()}
        ctx = make_context(tmp_path, PRODUCT.settings, {"ZFLOW_HOSTNAME": "mail.example.test", **environment})
        yield from (each for each in desired_settings(ctx) if each.store == "config")


def test_every_name_in_the_product_is_an_attribute_of_the_vendors(release: str) -> None:
    """Whatever looks like an attribute in a text of the product is one, in every release, and not a deprecated one."""
    known = definitions(release)
    modules = sorted((ROOT / "states").rglob("*.py"))
    named = {name for path in modules for text in literals(path) for name in NAME.findall(text)} - set(OTHERS)
    assert len(named) > 30
    assert [name for name in sorted(named) if name not in known or known[name].deprecated] == []


def test_what_is_read_or_set_belongs_to_its_entry(release: str) -> None:
    """An attribute of a server is not asked of the global configuration, nor the other way round."""
    known = definitions(release)
    wrong = {
        use: known[use.split()[1]].places for use, place in PLACES.items() if place not in known[use.split()[1]].places
    }
    assert wrong == {}


def test_hardening_writes_what_the_vendor_takes(release: str, tmp_path: Path) -> None:
    """Each value, by default and at the ends of its setting, is taken; the restart is the vendor's."""
    known = definitions(release)
    for each in wished(tmp_path):
        definition = known[each.name]
        assert refused(definition, each.values) == [], each
        assert "globalConfig" in definition.places, each
        assert not definition.restart or RESTARTED[each.service] in definition.restart, each


def test_the_filters_settings_begin_with_the_vendors_defaults(release: str, tmp_path: Path) -> None:
    """Who sets nothing about floods and guessed passwords has what the vendor ships."""
    known = definitions(release)
    ctx = make_context(tmp_path, PRODUCT.settings, {"ZFLOW_HOSTNAME": "mail.example.test"})
    config = [each for each in desired_settings(ctx) if each.store == "config"]
    filters = [each for each in config if each.setting is not hardening.SENDER_CHECKS]
    assert len(filters) == 6
    assert {each.name: each.values for each in filters} == {each.name: known[each.name].config for each in filters}


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_are_what_the_vendor_takes(release: str, profile: str) -> None:
    """Protocols and ciphers of each profile are of the attributes' kinds."""
    known = definitions(release)
    for name, values in desired(profile, f"{release}.GA.1").items():
        assert refused(known[name], values) == [], name
        assert "globalConfig" in known[name].places, name


def test_parameters_are_a_file_and_headers_are_several(release: str) -> None:
    """`zmprov mcf` of a binary attribute takes a file's name; several headers stand beside each other."""
    known = definitions(release)
    assert known[dh_deployed.ATTRIBUTE].type == "binary"
    assert known[hsts.ATTRIBUTE].multi


def test_answers_are_what_the_vendor_takes(release: str) -> None:
    """The answers that zmsetup.pl writes into attributes of their names have values that those may have."""
    known = definitions(release)
    memory, heap, database = shares(Memory(8 << 30, 8 << 30), 25, 30)
    found = Facts(
        server="mail.example.test", domain="example.test", admin="admin@example.test", memory=memory, heap=heap,
        database=database, networks=own_networks(("192.0.2.5", "2001:db8::5")), ip_mode="both",
        timezone=str(settings.TIMEZONE.default), suffix="0123456789",
    )  # fmt: skip
    words = {"Enabled": "TRUE"}  # zmsetup.pl, the menu's word for it
    values = {name: value.format(**vars(found)) for name, value in FIXED.items() if NAME.fullmatch(name)}
    values = {name: value for name, value in values.items() if name not in OTHERS}
    assert len(values) >= 8
    assert [each for name, value in values.items() for each in refused(known[name], (words.get(value, value),))] == []


def test_threads_that_the_limit_counts_with(release: str) -> None:
    """The numbers in the explanation of the least number of processes are the vendor's."""
    known = definitions(release)
    told = re.findall(r"(zimbra\w+NumThreads) (\d+)", (ROOT / "states/zimbra/needs.py").read_text())
    assert len(told) == 4
    assert {name: (number,) for name, number in told} == {name: known[name].config for name, _ in told}
    assert sum(int(number) for _, number in told) < needs.LEAST_PROCESSES


def test_the_stand_in_knows_attributes_as_the_vendor_defines_them(release: str) -> None:
    """Type, words, limits, cardinality and default of each row are the vendor's; what is deprecated is absent."""
    known = definitions(release)
    version = tuple(int(part) for part in release.split("."))
    rows = [each for each in schema.load().values() if each.name.startswith("zimbra")]
    assert len(rows) > 150
    wrong = []
    for row in rows:
        theirs = known.get(row.name)
        if theirs is None or theirs.deprecated:
            wrong.append(f"{row.name}: {'deprecated' if theirs else 'unknown'}")
            continue
        ours = (row.type, row.words, row.least, row.most, row.multi)
        if ours != (theirs.type, theirs.words, theirs.least, theirs.most, theirs.multi):
            wrong.append(f"{row.name}: {ours}, not {theirs}")
        begun = (tuple(row.default("config", version)), tuple(row.default("cos", version)))
        if begun != (theirs.config, theirs.cos):
            wrong.append(f"{row.name}: {begun}, not {theirs.config}, {theirs.cos}")
    assert wrong == []
