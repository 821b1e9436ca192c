"""The check of forged senders in the vendor's template, edited by structure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standin import HERE as STANDIN
from states.hardening import codes, senders
from states.hardening.senders import BESIDE, CHECK, edited
from tests.states.hardening.server import Server
from zflow.api import Drift, Evidence
from zflow.errors import OperatorError

VENDOR = (STANDIN / "packages/zimbra-mta/root/opt/zimbra/conf/zmconfigd/smtpd_sender_restrictions.cf").read_text()
"""The template as the vendor ships it; the same in 8.8.15, 9.0, 10.0 and 10.1 (docs/zimbra.md §4)."""


@pytest.mark.parametrize(("checks", "before"), [("standard", BESIDE), ("strict", "tag_as_originating.re%%")])
def test_the_check_stands_where_the_form_wants_it(checks: str, before: str) -> None:
    """The standard form checks after the own networks were let in, the strict form before; the other lines stay."""
    lines = edited(VENDOR, checks).splitlines()
    assert lines[lines.index(CHECK) - 1].endswith(before)
    assert [line for line in lines if line != CHECK] == VENDOR.splitlines()


@pytest.mark.parametrize("first", ["standard", "strict", "off"])
@pytest.mark.parametrize("then", ["standard", "strict", "off"])
def test_editing_again_gives_what_editing_once_gives(first: str, then: str) -> None:
    """Whatever was chosen before, the result depends on the present choice alone, and is not changed by repetition."""
    once = edited(VENDOR, then)
    assert edited(edited(VENDOR, first), then) == once
    assert edited(once, then) == once


@pytest.mark.parametrize("found", ["standard", "strict", "off", ""])
@pytest.mark.parametrize("wanted", ["standard", "strict", "off"])
def test_the_drift_names_the_setting_that_leaves_the_template(
    wanted: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edited template stays under the setting that the drift names; none is named where none would leave it."""
    if wanted == found:
        return
    server = Server(tmp_path, monkeypatch)
    template = edited(VENDOR, found) if found else f"{CHECK}\n{VENDOR}"
    (tmp_path / senders.TEMPLATE.lstrip("/")).write_text(template)
    drift = senders.probe(server.context(sender_checks=wanted))
    assert isinstance(drift, Drift)
    assert re.findall(r"ZFLOW_SENDER_CHECKS=(\w+) keeps it as it is", drift.summary) == ([found] if found else [])


def test_off_leaves_the_vendors_template() -> None:
    """Without the check the template is the vendor's, byte by byte."""
    assert edited(edited(VENDOR, "strict"), "off") == VENDOR


def test_a_template_of_another_form_is_refused_by_name() -> None:
    """Without the line of the own networks the check has no line to stand at: a coded error, and no guess."""
    with pytest.raises(OperatorError) as refused:
        edited("permit_sasl_authenticated\n", "standard")
    assert refused.value.code is codes.TEMPLATE


@given(st.lists(st.sampled_from([BESIDE, f"  {BESIDE}  ", CHECK, "permit_tls_clientcerts", ""]), max_size=8))
def test_an_operators_own_lines_keep_their_order(lines: list[str]) -> None:
    """Any template keeps all its other lines in order, and has the check at most once."""
    template = "".join(f"{line}\n" for line in lines)
    if not any(line.strip() == BESIDE for line in lines):
        return
    result = edited(template, "standard").splitlines()
    assert result.count(CHECK) == 1
    assert [line for line in result if line != CHECK] == [line for line in lines if line != CHECK]


@pytest.mark.parametrize("cut", ["render", "as_zimbra"])
def test_written_is_not_told(cut: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed behind the template and before Postfix reloads, the step is made again, for the first time or a later."""
    server = Server(tmp_path, monkeypatch)
    ctx = server.context()
    for _ in range(2):
        server.reset()
        with monkeypatch.context() as patch:
            patch.setattr(senders, cut, killed)
            with pytest.raises(Killed):
                senders.apply(ctx)
        assert CHECK in (tmp_path / senders.TEMPLATE.lstrip("/")).read_text()
        assert senders.probe(ctx) is None
        senders.apply(ctx)
        assert isinstance(senders.probe(ctx), Evidence)


class Killed(BaseException):
    """A kill of the walker."""


def killed(*_words: object, **_options: object) -> None:
    """Stand for it."""
    raise Killed
