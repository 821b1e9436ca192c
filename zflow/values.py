"""What the value of a setting must look like: each parser takes a text and returns the value in its canonical form.

A parser raises ValueError with a sentence that says what is wrong.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


def text(value: str) -> str:
    """Accept any non-empty line."""
    if not value or "\n" in value:
        raise ValueError(f"{value!r} is not one non-empty line")
    return value


def flag(value: str) -> bool:
    """Accept yes/no, true/false, on/off, 1/0."""
    lowered = value.lower()
    if lowered in {"yes", "true", "on", "1"}:
        return True
    if lowered in {"no", "false", "off", "0"}:
        return False
    raise ValueError(f"{value!r} is neither yes nor no")


def number(low: int, high: int) -> Callable[[str], int]:
    """Accept a whole number from `low` to `high`."""

    def parse(value: str) -> int:
        try:
            found = int(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None
        if not low <= found <= high:
            raise ValueError(f"{found} is not between {low} and {high}")
        return found

    return parse


def choice(*names: str) -> Callable[[str], str]:
    """Accept one of the names."""

    def parse(value: str) -> str:
        if value not in names:
            raise ValueError(f"{value!r} is not one of {', '.join(names)}")
        return value

    return parse


def host_name(value: str) -> str:
    """Accept a fully qualified host name (RFC 1123, 2.1), lowered and without the root's dot at its end."""
    name = value.lower().removesuffix(".")
    label = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
    if len(name) > 253 or not re.fullmatch(rf"{label}(\.{label})+", name) or name.rpartition(".")[2].isdigit():
        raise ValueError(f"{value!r} is not a full host name such as mail.example.org{_host_name_fault(name)}")
    return name


def _host_name_fault(name: str) -> str:
    try:
        return f": it is an IPv{ipaddress.ip_address(name).version} address"
    except ValueError:
        pass
    if not name.isascii():
        return f": write it in its ASCII form{_ascii_form(name)}"
    if strange := sorted(set(re.sub(r"[a-z0-9.-]", "", name))):
        return f": it has {' '.join(repr(each) for each in strange)}, allowed are letters, digits and hyphens"
    return "" if "." in name else ": it has no domain"


def _ascii_form(name: str) -> str:
    """Return the form that begins with xn--; none for letters that the two versions of IDNA read differently."""
    if set(name) & set("ßς\u200c\u200d"):
        return ", which begins with xn--"
    try:
        return f", {name.encode('idna').decode()}"
    except UnicodeError:
        return ", which begins with xn--"


def mail_address(value: str) -> str:
    """Accept a plain mail address."""
    local, _, domain = value.rpartition("@")
    if not re.fullmatch(r"[A-Za-z0-9.!#%&*+/=?^_{}~-]{1,64}", local):
        raise ValueError(f"{value!r} is not a mail address")
    return f"{local}@{host_name(domain)}"


def url(*schemes: str) -> Callable[[str], str]:
    """Accept a URL of one of the schemes."""

    def parse(value: str) -> str:
        scheme, separator, rest = value.partition("://")
        if not separator or scheme not in schemes or not rest or re.search(r"[\s\"<>\\\\]", value):
            raise ValueError(f"{value!r} is not a URL that starts with {' or '.join(f'{name}://' for name in schemes)}")
        try:
            urlsplit(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is not a URL: {error}") from None
        return value.rstrip("/")

    return parse


def absolute_path(value: str) -> Path:
    """Accept an absolute path; whether it exists is asked where it is used."""
    path = Path(value)
    if not path.is_absolute() or "\0" in value:
        raise ValueError(f"{value!r} is not an absolute path")
    return path


def sha256_hex(value: str) -> str:
    """Accept a SHA-256 in hex."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise ValueError(f"{value!r} is not a SHA-256 (64 hex digits)")
    return value.lower()


def network(value: str) -> str:
    """Accept an address or a network in CIDR notation, IPv4 or IPv6, in its canonical form."""
    try:
        return str(ipaddress.ip_network(value, strict=True))
    except ValueError as error:
        raise ValueError(f"{value!r} is not an address or network: {error}") from None


def many(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """Accept a list separated by commas or blanks; the empty text is the empty list; doubles are refused."""

    def parse_all(value: str) -> tuple[T, ...]:
        words = [word for word in re.split(r"[,\s]+", value) if word]
        found = tuple(parse(word) for word in words)
        doubles = sorted({word for word, item in zip(words, found, strict=True) if found.count(item) > 1})
        if doubles:
            raise ValueError(f"named twice: {', '.join(doubles)}")
        return found

    return parse_all
