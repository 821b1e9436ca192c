"""DKIM keys for all domains of a server: made once, kept, replaced with an overlap; the private half shows nowhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from states.hardening import codes, dkim, zone
from states.hardening.dkimkeys import Key, known, parse, retired
from states.hardening.zone import Record
from states.zimbra.directory import SEARCH
from tests.states.hardening.server import Server, ServerBench
from tests.states.install.records import write_server
from zflow.errors import OperatorError, TransientError
from zflow.step import Drift, Evidence, Product, State

PRODUCT = Product("zimbra", (State("hardening", "Hardening", (dkim.STEP,)),))


def add(server: Server, domain: str) -> None:
    """Create a mail domain, as an administrator does."""
    assert server.run_tool("zmprov", "cd", domain)[0] == 0


def made(server: Server) -> list[tuple[str, ...]]:
    """Return the commands that made keys."""
    return [argv for argv in server.commands if argv[0] == dkim.TOOL and argv[1] in {"-a", "-u"}]


def records(server: Server) -> list[Record]:
    """Return the DKIM records of `zflow dns`."""
    return [each for each in zone.records(server.context()) if each.purpose == "dkim"]


def test_every_domain_gets_a_key_once(server: Server) -> None:
    """All domains get one of 2048 bits; at the next start none is made, and the same are recorded."""
    add(server, "example.net")
    bench = ServerBench(server)
    bench.walk(PRODUCT)
    keys = known(server.context())
    assert [(each.domain, each.bits) for each in keys] == [("example.net", 2048), ("example.test", 2048)]
    assert [argv[3] for argv in made(server)] == ["example.net", "example.test"]
    server.commands.clear()
    bench.boot = "boot-2"
    bench.walk(PRODUCT, "start of the container")
    assert known(server.context()) == keys
    evidence = bench.events("hardening.dkim")[-1]["evidence"]
    assert evidence == ", ".join(f"{each.domain}: selector {each.selector}" for each in keys)


def test_a_key_that_was_there_is_kept(server: Server) -> None:
    """An operator's own key, with his selector, is asked for first, and left as it is."""
    server.run_tool("zmdkimkeyutil", "-a", "-d", "example.test", "-s", "mine")
    ServerBench(server).walk(PRODUCT)
    assert [each.selector for each in known(server.context())] == ["mine"]
    assert made(server) == []


def test_a_start_after_an_orderly_end_asks_the_directory_alone(server: Server) -> None:
    """That every domain has its key is seen in one search; no Java machine is started for it."""
    bench = ServerBench(server)
    bench.walk(PRODUCT)
    server.commands.clear()
    assert isinstance(dkim.probe(server.context()), Evidence)
    assert [argv[0] for argv in server.commands] == [SEARCH]


def test_a_domain_added_later_gets_its_key(server: Server) -> None:
    """The watch's answer changes with the list of domains that get one, and stays where the server does not answer."""
    ServerBench(server).walk(PRODUCT)
    write_server(server.volume)
    ctx = server.context()
    (watch,) = dkim.watches(ctx)
    chroot = server.volume / "bin/chroot"
    chroot.parent.mkdir()
    answers = []
    for answer in ("example.test\nlocal\n_a.example", "example.test\nadded.example", ""):
        chroot.write_text(f"#!/bin/sh\nprintf '{answer}\\n'; [ -n '{answer}' ]\n")
        chroot.chmod(0o755)
        environment = {"PATH": f"{chroot.parent}:/usr/bin:/bin"}
        answers.append(subprocess.run(watch.argv, env=environment, capture_output=True, check=False).stdout)
    assert answers == [b"example.test\n", b"added.example\nexample.test\n", watch.wanted.encode()]
    assert watch.wanted.encode() == answers[0]
    add(server, "added.example")
    assert dkim.probe(ctx) == Drift("added.example has no DKIM key")
    dkim.apply(ctx)
    assert isinstance(dkim.probe(ctx), Evidence)
    assert {each.domain for each in known(ctx)} == {"added.example", "example.test"}
    assert server.run_tool("zmprov", "dd", "added.example")[0] == 0
    assert dkim.probe(ctx) == Drift("added.example is recorded, but is not a mail domain any more")
    dkim.apply(ctx)
    assert isinstance(dkim.probe(ctx), Evidence)
    assert dkim.watches(ctx)[0].wanted == "example.test\n"


def test_a_look_names_a_domain_without_a_key(server: Server) -> None:
    """Every look asks the server itself: a new domain, and a key replaced by hand, are named."""
    ServerBench(server).walk(PRODUCT)
    ctx = server.context()
    assert isinstance(dkim.audit(ctx), Evidence)
    add(server, "example.net")
    server.run_tool("zmdkimkeyutil", "-u", "-d", "example.test", "-s", "byhand")
    told = dkim.probe(ctx)
    assert isinstance(told, Drift)
    assert told.summary == (
        "example.net has no DKIM key; example.test has the DKIM selector byhand, which is not recorded"
    )
    former = known(ctx)[0]
    dkim.apply(ctx)
    assert [each.key for each in retired(ctx)] == [former]


def test_rotation_overlaps(server: Server) -> None:
    """The new key signs, both records are wanted for the days of the setting, the former with its reason."""
    ServerBench(server).walk(PRODUCT)
    ctx = server.context(dkim_overlap_days="3")
    old, new = dkim.rotate(ctx, "example.test")
    assert old is not None
    assert old.selector != new.selector
    assert new.bits == 2048
    assert made(server)[-1][:5] == (dkim.TOOL, "-u", "-d", "example.test", "-b")
    assert [(each.name, each.value) for each in records(server)] == [(new.name, new.public), (old.name, old.public)]
    assert records(server)[1].about.startswith("replaced; needed until ")
    assert retired(ctx)[0].until == pytest.approx(ctx.clock() + 3 * 86_400, abs=600)
    assert dkim.probe(ctx)
    assert isinstance(dkim.audit(ctx), Evidence)


def test_a_rotation_cut_off_before_its_effect_changes_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written down and then killed: the key is still in use, so its record is wanted once, and not as a former one."""
    ServerBench(server).walk(PRODUCT)

    class Cut(BaseException):
        """The process ends here."""

    def cut(*_arguments: object) -> Key:
        raise Cut

    with monkeypatch.context() as patched:
        patched.setattr(dkim, "make", cut)
        with pytest.raises(Cut):
            dkim.rotate(server.context(), "example.test")
    assert [each.about for each in records(server)] == [""]


def test_a_rotation_of_no_domain(server: Server) -> None:
    """A name that the server does not know is refused by its code, and makes nothing."""
    with pytest.raises(OperatorError) as refused:
        dkim.rotate(server.context(), "nowhere.example")
    assert refused.value.code is codes.NO_DOMAIN
    assert made(server) == []


def test_a_tool_that_fails_is_tried_again(server: Server) -> None:
    """Words that are neither a key nor its absence end the attempt with a code, and the words."""
    server.tools = {**server.tools, "zmdkimkeyutil": lambda _argv: print("Bind: Invalid credentials") or 1}
    with pytest.raises(TransientError) as failed:
        dkim.apply(server.context())
    assert (failed.value.code, failed.value.detail) == (codes.DKIM, "example.test: Bind: Invalid credentials")


def test_no_private_key_shows(server: Server) -> None:
    """The query's answer, which has the private key, is kept out of the log; nothing of zflow's holds it."""
    quiet: list[bool] = []
    original = server.chroot

    def chroot(*argv: str, user: str | None = None, **options: object) -> object:
        if "-q" in argv:
            quiet.append(bool(options.get("quiet")))
        return original(*argv, user=user, **options)

    server.chroot = chroot  # type: ignore[method-assign,assignment]
    ServerBench(server).walk(PRODUCT)
    dkim.rotate(server.context(), "example.test")
    assert quiet
    assert all(quiet)
    for path in (server.volume / ".zflow").rglob("*"):
        assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes(), path


@pytest.mark.parametrize("answer", ["", "DKIM Selector:\n\n", "DKIM Selector:\nx\n\nDKIM Identity:\n", "\0" * 100])
def test_rubbish_is_not_a_key(answer: str) -> None:
    """An answer without a selector or a record is not a key."""
    assert parse("example.test", answer) is None


def test_the_tools_form(server: Server, tmp_path: Path) -> None:
    """The pieces of opendkim-genkey's text are joined to the record's value; a size that cannot be read is 0."""
    answer = (
        "DKIM Domain:\nexample.test\n\nDKIM Selector:\nAB6E-1\n\nDKIM Private Key:\n-----BEGIN X\n\n"
        'DKIM Public signature:\nAB6E-1._domainkey\tIN\tTXT\t("v=DKIM1; k=rsa; "\n\t  "p=MIIB"\n\t  "QAB" ) )\n\n'
        "DKIM Identity:\nexample.test\n\n"
    )
    assert parse("example.test", answer) == Key("example.test", "AB6E-1", "v=DKIM1; k=rsa; p=MIIBQAB")
    assert Key("example.test", "s", "v=DKIM1; p=MIIBQAB").bits == 0
