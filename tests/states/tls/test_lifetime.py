"""How long the certificate lasts: told plainly, then as a warning that is current each day."""

from __future__ import annotations

import ssl
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

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
    return lifetime.probe(ctx).summary


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (80, "until 2026-08-20"),
        (30.1, "until 2026-08-20"),
        (30, "WARNING: 30 days left: renew it soon"),
        (14, "WARNING: 14 days left: renew it now"),
        (6.5, "WARNING: 7 days left: RENEW IT TODAY"),
        (0.1, "WARNING: 1 day left: RENEW IT TODAY"),
        (0, "WARNING: it EXPIRED 2026-08-20 00:00 UTC, clients refuse the server"),
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


@pytest.mark.parametrize(
    ("days", "notices"),
    [
        (14.1, ()),
        (14, ("the served certificate expires 2026-08-20 00:00 UTC; renew it now",)),
        (0.1, ("the served certificate expires 2026-08-20 00:00 UTC; renew it today",)),
        (0, ("the served certificate expired 2026-08-20 00:00 UTC, and clients refuse the server; supply a "
             "renewed pair",)),
    ],
)  # fmt: skip
def test_notices(days: float, notices: tuple[str, ...], zimbra: Zimbra) -> None:
    """What cannot wait is a notice, for status, doctor, log and metrics; at the end at that very second."""
    assert lifetime.probe(before(zimbra, days)).notices == notices


@pytest.mark.parametrize(
    ("days", "hours_left", "words"),
    [
        (6.67, 158, "until"),
        (6.67, 54, "until"),
        (6.67, 53, "WARNING: 3 days left: renew it soon"),
        (6.67, 26, "WARNING: 2 days left: renew it now"),
        (6.67, 13, "WARNING: 1 day left: RENEW IT TODAY"),
        (47, 15.7 * 24, "until"),
        (47, 15.6 * 24, "WARNING: 16 days left: renew it soon"),
        (398, 30.1 * 24, "until"),
        (398, 30 * 24, "WARNING: 30 days left: renew it soon"),
    ],
)
def test_a_short_life_is_told_by_its_parts(days: float, hours_left: float, words: str, zimbra: Zimbra) -> None:
    """A certificate of six days is no alarm on its first day; what lasts longer than ninety is told by the days."""
    zimbra.write("/opt/zimbra/conf/nginx.crt", issue("s", begin=NOW, days=days).pem.decode())
    assert told(context_of(zimbra, now=NOW + timedelta(days=days, hours=-hours_left))).startswith(words)


def test_the_watch_answers_otherwise_each_day(zimbra: Zimbra) -> None:
    """The supervisor's command counts the moments that have passed: each stage, each day of the last thirty, the end.

    Any other answer than none of them is a reason to walk, also the first: one may have passed during the walk.
    """
    ctx = before(zimbra, 19.5)
    watch = lifetime.watch(ctx, [])
    assert watch.argv[:4] == ("sh", "-c", lifetime.PASSED, "passed")
    assert watch.wanted == "0\n"
    moments = [int(each) for each in watch.argv[4:]]
    assert moments == [int((END - timedelta(days=days)).timestamp()) for days in range(19, -1, -1)]
    assert len(lifetime.watch(before(zimbra, 80), []).argv) == 4 + 31
    just_passed = before(zimbra, 19 - 60 / 86400)
    assert len(lifetime.watch(just_passed, []).argv) == 4 + 20


def test_the_command_waits_for_the_second() -> None:
    """What comes before the next look is waited for, and answered as soon as it has come."""
    moment = int(time.time()) + 2
    argv = ["sh", "-c", lifetime.PASSED, "passed", str(moment), str(moment + 1000)]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "1\n"
    assert moment <= time.time() < moment + 2


@pytest.mark.parametrize(("passed", "count"), [((), "0"), ((1, 2), "2"), ((1, 1 << 40), "1")])
def test_the_command(passed: tuple[int, ...], count: str) -> None:
    """The shell counts what has passed by its own clock."""
    argv = ["sh", "-c", lifetime.PASSED, "passed", *map(str, passed)]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == f"{count}\n"


def _of_the_year_0() -> str:
    """Return a certificate that loads, but whose begin Python has no date for."""
    begin = b"20500101000000Z"
    made = issue("s", begin=datetime(2050, 1, 1, tzinfo=UTC)).certificate.public_bytes(Encoding.DER)
    assert begin in made
    return ssl.DER_cert_to_PEM_cert(made.replace(begin, b"0000" + begin[4:]))


@pytest.mark.parametrize("content", ["rubbish", _of_the_year_0()], ids=["rubbish", "the year 0"])
def test_without_a_certificate(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a certificate that can be read there is no end to show, and the watch has nothing to wait for."""
    ctx, zimbra = make_host(tmp_path, monkeypatch)
    zimbra.write("/opt/zimbra/conf/nginx.crt", content)
    assert told(ctx) == "no certificate is installed"
    (calendar,) = watches(ctx)
    assert calendar.argv[4:] == ()
