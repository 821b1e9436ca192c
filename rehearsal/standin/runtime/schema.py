"""The attributes the stand-in knows, read from attributes.tsv: type, limits, cardinality, defaults by release.

What is refused, and in which words: zm-mailbox store/src/java/com/zimbra/cs/account/AttributeInfo.java, 308-430 (tag
8.8.15).
"""

import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

Version = Tuple[int, ...]
_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_GENTIME = re.compile(r"\d{14}(?:\.\d{1,3})?[zZ]")
_DURATION = re.compile(r"\d+(?:[hmsd]|ms)?")
_NUMBERS = ("integer", "long", "port")


class Attribute(NamedTuple):
    name: str
    type: str
    words: Tuple[str, ...]
    """What an enum may be."""
    least: Optional[int]
    most: Optional[int]
    """Limits of a number, or of a text's length."""
    multi: bool
    defaults: Tuple[Tuple[Version, str, List[str]], ...]
    """From which release, in `config` or `cos`, which values."""

    def default(self, place: str, version: Version) -> List[str]:
        """The values that a new server of this release begins with in `config` or `cos`."""
        found = [(where, values) for since, where, values in self.defaults if since <= version][-1:]
        return [value for where, values in found if where == place for value in values]


def _version(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def _default(column: str) -> Tuple[Version, str, List[str]]:
    since, _, rest = column.partition(":") if re.match(r"[\d.]+:", column) else ("0", "", column)
    place, _, values = rest.partition("=")
    return _version(since), place, values.split("|")


def _parse(line: str) -> Attribute:
    name, kind, cardinality, *columns = line.split("\t")
    kind, _, limits = kind.partition(":")
    least, _, most = limits.partition("..") if kind != "enum" else ("", "", "")
    return Attribute(
        name,
        kind,
        tuple(limits.split(",")) if kind == "enum" else (),
        int(least) if least else None,
        int(most) if most else None,
        cardinality == "multi",
        tuple(_default(column) for column in columns if column),
    )


def load() -> Dict[str, Attribute]:
    """Every attribute by its lower-case name."""
    lines = (Path(__file__).parent / "attributes.tsv").read_text().splitlines()
    table = [_parse(line) for line in lines if line and not line.startswith("#")]
    return {attribute.name.lower(): attribute for attribute in table}


def objection(attribute: Attribute, value: str) -> str:
    """Why the vendor refuses this value; empty when it does not."""
    kind = attribute.type
    if kind == "enum" and value not in attribute.words:
        return "must be one of: {}".format(",".join(attribute.words))
    if kind == "boolean" and value not in ("TRUE", "FALSE"):
        return "must be TRUE or FALSE"
    if kind == "id" and not _ID.fullmatch(value):
        return "must be a valid id"
    if kind == "gentime" and not _GENTIME.fullmatch(value):
        return "must be a valid generalized time: yyyyMMddHHmmssZ or yyyyMMddHHmmss.SSSZ"
    if kind == "duration" and not _DURATION.fullmatch(value):
        return "must be a duration such as 30m"
    if kind in _NUMBERS:
        return _number_objection(attribute, value)
    if attribute.most is not None and len(value) > attribute.most:
        return "value length({}) larger than max allowed: {}".format(len(value), attribute.most)
    if kind in ("email", "emailp", "cs_emailp") and not all("@" in each for each in value.split(",")):
        return "address '{}' does not include domain".format(value)
    return ""


def _number_objection(attribute: Attribute, value: str) -> str:
    if not re.fullmatch(r"[-+]?\d+", value) or (attribute.type == "port" and not 0 <= int(value) <= 65535):
        return "must be a valid {}: {}".format(attribute.type, value)
    if attribute.least is not None and int(value) < attribute.least:
        return "value({}) smaller than minimum allowed: {}".format(value, attribute.least)
    if attribute.most is not None and int(value) > attribute.most:
        return "value({}) larger than max allowed: {}".format(value, attribute.most)
    return ""
