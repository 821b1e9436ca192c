"""Commands about TLS: what is served, what would become of files, another try, and a look from outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from zflow.exits import Exit

TOOLS = {
    "testssl.sh": ("--quiet", "--color", "0", "--fast"),
    "testssl": ("--quiet", "--color", "0", "--fast"),
    "sslyze": (),
}
"""What examines a server from outside, and how it is called for one port."""
STARTTLS = {25: "smtp", 587: "smtp", 143: "imap", 110: "pop3"}
LIMIT = 600
"""Seconds for one port."""


@click.group()
def tls() -> None:
    """Look at certificates, protocols and ciphers."""


@tls.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def show(*, as_json: bool) -> int:
    """Show what is supplied and what each port serves; exit code 1 when a port serves something else."""
    import json
    from dataclasses import asdict

    from states.tls import report
    from zflow.commands.product import bystander

    ctx = bystander().look()
    words, found = report.summary(ctx), list(report.ports(ctx))
    wrong = report.weaknesses(found)
    if as_json:
        document = {"summary": dict(words), "ports": [asdict(each) for each in found], "findings": wrong}
        click.echo(json.dumps(document, indent=2))
    else:
        for name, text in words:
            click.echo(f"{name:<16}{text}")
        click.echo("")
        _print(found)
        _tell(wrong)
    return Exit.STOPPED if wrong else Exit.VALID


def _print(found: Sequence[Any]) -> None:
    for each in found:
        what = f"{each.subject} until {each.until}, {each.certificates} certificates" if each.subject else "no TLS"
        click.echo(f"{each.number:>6}  {what}{'  ' + ' '.join(each.versions) if each.versions else ''}")


def _tell(wrong: Sequence[str]) -> None:
    click.echo("")
    for each in wrong or ("All that answers serves the installed certificate with its chain.",):
        click.echo(each)


@tls.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> int:
    """Judge FILES, or what is supplied, as before a deploy; nothing is changed. Exit code 1 when they are refused."""
    from states.tls import report
    from zflow.commands.product import bystander

    verdict = report.judge(bystander().look(), files)
    click.echo(verdict.about if verdict.good else f"{verdict.code} {verdict.about}\nWhat to do: {verdict.remedy}")
    return Exit.VALID if verdict.good else Exit.STOPPED


@tls.command()
@click.pass_context
def deploy(context: click.Context) -> int:
    """Go on now, and also try a pair again that was taken back."""
    from states.tls import deployed
    from zflow.commands.product import bystander
    from zflow.commands.steering import resume

    deployed.forgive(bystander().look())
    return int(context.invoke(resume, no_follow=False))


@tls.command()
def audit() -> int:
    """Look at protocols and chain of every port; with testssl.sh or sslyze at hand, at much more."""
    from states.tls import report
    from zflow.commands.product import bystander

    found = list(report.ports(bystander().look(), versions=True))
    _print(found)
    wrong = report.weaknesses(found)
    _tell(wrong)
    return Exit.STOPPED if not _examine([each.number for each in found if each.subject]) or wrong else Exit.VALID


def _examine(ports: Sequence[int]) -> bool:
    """Call the tool that is there for each port; return whether it ended well, or there is none."""
    from shutil import which

    tool = next((each for each in TOOLS if which(each)), None)
    if tool is None:
        click.echo("\nNeither testssl.sh nor sslyze is here: run one of them from another machine for more.")
        return True
    good = True
    for port in ports:
        protocol = STARTTLS.get(port)
        click.echo(f"\n== {tool}, port {port}")
        sys.stdout.flush()
        option = [] if protocol is None else ["--starttls", protocol]
        try:
            ended = subprocess.run([tool, *TOOLS[tool], *option, f"127.0.0.1:{port}"], timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            click.echo(f"{tool} did not end within {LIMIT} seconds")
            good = False
        else:
            good = good and ended.returncode == 0
    return good


COMMANDS = (tls,)
