"""How long the certificate lasts: told plainly, then as a warning that is current each day."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from states.tls import lifetime, watches
from tests.states.tls.authority import NOW, issue
from tests.states.tls.zimbra import Zimbra, context_of, make_host
from zflow.api import Context

END = NOW + timedelta(days=80)


@pytest.fixture
def zimbra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zimbra:
    """Return a server whose certificate ends after eighty days."""
    _, made = make_host(tmp_path, monkeypatch)
    made.write("/opt/zimbra/conf/nginx.crt", issue("s", days=90).pem.decode())
    return made


def before(zimbra: Zimbra, days: float) -> Context:
    """Return a context so many days before the end."""
    return context_of(zimbra, now=END - timedelta(days=days))


def told(ctx: Context) -> str:
    """Return what status shows."""
    evidence = lifetime.probe(ctx)
    assert evidence is not None
    return evidence.summary


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (80, "until 2026-08-20"),
        (30.1, "until 2026-08-20"),
        (30, "WARNING: 30 days left: renew it soon"),
        (14, "WARNING: 14 days left: renew it now"),
        (6.5, "WARNING: 7 days left: RENEW IT TODAY"),
        (0.1, "WARNING: 1 days left: RENEW IT TODAY"),
        (-1, "WARNING: it EXPIRED 2026-08-20 00:00 UTC, clients refuse the server"),
    ],
)
def test_words(days: float, words: str, zimbra: Zimbra) -> None:
    """From thirty, fourteen and seven days before the end on, the words grow louder."""
    assert told(before(zimbra, days)) == words


def test_the_key_changes_with_the_days(zimbra: Zimbra) -> None:
    """The step is due once in the quiet time, and each day of the last thirty."""
    keys = [lifetime.inputs(before(zimbra, 80 - half / 2)) for half in range(161)]
    assert len(set(keys)) == 32
    assert len(set(keys[:99])) == 1


def test_the_watch_answers_otherwise_each_day(zimbra: Zimbra) -> None:
    """The supervisor's command counts the moments that have passed: each day of the last thirty, and none before."""
    ctx = before(zimbra, 20)
    watch = lifetime.watch(ctx, [])
    assert watch.argv[:4] == ("sh", "-c", lifetime.PASSED, "passed")
    moments = [int(each) for each in watch.argv[4:]]
    assert moments == [int((END - timedelta(days=days)).timestamp()) for days in range(19, -1, -1)]
    assert len(lifetime.watch(before(zimbra, 80), []).argv) == 4 + 31


@pytest.mark.parametrize(("passed", "count"), [((), "0"), ((1, 2), "2"), ((1, 1 << 40), "1")])
def test_the_command(passed: tuple[int, ...], count: str) -> None:
    """The shell counts what has passed by its own clock."""
    argv = ["sh", "-c", lifetime.PASSED, "passed", *map(str, passed)]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == f"{count}\n"


def test_without_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is a server nothing is told, and the watch has nothing to wait for."""
    ctx, zimbra = make_host(tmp_path, monkeypatch)
    zimbra.write("/opt/zimbra/conf/nginx.crt", "rubbish")
    assert lifetime.probe(ctx) is None
    (calendar,) = watches(ctx)
    assert calendar.argv[4:] == ()
