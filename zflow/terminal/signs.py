"""Signs that the terminal can show: where its locale or encoding has no Unicode, each becomes one ASCII character.

One for one, so that columns stay aligned. A step's title or a command's output may contain any character: printing must
never raise an error.
"""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:  # read by mypy alone: the supervisor would hold half a MiB of typing for ever
    from typing import IO

STANDINS = {
    "✓": "+", "▸": ">", "·": ".", "○": "o", "✗": "x", "…": "~", "━": "#", "─": "-", "–": "-", "—": "-", "→": ">",
    "│": "|", "▼": "v", "◂": "<", "‖": "=", "“": '"', "”": '"', "’": "'",
}  # fmt: skip
"""The replacement for each sign that a terminal cannot show; one character each."""
HANDLER = "zflow-standins"
CODEC = "zflow_ascii"


def ascii_locale(environment: Mapping[str, str]) -> bool:
    """Tell whether the locale is C or POSIX, by the first variable that decides (POSIX.1-2017, 8.2).

    Python coerces LC_CTYPE to C.UTF-8 where it finds LANG=C (PEP 538), so that value is ignored.
    """
    names = [environment.get("LC_ALL"), environment.get("LC_CTYPE"), environment.get("LANG")]
    if names[1] == "C.UTF-8" and names[2] in {"C", "POSIX"}:
        names[1] = None
    return next((name for name in names if name), None) in {"C", "POSIX"}


def prepare(*streams: IO[str]) -> None:
    """Make the streams accept any text: what the locale or the encoding cannot show is replaced."""
    codecs.register_error(HANDLER, _stand_in)
    codecs.register(_codec)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            plain = ascii_locale(os.environ) or codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=CODEC if plain else None, errors=HANDLER)


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(STANDINS.get(sign, "?") for sign in signs), error.end


class _Encoder(codecs.IncrementalEncoder):
    def encode(self, text: str, final: bool = False) -> bytes:  # noqa: ARG002 - nothing is held back
        return codecs.ascii_encode(text, HANDLER)[0]


def _codec(name: str) -> codecs.CodecInfo | None:
    """Return ASCII under another name: click takes a stream named `ascii` for a mistake."""
    if name != CODEC:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(known.encode, known.decode, None, None, _Encoder, known.incrementaldecoder, CODEC)
