"""The bundle for somebody who helps: it holds what is needed, and no secret in any form."""

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.engine.commands import Capture, run
from tests.terminal.stages import STAGES, told
from zflow.commands import collect as collect_module
from zflow.commands.bundle import FOLDER, LIST, Bundle, Known, leaks
from zflow.errors import OperatorError
from zflow.exits import Exit
from zflow.journal.event import Event
from zflow.journal.reader import events, reading
from zflow.journal.seal import broken_link

PASSWORD = "pass%w/rd+9"
KEPT = "kept-on-the-volume-7"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A blocked volume with secrets of every kind, and a log that tells them all."""
    place = tmp_path / "volume"
    place.mkdir()
    monkeypatch.setenv("ZFLOW_VOLUME", str(place))
    monkeypatch.setenv("ZFLOW_ADMIN_PASSWORD", PASSWORD)
    monkeypatch.setenv("ZFLOW_PROXY", "http://me:proxypass@proxy.example.org")
    monkeypatch.setattr(collect_module, "COMMANDS_RUN", {"df.txt": ("df", "-h"), "none.txt": ("no-such-program",)})
    STAGES["blocked"](place)
    (place / ".zflow/secrets").mkdir(exist_ok=True)
    (place / ".zflow/secrets/ldap").write_text(f"{KEPT}\n")
    (place / ".zflow/secrets/key").write_text(KEY)
    log = place / ".zflow/logs/install/setup.1.log"
    log.parent.mkdir(parents=True)
    told = [PASSWORD, quote(PASSWORD, safe=""), json.dumps({"p": PASSWORD}), KEPT, KEY, "http://me:proxypass@proxy"]
    told += [base64.b64encode(f"{'u' * place}:{PASSWORD}".encode()).decode() for place in range(3)]
    log.write_text("\n".join(["the beginning", *told, "the end\n"]))
    return place


def unpacked(packed: bytes) -> dict[str, bytes]:
    """Return the content of every member by its name."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            found[member.name.removeprefix(f"{FOLDER}/")] = file.read()
    return found


def test_the_bundle_has_what_is_needed_and_no_secret(volume: Path, tmp_path: Path, capsys: Capture) -> None:
    """Of the log only the secrets are gone; the list says which were removed."""
    file = tmp_path / "bundle.tar.gz"
    code, _, err = run(capsys, "collect", str(file))
    assert code == Exit.VALID
    assert file.stat().st_mode & 0o777 == 0o600
    parts = unpacked(file.read_bytes())
    whole = b"\n".join(parts.values())
    for secret in (PASSWORD, quote(PASSWORD, safe=""), KEPT, "proxypass", "MIIEvQ"):
        assert secret.encode() not in whole
    for user in ("", "u", "uu"):
        encoded = base64.b64encode(f"{user}:{PASSWORD}".encode())
        assert encoded[4:-4] not in whole
    log = parts["logs/install/setup.1.log"].decode()
    assert log.startswith("the beginning\n***\n***\n")
    assert log.endswith("the end\n")
    assert "http://me:***@proxy" in log
    listed = parts[LIST].decode()
    assert listed in err
    for line in (
        "setup.1.log: admin_password, 6 times",
        "setup.1.log: secrets/ldap, 1 time",
        ": private key, 1 time",
    ):
        assert line in listed
    assert {"status.json", "history.jsonl", "settings.json", "versions.txt", "mounts.txt", "df.txt"} <= parts.keys()
    assert "No such file" in parts["none.txt"].decode()


def test_the_copy_of_the_journal_is_whole(volume: Path, tmp_path: Path) -> None:
    """The copy is a journal with the same events and an unbroken chain."""
    parts = collect_module.gathered(volume).parts
    (tmp_path / "copy/.zflow").mkdir(parents=True)
    (tmp_path / "copy/.zflow/journal.sqlite3").write_bytes(parts["journal.sqlite3"])
    with reading(volume) as original, reading(tmp_path / "copy") as copy:
        assert events(copy) == events(original)
        assert broken_link(copy) is None
    assert [json.loads(line)["seq"] for line in parts["history.jsonl"].splitlines()][:3] == [1, 2, 3]


def test_a_journal_that_holds_a_secret_is_left_out_whole(volume: Path) -> None:
    """It cannot be changed without breaking its chain; its events come as text, without the secret."""
    with told(volume) as tale:
        tale._record(Event("ended", detail=f"somebody wrote {KEPT} here"))
    bundle = collect_module.gathered(volume)
    assert "journal.sqlite3" not in bundle.parts
    assert "journal.sqlite3: not included, it contains secrets/ldap" in bundle.listing()
    assert b"somebody wrote *** here" in bundle.parts["history.jsonl"]


def test_a_secret_in_pieces_is_found_in_what_the_pieces_say() -> None:
    """SQLite keeps a long text on several pages, and a secret may stand across the end of one."""
    bundle = Bundle([Known("admin_password", PASSWORD)])
    bundle.add_whole("journal", PASSWORD[:5].encode() + b"\0\0" + PASSWORD[5:].encode(), f"they say {PASSWORD}")
    assert "journal" not in bundle.parts
    assert "journal: not included, it contains admin_password" in bundle.listing()


def test_of_a_long_log_whole_lines_are_taken(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the end of a log begins within a secret, the rest of that line is not taken for harmless."""
    log = volume / ".zflow/logs/install/setup.1.log"
    log.write_text(f"password {PASSWORD}\nthe end\n")
    monkeypatch.setattr(collect_module, "NEWEST", len("%w/rd+9\nthe end\n"))
    assert collect_module.gathered(volume).parts["logs/install/setup.1.log"] == b"the end\n"


def test_a_log_that_is_removed_meanwhile_stops_nothing(volume: Path) -> None:
    """The walker tidies while the bundle is made: what was listed is gone when it is read."""

    class Tidied(Bundle):
        def add(self, name: str, content: str) -> None:
            super().add(name, content)
            for path in logs:
                path.unlink(missing_ok=True)

    folder = volume / ".zflow/logs/one"
    logs = [folder / f"{number}.log" for number in range(3)]
    folder.mkdir(parents=True)
    for path in logs:
        path.write_text("words\n")
    bundle = Tidied([])
    collect_module._add_logs(bundle, folder)
    assert len(bundle.parts) == 1


def test_of_a_long_life_the_newest_is_taken(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long journal and logs are, the bundle is bounded, and says what it leaves out."""
    with reading(volume) as journal:
        newest = events(journal, last=3)
    monkeypatch.setattr(collect_module, "EVENTS", 3)
    monkeypatch.setattr(collect_module, "LOGS", 10)
    for number in range(2, 5):
        path = volume / f".zflow/logs/install/setup.{number}.log"
        path.write_text("4567\n")
        os.utime(path, (number, number))
    os.utime(volume / ".zflow/logs/install/setup.1.log", (1, 1))
    old = len(list((volume / ".zflow/logs").rglob("*.log"))) - 2
    bundle = collect_module.gathered(volume)
    assert [json.loads(line) for line in bundle.parts["history.jsonl"].splitlines()] == newest
    assert "journal.sqlite3" not in bundle.parts
    kept = sorted(name for name in bundle.parts if name.startswith("logs/"))
    assert kept == ["logs/install/setup.3.log", "logs/install/setup.4.log"]
    for words in ("only the newest 3 events; journal.sqlite3: not included", f"logs: {old} older logs not included"):
        assert words in bundle.listing()


@pytest.mark.parametrize("content", [PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), KEY])
def test_a_secret_that_slipped_in_is_found_after_packing(content: str) -> None:
    """What came past the replacing stops the whole bundle, by the name of part and secret, without its value."""
    bundle = Bundle([Known("admin_password", PASSWORD)])
    bundle.add("harmless.txt", "nothing")
    assert leaks(bundle.pack(), bundle.secrets) == []
    bundle.parts["slipped.txt"] = f"see: {content}".encode()
    with pytest.raises(OperatorError) as refused:
        bundle.pack()
    assert refused.value.code.id == "ZF-1040"
    assert f"{FOLDER}/slipped.txt contains" in refused.value.detail
    assert PASSWORD not in refused.value.detail


def test_a_key_whose_beginning_was_cut_off_is_taken_out_too() -> None:
    """Of a log that is too long only the end is taken, and that may begin within a key."""
    bundle = Bundle([])
    bundle.add("log", f"{KEY[40:]}between\n{KEY}after\n")
    assert bundle.parts["log"] == b"***\nbetween\n***\nafter\n"


def test_a_refused_bundle_is_not_written(
    volume: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command ends with the code and its remedy, and there is no file."""
    monkeypatch.setattr(Bundle, "add", lambda self, name, text: self.parts.update({name: text.encode()}))
    code, _, err = run(capsys, "collect", str(tmp_path / "bundle.tar.gz"))
    assert (code, "ZF-1040" in err) == (Exit.STOPPED, True)
    assert not (tmp_path / "bundle.tar.gz").exists()


def test_wrong_settings_and_a_damaged_journal_stop_nothing(
    volume: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong is in the bundle as words, and secrets of wrong settings are secrets all the same."""
    monkeypatch.setenv("ZFLOW_ADMIN_PASSWORD", "seven77")
    log = volume / ".zflow/logs/install/setup.1.log"
    log.write_text("seven77")
    STAGES["unreadable"](volume)
    bundle = collect_module.gathered(volume)
    assert bundle.parts["logs/install/setup.1.log"] == b"***"
    assert b"ZF-1001" in bundle.parts["settings.json"]
    assert "journal.sqlite3: not included: ZF-1004" in bundle.listing()


def test_collecting_changes_nothing_on_the_volume(volume: Path) -> None:
    """But for the files that SQLite lays beside an open journal, all is as it was."""

    def content() -> dict[Path, bytes]:
        return {
            path: path.read_bytes() for path in volume.rglob("*") if path.is_file() and ".sqlite3-" not in path.name
        }

    before = content()
    collect_module.gathered(volume)
    assert content() == before


def test_a_file_that_exists_is_left_as_it_is(volume: Path, tmp_path: Path, capsys: Capture) -> None:
    """The bundle goes to a file of its own: a name that is taken is refused."""
    taken = tmp_path / "passwd"
    taken.write_text("root")
    code, _, err = run(capsys, "collect", str(taken))
    assert (code, taken.read_text()) == (Exit.USAGE, "root")
    assert "exists" in err
