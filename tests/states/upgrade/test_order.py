"""The order itself: what is ordered, what is refused, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from states.product import PRODUCT
from states.upgrade import backup, codes, request
from states.zimbra import order, unpack
from states.zimbra.order import Order
from states.zimbra.releases import Archive
from tests.states.install.records import session, write_history
from tests.states.install.shells import commands
from tests.states.upgrade.servers import (
    ARCHIVE,
    NEW,
    OLD,
    ORDER,
    STAGES,
    UNDER_WAY,
    server,
    unpacked,
    upgraded,
)
from zflow.api import Code, OperatorError, Step

STEPS = [step for step in PRODUCT.steps if step.name.startswith("upgrade.")]


@pytest.mark.parametrize("step", STEPS, ids=[each.name for each in STEPS])
def test_without_an_order_nothing_is_due_or_run(tmp_path: Path, step: Step) -> None:
    """Every step of an upgrade holds by a look at one absent file; no setting of a release orders anything."""
    ctx = server(tmp_path, ZFLOW_RELEASE="10.1")
    assert step.probe(ctx) is not None
    assert step.inputs is not None
    assert step.inputs(ctx) == ""
    assert commands(ctx) == []


@pytest.mark.parametrize("given", [ORDER, UNDER_WAY], ids=["ordered", "under way"])
def test_an_order_is_read_back_as_it_was_given(tmp_path: Path, given: Order) -> None:
    """The file holds all of it, for root's eyes, and is under way by what was written down before."""
    ctx = server(tmp_path)
    order.give(ctx, given)
    assert order.ordered(ctx) == given
    assert order.under_way(ctx) == (given if given.before else None)
    assert order.path(ctx).stat().st_mode & 0o777 == 0o600


def test_keys_change_with_an_order_and_stay_when_it_is_carried_out(tmp_path: Path) -> None:
    """An order makes its steps due once; those that carry it out only when all was prepared."""
    ctx = server(tmp_path)
    order.give(ctx, ORDER)
    assert (order.key(ctx) != "", order.key_under_way(ctx)) == (True, "")
    order.give(ctx, UNDER_WAY)
    key = order.key(ctx)
    assert order.key_under_way(ctx) == key
    order.fulfil(ctx)
    assert order.ordered(ctx) is None
    assert (order.key(ctx), order.key_under_way(ctx)) == (key, key)


def test_a_withdrawn_order_leaves_nothing(tmp_path: Path) -> None:
    """Withdrawn, an order is as if it had never been given: neither its release nor the passwords' copy is left."""
    ctx = server(tmp_path)
    order.give(ctx, UNDER_WAY)
    unpacked(ctx)
    backup.save(ctx)
    assert request.withdraw(ctx) == UNDER_WAY
    assert (order.ordered(ctx), order.key(ctx)) == (None, "")
    assert not (tmp_path / unpack.PLACE).exists()
    assert not list(ctx.home.glob("*localconfig*"))


def refused(volume: Path, release: str, named: Archive | None) -> tuple[Code, str]:
    """Return why an order is refused."""
    with pytest.raises(OperatorError) as caught:
        request.order(server(volume), release, named)
    return caught.value.code, caught.value.detail


def test_what_is_known_here_needs_no_url(tmp_path: Path) -> None:
    """A row of the table with an archive for this Ubuntu is enough; the installed version is written down."""
    made = request.order(server(tmp_path), "8.8.15", None)
    assert made.archive.place.startswith("https://files.zimbra.com/")
    assert (made.installed, made.under_way) == (OLD, False)


def test_a_release_without_an_archive_is_refused_with_the_ubuntu(tmp_path: Path) -> None:
    """What the table does not know must be named."""
    assert refused(tmp_path, "9.0", None) == (codes.UNNAMED, "Zimbra 9.0 for Ubuntu 18.04")


def test_another_ubuntus_archive_is_refused_by_its_name(tmp_path: Path) -> None:
    """An archive that tells another platform is not even fetched."""
    other = Archive("https://x.example/zcs-9.0.0_GA_1.UBUNTU20_64.2025.tgz", "b" * 64)
    code, detail = refused(tmp_path, "9.0", other)
    assert code is codes.UNNAMED
    assert "UBUNTU20_64; the volume has UBUNTU18_64" in detail


def test_an_older_release_is_refused(tmp_path: Path) -> None:
    """A line below the installed one is never ordered."""
    ctx = server(tmp_path)
    status = tmp_path / "var/lib/dpkg/status"
    status.write_text(status.read_text().replace(OLD, NEW))
    with pytest.raises(OperatorError) as caught:
        request.order(ctx, "8.8.15", ARCHIVE)
    assert (caught.value.code, caught.value.detail) == (codes.NOT_NEWER, f"8.8.15 was ordered, {NEW} is installed")


def test_without_a_proven_server_nothing_is_upgraded(tmp_path: Path) -> None:
    """A volume whose server was not proven takes no order."""
    ctx = server(tmp_path)
    write_history(tmp_path, session(500, stages=STAGES))
    with pytest.raises(OperatorError) as caught:
        request.order(ctx, "9.0", ARCHIVE)
    assert caught.value.code is codes.NO_SERVER


@pytest.mark.parametrize("begun", [False, True])
def test_an_order_can_be_replaced_until_the_installer_has_begun(tmp_path: Path, begun: bool) -> None:
    """Prepared is not begun: only the installer's own first line makes it so, and then both ways are closed."""
    ctx = server(tmp_path)
    order.give(ctx, UNDER_WAY)
    if not begun:
        assert request.order(ctx, "9.0", ARCHIVE) == ORDER
        return
    upgraded(tmp_path, complete=False)
    with pytest.raises(OperatorError) as caught:
        request.order(ctx, "9.0", ARCHIVE)
    assert (caught.value.code, caught.value.detail) == (codes.UNDER_WAY, f"{OLD} to {NEW}")
