"""`zflow tls`: what it shows of a server and says of files; nothing changes but on the operator's word."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest

from states.commands import tls as commands
from states.tls import deployed, handshake, report
from tests.states.tls.authority import inter, issue, leaf
from tests.states.tls.zimbra import READERS, Zimbra, context_of, lay, make_host, walk
from zflow.commands import product
from zflow.commands.group import main
from zflow.context import Context
from zflow.exits import Exit

Capture = pytest.CaptureFixture[str]


@dataclass
class Bystander:
    """Gives the commands the test's own context."""

    ctx: Context

    def look(self) -> Context:
        return self.ctx


@pytest.fixture
def zimbra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zimbra:
    """Return a server that serves a pair of the operator's, and is what the commands look at."""
    ctx, made = make_host(tmp_path, monkeypatch)
    lay(ctx, {"zimbra.key": leaf().key_pem, "zimbra.crt": leaf().pem + inter().pem})
    walk(ctx)
    monkeypatch.setattr(product, "bystander", lambda: Bystander(ctx))
    monkeypatch.setattr(commands, "TOOLS", {})
    return made


def run(capsys: Capture, *words: str) -> tuple[int, str]:
    """Run a command of the group; return its exit code and what it printed."""
    code = main(["tls", *words])
    return code, capsys.readouterr().out


def test_show(zimbra: Zimbra, capsys: Capture) -> None:
    """All ports are listed with what they serve; all being well the exit code is 0, and nothing was run."""
    zimbra.commands.clear()
    code, out = run(capsys, "show")
    assert code == Exit.VALID
    assert all(f"{port:>6}  CN=server until" in out for port in handshake.PORTS)
    assert "2 issuers" in out
    assert zimbra.commands == []


def test_show_names_what_differs(zimbra: Zimbra, capsys: Capture) -> None:
    """A port that serves something else, or an incomplete chain, is a finding; in JSON too."""
    zimbra.loaded["mailboxd"] = zimbra.loaded["mailboxd"][:1]
    del zimbra.loaded["smtpd"]
    code, out = run(capsys, "show", "--json")
    document = json.loads(out)
    assert code == Exit.STOPPED
    assert [each.split()[1] for each in document["findings"]] == ["7071"]
    assert {each["number"] for each in document["ports"] if not each["subject"]} == {25, 465, 587}
    zimbra.loaded.clear()
    assert "no port answers" in run(capsys, "show")[1]


def test_check_of_files(zimbra: Zimbra, tmp_path: Path, capsys: Capture) -> None:
    """Files anywhere are checked as before a deploy: what they are, or the code, the reason and the remedy."""
    good, bad = tmp_path / "new.pem", tmp_path / "bad.pem"
    good.write_bytes(leaf().key_pem + leaf().pem + inter().pem)
    bad.write_bytes(leaf().key_pem + issue("s", inter(), names=("www.example.org",)).pem)
    assert run(capsys, "check", str(good)) == (Exit.VALID, "CN=server until 2026-08-20, 2 issuers\n")
    code, out = run(capsys, "check", str(bad))
    assert (code, out.split()[0]) == (Exit.STOPPED, "ZF-5014")
    assert "What to do:" in out
    assert run(capsys, "check", str(tmp_path / "absent"))[0] == Exit.STOPPED


def test_check_of_what_is_supplied(zimbra: Zimbra, capsys: Capture) -> None:
    """Without files the configured ones are checked, also when there are none."""
    assert run(capsys, "check")[0] == Exit.VALID
    lay(context_of(zimbra), {})
    assert "nothing is supplied" in run(capsys, "check")[1]


def test_deploy_forgives_and_goes_on(zimbra: Zimbra, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark of a pair that was rolled back is removed before the walk."""
    ctx = context_of(zimbra)
    (ctx.home / "tls/bad.json").write_text('{"pair": "0123456789abcdef0123"}')
    assert "rolled back" in run(capsys, "show")[1]
    monkeypatch.setattr(commands, "go_on", lambda *, follow: Exit.IN_PROGRESS)
    assert run(capsys, "deploy")[0] == Exit.IN_PROGRESS
    assert deployed.rolled_back(ctx) is None


def test_audit(zimbra: Zimbra, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions are listed; an old one is a finding; and it is said that no tool is here."""
    spoken = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}

    def served(port: int, *, version: ssl.TLSVersion | None = None) -> tuple[bytes, ...]:
        return zimbra.served(port) if version is None or version in spoken else ()

    monkeypatch.setattr(handshake, "served", served)
    code, out = run(capsys, "audit")
    assert code == Exit.VALID
    assert "TLSv1_2 TLSv1_3" in out
    assert "Neither testssl.sh nor sslyze is installed here" in out
    spoken.add(ssl.TLSVersion.TLSv1)
    code, out = run(capsys, "audit")
    assert code == Exit.STOPPED
    assert "port 443 speaks TLSv1\n" in out


def test_audit_calls_the_tool_that_is_there(
    zimbra: Zimbra, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is a tool, it is called for every port that answers, with STARTTLS where the port wants it."""
    monkeypatch.setattr(commands, "TOOLS", {"absent-tool": (), "echo": ("called",)})
    zimbra.loaded = {"smtpd": zimbra.loaded["smtpd"]}
    assert READERS["smtpd"] == (25, 465, 587)
    main(["tls", "audit"])
    out = capfd.readouterr().out
    assert "called --starttls smtp 127.0.0.1:25\n" in out
    assert "called 127.0.0.1:465\n" in out
    assert "443" not in out.partition("==")[2]


def test_a_server_that_speaks_old_versions_only() -> None:
    """A port without anything newer than TLS 1.1 is told twice over."""
    port = report.Port(443, "CN=x", "2026-08-20", 1, expected=True, versions=("TLSv1",))
    assert report.weaknesses([port]) == ["port 443 speaks TLSv1", "port 443 speaks nothing newer"]
