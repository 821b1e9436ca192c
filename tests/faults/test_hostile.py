"""Hostile input: arguments, settings, certificates, the journal's rows and what programs print may hold anything."""

from __future__ import annotations

import io
import os
import random
import re
import sqlite3
import string
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from states import server
from states.product import PRODUCT
from states.tls import pair, parse, read
from states.tls.settings import SETTINGS
from states.zimbra import history, messages
from tests.engine.commands import operated  # noqa: F401 - a fixture
from tests.engine.toy import Bench, file_step, product
from tests.faults.matrix import LONG, chance, judge
from tests.states.tls.authority import HOST, NOW, inter, leaf, root
from tests.support import make_context
from zflow import settings as engine_settings
from zflow.codes import SETTINGS as SETTINGS_CODE
from zflow.commands.group import group
from zflow.context import Context
from zflow.entry import dispatch
from zflow.errors import CommandError, OperatorError, ZflowError
from zflow.exits import Exit
from zflow.journal.layout import journal_file
from zflow.output import announcer
from zflow.secret import Redactor
from zflow.step import Evidence, Step
from zflow.terminal.plain import WRITTEN_OUT, plain
from zflow.values import text

STORY = "hostile input"
UNSAFE = re.compile(f"[{re.escape(''.join(map(chr, WRITTEN_OUT)))}]")
"""What no terminal may be sent."""
ODD = (
    *(
        "",
        "\0",
        "\n",
        "\x1b]0;x\x07",
        "\x9b2J",
        "\udcff\udc80",
        "\u202egnp",
        "𝕫",
        "-",
        "--",
        "-1",
        "1e999",
        "nan",
        "9" * 400,
    ),
    *("%s%n", "../" * 40, "/nowhere/passwd", "a" * 5000, "**", "[", "{0}", "$(id)", "one.a", "one"),
)
"""Words that break programs; mixed with words that mean something. None is the path of a file that exists."""
OUTSIDE = frozenset(
    {
        "run", "shell", "resume", "audit", "check", "show", "alert", "doctor", "rotate", "dns", "install", "upgrade",
        "endpoint", "collect",
    }
)  # fmt: skip
"""Commands that need a container or a server around them, do not end by themselves, or write where they are told to."""
ENDLESS = frozenset({"--wait", "--watch", "--follow", "-f"})


def word(source: random.Random) -> str:
    """Return a hostile word: one of the known ones, or any characters at all."""
    if source.random() < 0.6:
        return source.choice(ODD)
    alphabet = string.printable + "\x1b\x9b\x00äß漢\U0001f600\udc80\u202e"
    return "".join(source.choice(alphabet) for _ in range(source.randrange(1, 60)))


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command without subcommands, with the words that lead to it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, each in command.commands.items():
        if name not in OUTSIDE:
            yield from leaves(each, (*path, name))


def arguments(source: random.Random, path: tuple[str, ...], command: click.Command) -> list[str]:
    """Return a command line with the command's own options among hostile words."""
    options = [name for each in command.params if isinstance(each, click.Option) for name in each.opts]
    options = [name for name in options if name not in ENDLESS]
    more = [source.choice(options) if options and source.random() < 0.4 else word(source) for _ in range(3)]
    line = [*path, *more[: source.randrange(4)]]
    return [each.replace("\0", "") for each in (line if source.random() < 0.9 else [word(source), *line])]


@pytest.mark.slow
@pytest.mark.usefixtures("bench")
def test_a_command_line_never_ends_in_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command that needs no server, with options and words at random: an exit code, whatever they are."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # nobody answers
    monkeypatch.chdir(tmp_path)
    Bench(tmp_path).walk(product(file_step("one.a"), file_step("one.b", once=True), file_step("two.a")))
    source, wrong, codes = chance("arguments"), [], Counter[str]()
    commands = list(leaves(group))
    for number in range(3000 if LONG else 250):
        path, command = commands[number % len(commands)]
        line = arguments(source, path, command)
        shown = io.StringIO()
        try:
            with redirect_stdout(shown), redirect_stderr(shown):
                code = dispatch(line)
            codes[f"exit code {int(code)}"] += 1
            if code not in set(Exit):
                wrong.append(f"{line!r}: exit code {code}")
        except BaseException as error:  # noqa: BLE001 - whatever it is, it must not be
            wrong.append(f"{line!r}: {type(error).__name__}: {error}")
        if number % 50 == 0 and not journal_file(tmp_path).exists():  # `journal rebuild --yes` was among them
            Bench(tmp_path).walk(product(file_step("one.a"), file_step("one.b", once=True), file_step("two.a")))
    judge(STORY, "command lines of every command, at random", codes.total(), wrong, codes)


@pytest.mark.slow
def test_settings_of_any_kind_are_taken_or_named(tmp_path: Path) -> None:
    """Variables, files that they name and the settings file, all at random: values, or ZF-1001 with every mistake."""
    source, wrong, met = chance("settings"), [], Counter[str]()
    names = [each.variable for each in PRODUCT.settings]
    folder = tmp_path / "app"
    folder.mkdir()
    for _ in range(5000 if LONG else 400):
        environment = {}
        for name in source.sample(names, source.randrange(4)):
            as_file = source.random() < 0.3
            environment[name + "_FILE" * as_file] = word(source).replace("\0", "")
        kind = source.randrange(3)
        lines = "\n".join(
            f"{source.choice(PRODUCT.settings).name} = {toml(source)}" for _ in range(source.randrange(4))
        )
        content = [lines.encode(errors="replace"), source.randbytes(60), b"x = " + b"[" * source.randrange(5000)][kind]
        (folder / "settings.toml").write_bytes(content)
        try:
            engine_settings.load(PRODUCT.settings, environment, tmp_path)
            met["taken"] += 1
        except ZflowError as error:
            met[f"refused: {error.code.id}"] += 1
        except Exception as error:  # noqa: BLE001 - a traceback is what must not be
            wrong.append(f"{environment!r} {content[:80]!r}: {type(error).__name__}: {error}")
    judge(STORY, "settings from variables, files and TOML, at random", met.total() + len(wrong), wrong, met)


def toml(source: random.Random) -> str:
    """Return a value as TOML would have it, or nearly."""
    text = "".join(f"\\u{ord(each) % 0xD800:04x}" for each in word(source)[:200])
    return source.choice(
        [f'"{text}"', "1e999", "-0", "[1, [2]]", "true", "{a = 1}", "1979-05-27", f"'{text}", "9" * 5000]
    )


def test_a_setting_from_a_pipe_makes_nobody_wait(tmp_path: Path) -> None:
    """A pipe, a folder or endless zeros where a setting's file is named is a mistake with its name, not waited for."""
    setting = engine_settings.Setting("word", text, None, "a word", "x")
    wrong: list[str] = []
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "app").mkdir()
    variables = ("ZFLOW_WORD_FILE", "ZFLOW_SETTINGS_FILE")
    files = (tmp_path / "pipe", Path("/dev/zero"), tmp_path / "app", tmp_path / "none")
    for variable in variables:
        for file in files:
            try:
                engine_settings.load([setting], {variable: str(file)}, tmp_path)
                wrong.append(f"{variable}={file} was taken")
            except ZflowError as error:
                if str(file) not in error.detail:
                    wrong.append(f"{variable}={file}: {error}")
    judge(
        STORY,
        "pipes, devices and folders where a setting's file is named",
        len(variables) * len(files),
        wrong,
        "ZF-1001",
    )


@pytest.fixture(name="tls")
def over_own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A volume whose only public root is the tests' own."""
    (tmp_path / "app/tls").mkdir(parents=True)
    (tmp_path / "roots.pem").write_bytes(root().pem)
    monkeypatch.setattr(pair, "SYSTEM_ROOTS", tmp_path / "roots.pem")
    monkeypatch.setattr(read, "SETTLE", 0.0)
    return tmp_path


@pytest.mark.slow
def test_damaged_pairs_are_refused_by_a_code(tls: Path) -> None:
    """Key and certificate with changed, doubled, moved and missing bytes: taken or refused, never a traceback."""
    ctx = make_context(tls, (*SETTINGS, *server.SETTINGS), {"ZFLOW_HOSTNAME": HOST, "ZFLOW_TLS_AIA": "no"})
    source, wrong, met = chance("certificates"), [], Counter[str]()
    der = leaf().certificate.public_bytes(Encoding.DER)
    for _ in range(2000 if LONG else 60):
        binary = source.random() < 0.6
        good = der if binary else leaf().pem + inter().pem
        (tls / "app/tls/zimbra.crt").write_bytes(mutated(source, good))
        key = leaf().key_pem if source.random() < 0.8 else mutated(source, leaf().key_pem)
        (tls / "app/tls/zimbra.key").write_bytes(key)
        try:
            pair.check(ctx, read.read(ctx), NOW)
            met["taken"] += 1
        except ZflowError as error:
            met[f"refused: {error.code.id}"] += 1
        except Exception as error:  # noqa: BLE001 - a traceback is what must not be
            wrong.append(f"{type(error).__name__}: {error}")
    judge(STORY, "keys and certificates with damaged bytes", met.total() + len(wrong), wrong, met)


def mutated(source: random.Random, content: bytes) -> bytes:
    """Return content with one to four of its bytes changed, or pieces of it dropped, doubled or exchanged."""
    changed = bytearray(content)
    for _ in range(source.randrange(1, 5)):
        begin = source.randrange(len(changed) or 1)
        piece = changed[begin : begin + source.randrange(40)]
        match source.randrange(5):
            case 0 | 1 if changed:
                changed[begin % len(changed)] ^= 1 << source.randrange(8)
            case 2:
                del changed[begin : begin + len(piece)]
            case 3:
                changed[begin:begin] = piece * source.randrange(1, 30)
            case _:
                changed[begin : begin + len(piece)] = source.randbytes(len(piece))
    return bytes(changed)


@pytest.mark.parametrize(
    "content",
    [b"-----BEGIN A-----\n" * 50_000, b"-----BEGIN CERTIFICATE-----\n" + b"A" * (1 << 20), b"\x30\x80" * (1 << 19)],
    ids=["beginnings without an end", "one piece without an end", "nested without an end"],
)
def test_a_file_made_to_take_long_does_not(content: bytes) -> None:
    """A megabyte of what looks like certificates is read once, not once for each beginning in it."""
    judge_quickly("a certificate file made to take long", lambda: parsed(content))


def parsed(content: bytes) -> None:
    """Read what is no certificate."""
    with pytest.raises(ZflowError):
        parse.parse(content[: read.LIMIT], "file")


@pytest.mark.slow
def test_a_line_without_an_end_does_not_stop_the_walker(tmp_path: Path) -> None:
    """A program that prints megabytes without a line's end is read as fast as any other."""
    shell = make_context(tmp_path).shell
    endless = "head -c 30000000 /dev/zero | tr '\\0' x"
    judge_quickly("30 MB of output in one line", lambda: shell.run("sh", "-c", endless, limit=64 << 20))


def judge_quickly(what: str, work: Callable[[], object]) -> None:
    """Do what would take minutes with more than one look at each byte; a minute is far beyond the time it takes."""
    began = time.monotonic()
    work()
    took = time.monotonic() - began
    judge(STORY, what, 1, [] if took < 60 else [f"took {took:.0f} s"], "linear in its size")


@pytest.mark.usefixtures("bench")
def test_what_programs_say_never_reaches_the_terminal_as_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Evidence, notes, errors and log lines with escape sequences: status, history, logs and verify write them out."""
    poison = "".join(map(chr, WRITTEN_OUT)) + "\x1b]52;c;cm0gLXJm\x07"

    def apply(ctx: Context) -> None:
        ctx.log(f"printed {poison}")
        ctx.progress.report(note=f"note {poison}")
        raise OperatorError(SETTINGS_CODE, f"detail {poison}")

    steps = (
        Step("one.good", f"title {poison}", lambda _ctx: Evidence(f"evidence {poison}"), lambda _ctx: None),
        Step("one.bad", "fail", lambda _ctx: None, apply),
    )
    bench = Bench(tmp_path)
    bench.walk(product(*steps))
    with closing(sqlite3.connect(journal_file(tmp_path))) as raw, raw:  # as an older zflow recorded it
        raw.execute("UPDATE workflow SET detail = ?", (f"old {poison}",))
        raw.execute("UPDATE seal SET hash = ''")
    announcer(Redactor().clean, bench.clock)(f"announced {poison}")
    shown = ""
    commands = (
        ["status"],
        ["history"],
        ["history", "--json"],
        ["logs", "one.bad"],
        ["verify"],
        ["plan"],
        ["explain", poison],
    )
    for command in commands:
        dispatch(command)
        output = capsys.readouterr()
        shown += output.out + output.err
    wrong = sorted({repr(found) for found in UNSAFE.findall(shown)})
    assert all(f"{what} \\x00" in shown for what in ("evidence", "old", "printed", "announced")), shown
    judge(
        STORY,
        "control characters from programs, through each command that shows them",
        len(WRITTEN_OUT) * len(commands),
        wrong,
        "written out",
    )


@pytest.mark.slow
def test_any_history_of_the_vendors_is_read(tmp_path: Path) -> None:
    """The vendor's history with damaged bytes: sessions or none, and never more proof than it holds."""
    source, wrong = chance("history"), []
    whole = (
        b"100: INSTALL SESSION START\n100: INSTALLED zimbra-core_8.8.15.GA.3869.UBUNTU18.64_amd64.deb\n"
        b"100: INSTALL SESSION COMPLETE\n100: CONFIG SESSION START\n101: CONFIGURED BEGIN\n102: CONFIGURED END\n"
    )
    ctx = make_context(tmp_path)
    path = tmp_path / history.HISTORY
    path.parent.mkdir(parents=True)
    tried = 10000 if LONG else 500
    for _ in range(tried):
        path.write_bytes(mutated(source, whole * source.randrange(1, 4)))
        try:
            proven = any(each.configured for each in history.sessions(ctx))
            if proven and b"CONFIGURED END" not in path.read_bytes():
                wrong.append(f"configured without its end: {path.read_bytes()!r}")
        except Exception as error:  # noqa: BLE001 - a traceback is what must not be
            wrong.append(f"{type(error).__name__}: {error}")
    judge(STORY, "damaged .install_history", tried, wrong, "read as far as it goes")


@pytest.mark.slow
def test_any_output_of_the_vendors_is_read() -> None:
    """Prompts and messages, damaged and repeated: a question is part of the line, an error is one of ours."""
    source, wrong = chance("prompts"), []
    lines = [
        *(saying.pattern.pattern for saying in messages.MESSAGES),
        "Do you agree? [N] ",
        "Your choice? [r] ",
        "(? - help)",
    ]
    tried = 10000 if LONG else 500
    none = ZflowError(SETTINGS_CODE, "none")
    for _ in range(tried):
        text = mutated(source, " ".join(source.choices(lines, k=3)).encode()).decode(errors="replace") * source.choice(
            [1, 1, 50]
        )
        try:
            found = messages.question(text)
            if found is not None and found not in text:
                wrong.append(f"{text!r}: {found!r}")
            messages.asked(CommandError(SETTINGS_CODE, ("x",), 1, text))
            messages.failed_parts(text)
            messages.explained(text, none)
        except Exception as error:  # noqa: BLE001 - a traceback is what must not be
            wrong.append(f"{text!r}: {type(error).__name__}: {error}")
    judge(
        STORY, "damaged prompts and messages of the installer", tried, wrong, "a question, an error of ours, or nothing"
    )


def test_plain_text_stays_as_it_is() -> None:
    """Letters of every script, tabulators and line ends pass unchanged."""
    assert plain("Grüße\t漢字\n✓") == "Grüße\t漢字\n✓"
