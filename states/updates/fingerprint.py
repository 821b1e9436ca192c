"""A file that zflow writes and an operator may edit: its first line has a hash of the rest, by which an edit is seen.

A file whose hash fits is as zflow wrote it, in whatever version, and may be rewritten; any other was edited and stays.
Nothing is written down elsewhere, so nothing can disagree with the file after a kill.
"""

from __future__ import annotations

import hashlib

INTRODUCTION = "// Written by zflow; once you edit this file zflow keeps your version. Seal: "
"""As on the volumes there are: a file with another first line would count as edited."""


def with_fingerprint(body: str) -> str:
    """Return the file content for `body`."""
    return f"{INTRODUCTION}{hashlib.sha256(body.encode()).hexdigest()[:32]}\n{body}"


def is_untouched(content: str) -> bool:
    """Tell whether the content is as `with_fingerprint` made it."""
    return content == with_fingerprint(content.partition("\n")[2])
