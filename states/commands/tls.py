"""`zflow tls`: what is served, whether files would be accepted, another try, and an audit of every port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from zflow.commands.kit import Exit, counted, go_on, lockless, look

TOOLS = {
    "testssl.sh": ("--quiet", "--color", "0", "--fast"),
    "testssl": ("--quiet", "--color", "0", "--fast"),
    "sslyze": (),
}
"""What examines a server from outside, and its options for one port."""
STARTTLS = {25: "smtp", 587: "smtp", 143: "imap", 110: "pop3"}
LIMIT = 600
"""Seconds for one port."""


@click.group()
def tls() -> None:
    """Show and check certificates, protocols and ciphers."""


@tls.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def show(*, as_json: bool) -> int:
    """Show the supplied certificate and what each port serves. Exit code 1 when a port serves something else."""
    import json
    from dataclasses import asdict

    from states.tls import report

    ctx = look()
    words, found = report.summary(ctx), list(report.ports(ctx))
    wrong = report.weaknesses(found)
    if as_json:
        document = {"summary": dict(words), "ports": [asdict(each) for each in found], "findings": wrong}
        click.echo(json.dumps(document, indent=2))
    else:
        for name, text in words:
            click.echo(f"{report.LABELS.get(name, name):<16}{text}")
        click.echo("")
        _print(found, wrong)
    return Exit.STOPPED if wrong else Exit.VALID


def _print(found: Sequence[Any], wrong: Sequence[str]) -> None:
    for each in found:
        certificates = counted(each.certificates, "certificate")
        what = f"{each.subject} until {each.until}, {certificates}" if each.subject else "no TLS"
        click.echo(f"{each.number:>6}  {what}{'  ' + ' '.join(each.versions) if each.versions else ''}")
    click.echo("")
    for line in wrong or ("Every port that answers serves the deployed certificate with its chain.",):
        click.echo(line)


@tls.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> int:
    """Check whether FILES, or the supplied files, would be accepted. Changes nothing; exit code 1: refused."""
    from states.tls import report

    verdict = report.check(look(), files)
    click.echo(verdict.about if verdict.good else f"{verdict.code} {verdict.about}\nWhat to do: {verdict.remedy}")
    return Exit.VALID if verdict.good else Exit.STOPPED


@tls.command()
@lockless
def deploy() -> int:
    """Continue now; retry a certificate that was rolled back."""
    from states.tls import deployed

    deployed.forgive(look())
    return go_on(follow=True)


@tls.command()
def audit() -> int:
    """Check protocols and certificate chain of every port. Where testssl.sh or sslyze is installed, run it too."""
    from states.tls import report

    found = list(report.ports(look(), versions=True))
    wrong = report.weaknesses(found)
    _print(found, wrong)
    return Exit.STOPPED if not _examine([each.number for each in found if each.subject]) or wrong else Exit.VALID


def _examine(ports: Sequence[int]) -> bool:
    """Run the tool that is installed for each port; return whether it ended well, or there is none."""
    from shutil import which

    tool = next((each for each in TOOLS if which(each)), None)
    if tool is None:
        click.echo("\nNeither testssl.sh nor sslyze is installed here: run one of them from another machine for more.")
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
