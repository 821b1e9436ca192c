"""A file that zflow writes and an operator may edit: it carries a hash of itself, so that an edit is recognised.

The seal stands in the file's first line. A file whose seal fits is as zflow wrote it, in whatever version, and may be
rewritten; any other is somebody's edit and is kept. Nothing has to be remembered elsewhere, so nothing can disagree
with the file after a kill.
"""

from __future__ import annotations

import hashlib

INTRODUCTION = "// Written by zflow; once you edit this file zflow keeps your version. Seal: "


def seal(body: str) -> str:
    """Return the file content for `body`."""
    return f"{INTRODUCTION}{_hash(body)}\n{body}"


def is_untouched(content: str) -> bool:
    """Tell whether the content is as `seal` made it."""
    first, _, body = content.partition("\n")
    return first == INTRODUCTION + _hash(body)


def _hash(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:32]
