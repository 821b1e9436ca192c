"""The attributes the stand-in knows, read from attributes.tsv: type, cardinality, defaults."""

import re
from pathlib import Path
from typing import Dict, List, NamedTuple


class Attribute(NamedTuple):
    name: str
    type: str
    multi: bool
    config: List[str]
    cos: List[str]


def _parse(line: str) -> Attribute:
    name, kind, cardinality, default = [*line.split("\t"), ""][:4]
    values = default.partition("=")[2].split("|") if default else []
    return Attribute(
        name,
        kind,
        cardinality == "multi",
        values if default.startswith("config=") else [],
        values if default.startswith("cos=") else [],
    )


def load() -> Dict[str, Attribute]:
    """Every attribute by its lower-case name."""
    lines = (Path(__file__).parent / "attributes.tsv").read_text().splitlines()
    table = [_parse(line) for line in lines if line and not line.startswith("#")]
    return {attribute.name.lower(): attribute for attribute in table}


def objection(attribute: Attribute, value: str) -> str:
    """Why the vendor refuses this value; empty when it does not."""
    kind = attribute.type
    if kind.startswith("enum:") and value not in kind[5:].split(","):
        return "must be one of: {}".format(kind[5:])
    if kind == "boolean" and value not in ("TRUE", "FALSE"):
        return "must be TRUE or FALSE"
    if kind in ("integer", "port") and not re.match(r"^-?\d+$", value):
        return "must be a valid integer: {}".format(value)
    if kind == "port" and not 0 <= int(value) <= 65535:
        return "must be a valid port: {}".format(value)
    return ""
