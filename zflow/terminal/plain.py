"""Text that is safe for a terminal: output of programs and files on the volume may contain escape sequences.

Those repaint the screen, fill the keyboard's buffer or reverse the order of letters; they are shown as text.
"""

from __future__ import annotations

DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Unicode's control characters for the direction of writing (UAX #9)."""
WRITTEN_OUT = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"},
    **{code: f"\\u{code:04x}" for code in DIRECTIONS},
}
"""Every control character of ISO 6429 but tabulator and line feed, and the directions."""


def plain(text: str) -> str:
    """Return a text with its control characters shown as `\\xNN`."""
    return text if text.isprintable() else text.translate(WRITTEN_OUT)
