"""The commands about DNS, DKIM and alerts: what they print, and the exit codes that scripts go by."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import states.commands.dns as command
from states.hardening import dkim as keys
from states.hardening.dkimkeys import known
from states.hardening.monitor import PATH, program
from states.hardening.published import Finding
from states.hardening.zone import Record
from tests.states.hardening.nameserver import World, world
from tests.states.hardening.server import Server
from zflow.commands.group import main
from zflow.exits import Exit


@pytest.fixture
def walked(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server with its key, on which the command line works."""
    monkeypatch.setenv("ZFLOW_VOLUME", str(server.volume))
    monkeypatch.setenv("ZFLOW_HOSTNAME", "mail.example.test")
    monkeypatch.setenv("ZFLOW_PUBLIC_ADDRESSES", "203.0.113.5")
    monkeypatch.setattr("zflow.host.shell.Shell", lambda **_options: server)
    keys.apply(server.context())
    return server


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Name servers that the check asks, without a record at first."""
    with world({}) as made:
        monkeypatch.setattr(command, "_published", lambda wanted: list(made.published().check(wanted)))
        yield made


def fill(servers: World, wanted: list[dict[str, str]]) -> None:
    """Publish what `zflow dns --json` lists."""
    for each in wanted:
        record = Record(each["purpose"], each["name"], each["kind"], each["value"])  # type: ignore[arg-type]
        text = record.text.removeprefix("; ").partition("  (")[0].split(" ", 4)[4]
        servers.zone.setdefault((each["name"], each["kind"]), []).append(text.removeprefix("( ").removesuffix(" )"))


def test_dns_prints_the_zone(walked: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The text has every record; the JSON has them as data; both end with 0, whatever the world holds."""
    assert main(["dns"]) == Exit.VALID
    text = capsys.readouterr().out
    assert "mail.example.test. 3600 IN A 203.0.113.5\n" in text
    assert f"{known(walked.context())[0].name}. 3600 IN TXT (" in text
    assert main(["dns", "--json"]) == Exit.VALID
    assert {each["purpose"] for each in json.loads(capsys.readouterr().out)} == {
        "address", "ptr", "mx", "spf", "dkim", "dmarc"
    }  # fmt: skip


@pytest.mark.parametrize(
    "word", ["example..test", "_dmarc.example.test", "203.0.113.5", "--", "a b.test", "müller.test"]
)
def test_dns_takes_names_alone(walked: Server, capsys: pytest.CaptureFixture[str], word: str) -> None:
    """A word that is not the name of a domain is a wrong command line, and no record is printed for it."""
    assert main(["dns", "--check", "--", word]) == Exit.USAGE
    assert "is not a full host name" in capsys.readouterr().err


def test_dns_checks(walked: Server, servers: World, capsys: pytest.CaptureFixture[str]) -> None:
    """1 while something is missing, and what; 0 when all is published; the JSON says the same."""
    main(["dns", "--json"])
    wanted = json.loads(capsys.readouterr().out)
    assert main(["dns", "--check"]) == Exit.STOPPED
    assert "missing  MX    example.test  there is none" in capsys.readouterr().out
    fill(servers, wanted)
    assert main(["dns", "--check"]) == Exit.VALID
    assert "6 records, 6 correct." in capsys.readouterr().out
    assert main(["dns", "--check", "--json", "EXAMPLE.test."]) == Exit.VALID
    assert {Finding(**each).state for each in json.loads(capsys.readouterr().out)} == {"right"}


def test_dkim_rotates_after_a_word(
    walked: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a yes nothing is replaced; with it both records are printed, and `show` lists both."""
    old = known(walked.context())[0]
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main(["dkim", "rotate", "example.test"]) == Exit.STOPPED
    assert known(walked.context()) == [old]
    capsys.readouterr()
    assert main(["dkim", "rotate", "example.test", "--yes"]) == Exit.VALID
    new = known(walked.context())[0]
    text = capsys.readouterr().out
    assert f"{new.name}. 3600 IN TXT" in text
    assert f"{old.name}. 3600 IN TXT" in text
    assert main(["dkim", "show"]) == Exit.VALID
    shown = capsys.readouterr().out
    assert f"{new.selector}" in shown
    assert f"{old.selector:<40} replaced; publish until " in shown
    assert "2048 bits" in shown


def test_dkim_of_no_domain(walked: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown domain is one line with its code and the way out."""
    assert main(["dkim", "rotate", "nowhere.example", "--yes"]) == Exit.STOPPED
    assert "ZF-6006 no such mail domain: nowhere.example" in capsys.readouterr().err


def test_alert(walked: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """A test is sent only with --test; without zflow's login monitor it is refused by its code."""
    assert main(["alert"]) == Exit.USAGE
    assert main(["alert", "--test"]) == Exit.STOPPED
    assert "ZF-6007" in capsys.readouterr().err
    path: Path = walked.volume / PATH.lstrip("/")
    path.write_text(program())
    assert main(["alert", "--test"]) == Exit.VALID
    assert "Its subject begins with ABUSE: Test." in capsys.readouterr().out


def test_light_commands_do_not_load_dnspython() -> None:
    """Neither the product's states nor the command line itself load the library for the DNS."""
    modules = "[name for name in sys.modules if name.partition('.')[0] == 'dns']"
    code = f"import sys, states.product, zflow.commands.group; print({modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
