"""What is read of a tree in which user zimbra may have planted anything."""

from __future__ import annotations

import os
from pathlib import Path

from states.zimbra import files as server
from tests.support import make_context
from zflow.host import files

PLACE = "/opt/zimbra/conf/nginx.crt"


def place(volume: Path) -> Path:
    path = volume / PLACE.lstrip("/")
    path.parent.mkdir(parents=True)
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    """A plain file's content is what is compared; one of a size that no certificate has counts as none."""
    place(tmp_path).write_text("content")
    assert server.text(make_context(tmp_path), PLACE) == "content"
    os.truncate(tmp_path / PLACE.lstrip("/"), files.LARGEST + 1)
    assert server.text(make_context(tmp_path), PLACE) == ""


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    """A pipe in the place of a file has no content, and nobody waits for a writer."""
    os.mkfifo(place(tmp_path))
    assert server.text(make_context(tmp_path), PLACE) == ""


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link in the place of a file has no content, wherever it leads."""
    (tmp_path / "secret").write_text("secret")
    place(tmp_path).symlink_to(tmp_path / "secret")
    assert server.text(make_context(tmp_path), PLACE) == ""


def test_nothing_is_nothing(tmp_path: Path) -> None:
    """An absent file is empty."""
    assert server.text(make_context(tmp_path), PLACE) == ""
