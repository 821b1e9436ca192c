"""HSTS: in stages, only with a certificate that verifies, and gone before its promise breaks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from states.tls import deployed, hsts, pair
from tests.states.tls.authority import NOW, inter, issue, leaf
from tests.states.tls.zimbra import Crash, Zimbra, context_of, lay, make_host, walk
from zflow.api import Context, Drift, Evidence

ON = {"ZFLOW_HSTS": "31536000"}
THEIRS = "X-Frame-Options: DENY"


@pytest.fixture
def zimbra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zimbra:
    """Return a server with a header of the operator's own."""
    _, made = make_host(tmp_path, monkeypatch)
    made.attributes[hsts.ATTRIBUTE] = [THEIRS]
    return made


def headers(zimbra: Zimbra) -> list[str]:
    """Return the headers of the proxy."""
    return zimbra.attributes.get(hsts.ATTRIBUTE, [])


def at(zimbra: Zimbra, days: float = 0, **settings: str) -> Context:
    """Return the context so many days later, HSTS being on."""
    return context_of(zimbra, ON | settings, NOW + timedelta(days=days))


def serve(ctx: Context) -> None:
    """Serve a pair of the operator's."""
    lay(ctx, {"zimbra.key": leaf().key_pem, "zimbra.crt": leaf().pem + inter().pem})
    walk(ctx)


def step(ctx: Context) -> None:
    """Take the step."""
    if not isinstance(hsts.probe(ctx), Evidence):
        hsts.apply(ctx)
        assert isinstance(hsts.probe(ctx), Evidence)


def test_never_with_the_self_signed_certificate(zimbra: Zimbra) -> None:
    """Without a pair of the operator's nothing is written, whatever the setting."""
    pair.apply(at(zimbra))
    step(at(zimbra))
    assert headers(zimbra) == [THEIRS]


def test_off_by_default(zimbra: Zimbra) -> None:
    """Without the setting nothing is written, and no command is run."""
    serve(at(zimbra))
    zimbra.commands.clear()
    step(context_of(zimbra))
    assert zimbra.commands == []


def test_stages(zimbra: Zimbra) -> None:
    """The time grows from minutes to the goal, and each stage is due by another key; other headers stay."""
    serve(at(zimbra))
    seen = []
    for days in (0, 0.5, 1, 6, 7, 34, 35, 60):
        ctx = at(zimbra, days)
        step(ctx)
        (mine,) = [each for each in headers(zimbra) if each != THEIRS]
        seen.append(mine.removeprefix("Strict-Transport-Security: max-age="))
        assert THEIRS in headers(zimbra)
    assert seen == ["300", "300", "86400", "86400", "604800", "604800", "31536000", "31536000"]
    assert hsts.inputs(at(zimbra)) != hsts.inputs(at(zimbra, 1))


def test_moments(zimbra: Zimbra) -> None:
    """The supervisor is told when the next stages begin, once there is a first."""
    serve(at(zimbra))
    assert hsts.moments(at(zimbra)) == []
    step(at(zimbra))
    assert hsts.moments(at(zimbra)) == [(NOW + timedelta(days=each)).timestamp() for each in (1, 7, 35)]


@pytest.mark.parametrize("case", ["switched off", "expired", "withdrawn", "exchanged by hand"])
def test_removed(case: str, zimbra: Zimbra) -> None:
    """The header goes when the setting does, and when what is served no longer verifies; the stages begin again."""
    serve(at(zimbra))
    step(at(zimbra))
    assert len(headers(zimbra)) == 2
    ctx = at(zimbra, 1)
    if case == "switched off":
        ctx = context_of(zimbra)
    elif case == "expired":
        ctx = at(zimbra, 200)
    elif case == "withdrawn":
        lay(ctx, {})
        pair.apply(ctx)
    else:
        zimbra.write("/opt/zimbra/conf/nginx.crt", issue("s").pem.decode())
        assert deployed.probe(ctx) is None
    step(ctx)
    assert headers(zimbra) == [THEIRS]
    assert hsts.moments(ctx) == []


@pytest.mark.parametrize(
    ("mine", "told"),
    [([], "gone"), (["strict-transport-security: max-age=9"], "strict-transport-security: max-age=9")],
)
def test_drift_is_seen_by_every_look(zimbra: Zimbra, mine: list[str], told: str) -> None:
    """A header that somebody took away or changed is named with the setting that decides it, and comes back."""
    serve(at(zimbra))
    step(at(zimbra))
    zimbra.attributes[hsts.ATTRIBUTE] = [THEIRS, *mine]
    assert hsts.probe(at(zimbra)) == Drift(
        f"Strict-Transport-Security is {told}, not max-age=300; set it by ZFLOW_HSTS, 0 removes it"
    )
    hsts.apply(at(zimbra))
    assert headers(zimbra) == [THEIRS, "Strict-Transport-Security: max-age=300"]


def test_a_header_of_the_operators_own_stays_where_no_setting_asks_for_one(zimbra: Zimbra) -> None:
    """What was added by hand as the predecessor's page says is no matter of zflow's without ZFLOW_HSTS."""
    serve(context_of(zimbra))
    zimbra.attributes[hsts.ATTRIBUTE] = by_hand = [THEIRS, "Strict-Transport-Security: max-age=31536000"]
    step(context_of(zimbra))
    assert headers(zimbra) == by_hand


def test_a_cut_off_writing_is_taken_up(zimbra: Zimbra) -> None:
    """Killed at any point, the header is either not there or on record, and so can be removed."""
    serve(at(zimbra))
    for number in range(1, 40):
        zimbra.points, zimbra.crash_at = 0, number
        try:
            step(at(zimbra))
            break
        except Crash:
            zimbra.crash_at = None
            step(context_of(zimbra))
            assert headers(zimbra) == [THEIRS]
    assert number > 5
