"""The vendor's definitions of its attributes, zm-mailbox store/conf/attrs/zimbra-attrs.xml, where somebody laid them.

They are the vendor's text and no part of this repository: `zimbra-attrs-RELEASE.xml.gz` in the folder that the
environment variable VENDOR_DATA names, or in `../shared/data` beside the checkout.
"""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

RELEASES = ("8.8.15", "9.0.0", "10.1.0")
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Definition:
    """One attribute as a release defines it."""

    name: str
    type: str
    words: tuple[str, ...]
    """What an enum may be, in the vendor's order."""
    least: int | None
    most: int | None
    """Limits of a number, or of a text's length."""
    multi: bool
    places: frozenset[str]
    """Kinds of entries that may have it: globalConfig, server, domain, account, cos …"""
    config: tuple[str, ...]
    cos: tuple[str, ...]
    """Defaults in the global configuration and in the default class of service."""
    restart: frozenset[str]
    """What must be restarted for a new value, where the vendor says so."""
    deprecated: bool


def folder() -> Path:
    """Return where the definitions would lie."""
    return Path(os.environ.get("VENDOR_DATA", ROOT.parent / "shared/data"))


@cache
def definitions(release: str) -> dict[str, Definition]:
    """Return a release's attributes by their names; skips the test where they are not at hand."""
    path = folder() / f"zimbra-attrs-{release}.xml.gz"
    if not path.is_file():
        pytest.skip(f"the vendor's definitions are not at hand: no {path}; VENDOR_DATA names another folder")
    tree = ElementTree.fromstring(gzip.decompress(path.read_bytes()))
    return {each.get("name", ""): _definition(each) for each in tree.iter("attr")}


def _definition(each: ElementTree.Element) -> Definition:
    kind, limits = each.get("type", ""), [each.get(name) for name in ("min", "max")]
    least, most = (int(text) if text else None for text in limits)
    return Definition(
        name=each.get("name", ""),
        type=kind,
        words=_words(each, "value") if kind == "enum" else (),
        least=least,
        most=most,
        multi=each.get("cardinality") == "multi",
        places=frozenset((*_words(each, "requiredIn"), *_words(each, "optionalIn"))),
        config=tuple((value.text or "").strip() for value in each.findall("globalConfigValue")),
        cos=tuple((value.text or "").strip() for value in each.findall("defaultCOSValue")),
        restart=frozenset(_words(each, "requiresRestart")),
        deprecated=each.get("deprecatedSince") is not None,
    )


def _words(each: ElementTree.Element, name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in each.get(name, "").split(",") if word.strip())
