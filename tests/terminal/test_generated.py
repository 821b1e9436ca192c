"""What is made from the code's tables: the pages of docs/, the example settings, the pictures of the machine."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from docs.generate import FOLDER, pages
from states.product import PRODUCT
from states.ubuntu.settings import PROXY
from tests.terminal.golden import looked_at
from zflow.commands.config import effective, example_file, shown
from zflow.endpoint.address import HTTP
from zflow.secret import Secret
from zflow.settings import Setting, load
from zflow.status.view import MARKS
from zflow.values import text
from zflow.walk import diagram
from zflow.walk.machine import SERVING, STOPPED, moves

NAMES = [state.name for state in PRODUCT.states]


@pytest.mark.parametrize("name", pages())
def test_the_pages_are_those_that_the_code_makes(name: str) -> None:
    """Whoever changes a table runs `make docs`."""
    assert (FOLDER / name).read_text() == pages()[name]


def test_the_example_file_is_a_settings_file(tmp_path: Path) -> None:
    """With its comments taken off every setting is accepted from it, with the value of its example."""
    content = example_file(PRODUCT.settings)
    assert tomllib.loads(content) == {}
    (tmp_path / "app").mkdir()
    lines = [line.removeprefix("# ") for line in content.splitlines() if re.match(r"# [a-z0-9_]+ = ", line)]
    (tmp_path / "app/settings.toml").write_text("\n".join(lines))
    found = load(PRODUCT.settings, {}, tmp_path)
    for setting in PRODUCT.settings:
        assert found[setting] == setting.parse(setting.example), setting.name


def test_no_effective_value_tells_a_secret(tmp_path: Path) -> None:
    """A password, a list of them and one inside an URL are shown as `***`."""
    table: list[Setting[object]] = [
        Setting("password", Secret, None, "a password", "hunter22"),
        Setting("proxy", text, None, "a proxy", "x"),
    ]
    environment = {"ZFLOW_PASSWORD": "hunter22", "ZFLOW_PROXY": "http://me:hunter33@proxy.example.org/"}
    rows = effective(table, load(table, environment, tmp_path))
    assert [row["value"] for row in rows] == ["***", "http://me:***@proxy.example.org/"]
    assert shown((Secret("a"), "b", True)) == "***, b, yes"


@pytest.mark.parametrize("environment", [{}, {"ZFLOW_HTTP": "off"}], ids=["by default", "by the operator"])
def test_what_is_off_is_not_told_as_not_set(tmp_path: Path, environment: dict[str, str]) -> None:
    """A setting that is off has a value, another one has none."""
    table = (HTTP, PROXY)
    assert [row["value"] for row in effective(table, load(table, environment, tmp_path))] == ["off", None]


@pytest.mark.parametrize("stage", ["none", "configuring", "blocked", "failed", "serving"])
def test_the_pictures_show_where_the_walk_is(stage: str) -> None:
    """Text, Mermaid and SVG mark the same states, and the SVG is well-formed and has a title."""
    document, _ = looked_at(stage)
    statuses = {each["name"]: each["status"] for each in document["states"]}
    present = diagram.Present(document["state"], document["place"], statuses)
    here = {name for name in (*NAMES, SERVING, *STOPPED) if name in {document["state"], document["place"]}}
    column = diagram.as_text(NAMES, present, MARKS)
    assert set(re.findall(r"(\w+)  ◂ here", column)) == here
    assert set(re.findall(r"class (\w+) here", diagram.as_mermaid(NAMES, present))) == here
    root = ET.fromstring(diagram.as_svg(NAMES, present))
    svg = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{svg}title") is not None
    boxes = [each for each in root.iter(f"{svg}rect") if each.get("rx")]
    texts = [each.text for each in root.iter(f"{svg}text") if each.get("text-anchor") == "middle"]
    thick = {name for box, name in zip(boxes, texts, strict=False) if box.get("stroke-width") == "4"}
    assert thick == here


def test_the_pictures_tell_every_move() -> None:
    """Each kind of move of the machine's table is told in each picture, and the order of the states is the table's."""
    triggers = {row["trigger"] for row in moves(NAMES)}
    assert {way.trigger for way in diagram.ways(NAMES)} == triggers
    mermaid = diagram.as_mermaid(NAMES)
    told = {trigger for trigger in triggers if re.search(rf": {trigger}$", mermaid, re.MULTILINE)}
    assert told == triggers
    advances = [(row["source"], row["dest"]) for row in moves(NAMES) if row["trigger"] == "advance"]
    assert re.findall(r"(\w+) --> (\w+): advance", mermaid) == advances
