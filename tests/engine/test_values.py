"""Values of settings: which texts are accepted, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zflow import values

LONG = ".".join(["a" * 63] * 4)[:253]
"""A host name of 253 characters, the most that RFC 1035 allows (2.3.4, without the length bytes)."""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("203.0.113.5", "it is an IPv4 address"),
        ("2001:db8::1", "it is an IPv6 address"),
        ("mail_1.example.org", "it has '_', allowed are letters, digits and hyphens"),
        ("mail.müller.example", "write it in its ASCII form, mail.xn--mller-kva.example"),
        ("mail.straße.example", "write it in its ASCII form, which begins with xn--"),
        ("mail", "it has no domain"),
    ],
)
def test_a_wrong_host_name_is_told_by_what_is_wrong(name: str, words: str) -> None:
    """The sentence ends with the fault, and with the way out where there is one."""
    with pytest.raises(ValueError, match="is not a full host name") as refused:
        values.host_name(name)
    assert str(refused.value).endswith(f": {words}")


ACCEPTED: list[tuple[Callable[[str], Any], str, Any]] = [
    (values.text, "a line", "a line"),
    *((values.flag, word, True) for word in ("yes", "TRUE", "On", "1")),
    *((values.flag, word, False) for word in ("no", "False", "OFF", "0")),
    (values.number(1, 9), "1", 1),
    (values.number(1, 9), "9", 9),
    (values.choice("a", "b"), "b", "b"),
    (values.host_name, "Mail.Example.ORG", "mail.example.org"),
    (values.host_name, "mail.example.org.", "mail.example.org"),
    (values.host_name, "mail.xn--mller-kva.example", "mail.xn--mller-kva.example"),
    (values.host_name, LONG, LONG),
    (values.mail_address, "a.b+c@Example.org", "a.b+c@example.org"),
    (values.url("https"), "https://example.org/a/", "https://example.org/a"),
    (values.absolute_path, "/a/b", Path("/a/b")),
    (values.sha256_hex, "A" * 64, "a" * 64),
    (values.network, "192.0.2.1", "192.0.2.1/32"),
    (values.network, "2001:DB8::/32", "2001:db8::/32"),
    (values.many(values.number(1, 9)), "1, 2  3,", (1, 2, 3)),
    (values.many(values.text), "", ()),
]
REFUSED: list[tuple[Callable[[str], Any], str]] = [
    *((values.text, value) for value in ("", "two\nlines")),
    *((values.flag, value) for value in ("", "ja", "2")),
    *((values.number(1, 9), value) for value in ("0", "10", "", "1.5", "x")),
    (values.choice("a", "b"), "c"),
    *(
        (values.host_name, value)
        for value in (
            "mail",
            "-a.example.org",
            "a..org",
            "a.org..",
            "a" * 64 + ".org",
            "a.1",
            ".",
            "a.org\n",
            f"{LONG}a",
        )
    ),
    *(
        (values.mail_address, value)
        for value in ("nobody", "@example.org", "a b@example.org", "a@b@example.org", "a@host")
    ),
    *(
        (values.url("https"), value)
        for value in ("http://example.org", "https://", "example.org", "https://a b", "https://[a")
    ),
    *((values.absolute_path, value) for value in ("", "a/b", "./a")),
    *((values.sha256_hex, value) for value in ("", "a" * 63, "g" * 64)),
    *((values.network, value) for value in ("192.0.2.1/24", "192.0.2.256", "x", "")),
    (values.many(values.number(1, 9)), "1,2,1"),
    (values.many(values.number(1, 9)), "1,x"),
]


@pytest.mark.parametrize(("parse", "value", "expected"), ACCEPTED)
def test_a_parser_accepts(parse: Callable[[str], Any], value: str, expected: object) -> None:
    """Each accepted text becomes its canonical value."""
    assert parse(value) == expected


@pytest.mark.parametrize(("parse", "value"), REFUSED)
def test_a_parser_refuses(parse: Callable[[str], Any], value: str) -> None:
    """Each refused text raises with a sentence."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse(value)
