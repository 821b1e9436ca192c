"""A server without a server: Zimbra's tools as the stand-in has them, run in this process over a folder."""

from __future__ import annotations

import contextlib
import io
import subprocess
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from rehearsal.standin import HERE as STANDIN
from rehearsal.standin.runtime import (
    entries,
    host,
    ldapsearch,
    localconfig,
    rewrite,
    store,
    zmdkimkeyutil,
    zmlocalconfig,
    zmprov,
)
from states.hardening.senders import TEMPLATE
from states.hardening.settings import SETTINGS
from states.server import SETTINGS as IDENTITY
from states.zimbra.settings import SETTINGS as INSTALL
from tests.engine.toy import Bench
from tests.support import make_context
from zflow.codes import COMMAND
from zflow.context import Context
from zflow.errors import CommandError
from zflow.host.shell import Result, Shell
from zflow.secret import Redactor
from zflow.settings import load
from zflow.walk.surroundings import Surroundings

TABLE = (*IDENTITY, *INSTALL, *SETTINGS)
run = host.run
VERSION = "8.8.15.GA.3869.UBUNTU18.64"
VENDORS = STANDIN / "packages/zimbra-mta/root" / TEMPLATE.lstrip("/")


@cache
def generated(_number: int, bits: str) -> tuple[int, str]:
    """Return what `openssl genrsa` answers."""
    return run(["openssl", "genrsa", bits])


class Server(Shell):
    """Runs Zimbra's commands by the stand-in's own code, keeps them, and does nothing for what starts and stops."""

    def __init__(self, volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(root=volume, tag="test", log=lambda _line: None)
        self.volume = volume
        self.commands: list[tuple[str, ...]] = []
        self.tools: Mapping[str, Callable[[list[str]], int]] = {
            "zmprov": zmprov.main,
            "zmlocalconfig": zmlocalconfig.main,
            "zmdkimkeyutil": zmdkimkeyutil.main,
            "ldapsearch": ldapsearch.main,
            "slapcat": ldapsearch.slapcat,
        }
        self.listening = True
        """Whether the directory runs."""
        home = volume / "opt/zimbra"
        for folder in ("conf/zmconfigd", "libexec", "log", "data/tmp", "data/ldap/mdb/db"):
            (home / folder).mkdir(parents=True)
        monkeypatch.setattr(host, "whoami", lambda: "zimbra")
        monkeypatch.setattr(host, "listens", lambda _port: self.listening)
        monkeypatch.setattr(store, "DATABASE", home / "data/ldap/mdb/db/data.mdb")
        monkeypatch.setattr(localconfig, "PATH", home / "conf/localconfig.xml")
        monkeypatch.setattr(zmdkimkeyutil, "OPENSSL", "openssl")
        monkeypatch.setattr(host, "run", self.openssl)
        self.keys = 0
        self.reset()
        self.run_tool("zmprov", "cd", "example.test")
        self.upgrade(VERSION)

    def openssl(self, command: Sequence[str], stdin: str | None = None) -> tuple[int, str]:
        """Run openssl; its keys are made once a session, for that takes time, and differ within a test."""
        if "genrsa" not in command:
            return run(command, stdin)
        self.keys += 1
        return generated(self.keys, command[2])

    def reset(self) -> None:
        """Give the global configuration and the template their first values, as an upgrade may; domains stay."""
        """Give the global configuration and the template their first values, as an upgrade may; domains stay."""
        first = {each.name: each.default("config", (8, 8, 15)) for each in entries.ATTRIBUTES.values()}
        defaults = {name: list(values) for name, values in first.items() if values}
        with store.opened(write=True) as directory:
            directory.create("config", {**defaults, "zimbraServiceEnabled": ["amavis"]})
        (self.volume / TEMPLATE.lstrip("/")).write_text(VENDORS.read_text())

    def upgrade(self, version: str) -> None:
        """Have dpkg say which version is installed."""
        status = self.volume / "var/lib/dpkg/status"
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(f"Package: zimbra-core\nStatus: install ok installed\nVersion: {version}\n")

    def run_tool(self, name: str, *arguments: str) -> tuple[int, str]:
        """Run one of the stand-in's tools; return its exit code and both its outputs."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                code = self.tools[name](list(arguments))
            except SystemExit as ended:
                code = int(ended.code or 0)
        return code, output.getvalue()

    def for_step(self, log: Callable[[str], None], timeout: float) -> Shell:
        """Return this shell: all commands are recorded together."""
        return self

    def chroot(self, *argv: str, user: str | None = None, **options: object) -> Result:
        """Run a tool here, a script on the folder, and pretend the rest."""
        self.commands.append(argv)
        name = argv[0].rpartition("/")[2]
        code, output = 0, ""
        if name in self.tools:
            code, output = self.run_tool(name, *(self._stdin(word, options) for word in argv[1:]))
        elif name == "postconf":
            output = rewrite.joined(self.volume / TEMPLATE.lstrip("/"), self._values) + "\n"
        elif name == "cat":
            output = (self.volume / argv[1].lstrip("/")).read_text()
        elif argv[:2] == ("sh", "-c"):
            words = [argv[2], argv[3], f"{self.volume}{argv[4]}", *argv[5:]]
            stdin = cast("str | None", options.get("stdin"))
            code = subprocess.run(["sh", "-c", *words], input=stdin, text=True, check=False).returncode
        if code not in cast("Container[int]", options.get("ok", (0,))):
            raise CommandError(COMMAND, argv, code, output)
        return Result(code, output)

    def _stdin(self, word: str, options: Mapping[str, object]) -> str:
        if word != "/dev/stdin":
            return word
        file = self.volume / "stdin"
        file.write_text(cast("str", options["stdin"]))
        return str(file)

    def _values(self, attribute: str) -> list[str]:
        with store.opened() as directory:
            return directory.value("config", attribute)

    def context(self, **settings: str) -> Context:
        """Return a context for one look or one apply."""
        return make_context(self.volume, TABLE, variables(settings), shell=self)


class ServerBench(Bench):
    """Walks over the server with the real engine."""

    def __init__(self, server: Server, **settings: str) -> None:
        super().__init__(server.volume)
        self.server = server
        self.settings = settings

    def surroundings(self) -> Surroundings:
        """Return surroundings in which the server's tools are run."""
        chosen = load(TABLE, variables(self.settings), self.volume)
        around = Surroundings(self.volume, chosen, self.boot, self.server, Redactor(), self.say, self.clock)
        around.stopping = self.stopping
        return around


def variables(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings as an operator's environment has them."""
    named = {f"ZFLOW_{name.upper()}": value for name, value in settings.items()}
    return {"ZFLOW_HOSTNAME": "mail.example.test", **named}
