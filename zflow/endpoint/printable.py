"""Text from programs and files made harmless: no control character and no reversal of direction reaches a reader."""

from __future__ import annotations

import re

_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0 and C1 but tab and newline, the marks of Unicode's bidirectional algorithm (UAX #9), and lone surrogates."""


def printable(text: str) -> str:
    """Return the text with U+FFFD in place of each harmful character."""
    return _HARMFUL.sub("\ufffd", text)
