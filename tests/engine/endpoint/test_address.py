"""ZFLOW_HTTP: what it may say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from states.product import PRODUCT
from zflow.codes import ENGINE_CODES
from zflow.commands.product import product
from zflow.endpoint.address import HTTP, Address, address
from zflow.errors import OperatorError
from zflow.settings import load_one


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("off", None),
        ("9119", Address("127.0.0.1", 9119)),
        ("0.0.0.0:80", Address("0.0.0.0", 80)),
        ("[::1]:9119", Address("::1", 9119)),
    ],
)
def test_off_a_port_and_an_address_are_taken(value: str, found: Address | None) -> None:
    """A port alone is on the loopback address; an address is shown as it is written."""
    assert address(value) == found
    assert found is None or value in {str(found), str(found.port)}


@pytest.mark.parametrize(
    "value", ["", "on", "0", "65536", "mail:80", "::1:9119", "[::1]", "[127.0.0.1]:80", "1.2.3.4:", ":80"]
)
def test_everything_else_is_named(value: str) -> None:
    """The value and the forms are told."""
    with pytest.raises(ValueError, match="PORT"):
        address(value)


def test_the_setting_is_read_alone_from_each_source(tmp_path: Path) -> None:
    """Variable before file before default; what else stands there is not judged here."""
    (tmp_path / "app").mkdir()
    assert load_one(HTTP, {"ZFLOW_UNKNOWN": "1"}, tmp_path) is None
    (tmp_path / "app/settings.toml").write_text('http = 9119\nunknown = "x"\n')
    assert load_one(HTTP, {}, tmp_path) == Address("127.0.0.1", 9119)
    assert load_one(HTTP, {"ZFLOW_HTTP": "off"}, tmp_path) is None
    with pytest.raises(OperatorError, match="ZFLOW_HTTP: 'on' is not off"):
        load_one(HTTP, {"ZFLOW_HTTP": "on"}, tmp_path)
    (tmp_path / "app/settings.toml").write_text("http = \n")
    with pytest.raises(OperatorError, match="Invalid value"):
        load_one(HTTP, {}, tmp_path)


def test_the_engine_names_nothing_of_the_product() -> None:
    """How others reach the endpoint is a sentence of the product, and the settings in it exist."""
    texts = [HTTP.about, *(text for each in ENGINE_CODES for text in (each.title, each.cause, each.remedy))]
    assert [text for text in texts if re.search("zimbra|firewall", text, re.IGNORECASE)] == []
    named = set(re.findall(r"firewall_\w+", product().settings[-1].about))
    assert named
    assert named <= {setting.name for setting in PRODUCT.settings}
