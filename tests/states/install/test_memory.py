"""Less memory than the server was given is said, and stops nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from states.install import memory
from states.ubuntu.memory import Memory
from tests.states.install.records import write_server
from tests.support import make_context

GIB = 1 << 30


def write_shares(volume: Path, heap: str, database: str) -> None:
    """Put a proven server with shares of memory onto a volume."""
    write_server(volume)
    key = f'<key name="mailboxd_java_heap_size">\n <value>{heap}</value>\n</key>\n'
    (volume / "opt/zimbra/conf/localconfig.xml").write_text(f"<localconfig>{key}</localconfig>")
    (volume / memory.DATABASE_CONFIG).write_text(f"[mysqld]\ninnodb_buffer_pool_size        = {database}\n")


def test_before_a_server(tmp_path: Path) -> None:
    """Until a server is installed the preflight speaks of memory, not this."""
    assert memory.probe(make_context(tmp_path)).notices == ()


@pytest.mark.parametrize(
    ("shares", "limit", "told"),
    [
        (("2048", str(2 * GIB)), 8 * GIB, False),
        (("2048", str(2 * GIB)), 5 * GIB, False),
        (("2048", str(2 * GIB)), 4 * GIB, True),
        (("2048", "unset"), 4 * GIB, False),
        (("", str(4 * GIB)), 4 * GIB, True),
    ],
)
def test_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shares: tuple[str, str], limit: int, told: bool
) -> None:
    """What heap and database were given is held against the container's limit of today."""
    write_shares(tmp_path, *shares)
    monkeypatch.setattr(memory, "memory", lambda: Memory(limit, 64 * GIB))
    assert bool(memory.probe(make_context(tmp_path)).notices) == told


def test_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notice names what there is, what was given, and both ways out."""
    write_shares(tmp_path, "2048", str(2 * GIB))
    monkeypatch.setattr(memory, "memory", lambda: Memory(3 * GIB, 64 * GIB))
    (text,) = memory.probe(make_context(tmp_path)).notices
    for words in ("has 3.0 GiB", "2048 MiB of the mailbox server and the 2048 MiB of the database", "give the "
                  "container 5.0 GiB", "mailboxd_java_heap_size"):  # fmt: skip
        assert words in text
