"""One certificate for another: killed anywhere, refused by a service, rolled back; what is served always fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from states.tls import codes, deployed, exchange, handshake, mend, pair
from states.zimbra import files, marks
from tests.states.tls.authority import Issued, ec_key, inter, issue
from tests.states.tls.zimbra import READERS, SELF, Crash, Zimbra, der, lay, make_host, walk
from zflow.api import CommandError, Context, OperatorError, TransientError

pytestmark = pytest.mark.slow

OLD, NEW, THIRD = (issue(name, inter(), key=ec_key(name)) for name in ("old", "new", "third"))
Host = tuple[Context, Zimbra]


def supply(ctx: Context, issued: Issued) -> None:
    """Supply a pair."""
    lay(ctx, {"zimbra.key": issued.key_pem, "zimbra.crt": issued.pem + inter().pem})


def serves(zimbra: Zimbra, issued: Issued) -> bool:
    """Tell whether every server serves this certificate."""
    return {zimbra.loaded[name][0] for name in READERS} == {der(issued.pem)}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return a server that serves the old pair, and can also be killed before and after our own files are written."""
    ctx, zimbra = make_host(tmp_path, monkeypatch)
    supply(ctx, OLD)
    walk(ctx)
    for module in (exchange, marks):
        monkeypatch.setattr(module, "write_atomic", around(zimbra, module.write_atomic))
    zimbra.commands.clear()
    return ctx, zimbra


def around(zimbra: Zimbra, write: Callable[..., None]) -> Callable[..., None]:
    """Make writing a point to be killed at, before and after."""

    def written(*arguments: Any, **options: Any) -> None:
        zimbra.point()
        write(*arguments, **options)
        zimbra.point()

    return written


def killed_at_each_point(host: Host, prepare: Callable[[], None], after: Callable[[int], None]) -> int:
    """Kill a walk at its first point, then at its second, and so on; return how many there were."""
    ctx, zimbra = host
    for number in range(1, 1000):
        prepare()
        zimbra.points, zimbra.crash_at = 0, number
        try:
            walk(ctx)
        except Crash:
            zimbra.crash_at = None
            after(number)
        except OperatorError:
            break
        else:
            break
    zimbra.crash_at = None
    return number - 1


def back_to_old(host: Host) -> None:
    """Serve the old pair, whatever came before, and supply the new one."""
    ctx, _ = host
    supply(ctx, OLD)
    walk(ctx)
    supply(ctx, NEW)


def test_killed_and_walked_again(host: Host) -> None:
    """Killed at any point of a deploy, the next walk ends with the new pair everywhere."""
    ctx, zimbra = host

    def again(_: int) -> None:
        walk(ctx)
        assert serves(zimbra, NEW)

    assert killed_at_each_point(host, lambda: back_to_old(host), again) > 40


def test_killed_and_started_again(host: Host) -> None:
    """After a kill with a power cut, services start on one whole pair, which is the old one until the new is proven."""
    ctx, zimbra = host

    def restart(_: int) -> None:
        zimbra.loaded.clear()
        if mend.probe(ctx) is None:
            mend.apply(ctx)
            assert mend.probe(ctx) is not None
        assert zimbra.start()
        assert serves(zimbra, OLD) or serves(zimbra, NEW)
        walk(ctx)
        assert serves(zimbra, NEW)

    assert killed_at_each_point(host, lambda: back_to_old(host), restart) > 40


def test_killed_and_withdrawn(host: Host) -> None:
    """When the new pair is gone after a kill, the next walk ends with the old one everywhere."""
    ctx, zimbra = host

    def withdraw(_: int) -> None:
        lay(ctx, {})
        walk(ctx)
        assert serves(zimbra, OLD) or serves(zimbra, NEW)
        assert not exchange.previous_file(ctx).exists()

    assert killed_at_each_point(host, lambda: back_to_old(host), withdraw) > 40


@pytest.mark.parametrize("deaf", ["nginx", "smtpd", "mailboxd"])
def test_killed_while_rolled_back(host: Host, deaf: str) -> None:
    """A pair that one service does not take is rolled back; killed at any point of that, the old one is served."""
    ctx, zimbra = host

    def prepare() -> None:
        zimbra.deaf.clear()
        deployed.forgive(ctx)
        back_to_old(host)
        zimbra.deaf.add(deaf)

    def again(_: int) -> None:
        with pytest.raises(OperatorError) as caught:
            walk(ctx)
        assert caught.value.code is codes.ROLLED_BACK
        assert serves(zimbra, OLD)

    assert killed_at_each_point(host, prepare, again) > 60
    assert serves(zimbra, OLD)


def test_a_bad_pair_is_tried_once(host: Host) -> None:
    """What was rolled back costs no command and no restart any more, until it changes or the operator says so."""
    ctx, zimbra = host
    zimbra.deaf.add("smtpd")
    supply(ctx, NEW)
    for times in range(3):
        with pytest.raises(OperatorError) as caught:
            walk(ctx)
        assert caught.value.code is codes.ROLLED_BACK
        assert serves(zimbra, OLD)
        assert not times or zimbra.commands == []
        zimbra.commands.clear()
    zimbra.deaf.clear()
    supply(ctx, THIRD)
    walk(ctx)
    assert serves(zimbra, THIRD)
    supply(ctx, NEW)
    walk(ctx)
    assert serves(zimbra, NEW)


def test_forgiven_pair_is_tried_again(host: Host) -> None:
    """On the operator's word the same pair is deployed again."""
    ctx, zimbra = host
    zimbra.deaf.add("nginx")
    supply(ctx, NEW)
    with pytest.raises(OperatorError):
        walk(ctx)
    zimbra.deaf.clear()
    deployed.forgive(ctx)
    walk(ctx)
    assert serves(zimbra, NEW)


def test_only_what_is_concerned_is_restarted(host: Host) -> None:
    """A renewal reloads proxy and MTA, restarts mail store and directory once; an unchanged boot does nothing."""
    ctx, zimbra = host
    supply(ctx, NEW)
    walk(ctx)
    served = [command for command in zimbra.commands if command.split()[0] not in {"sh", "rm", "cat", "zmcertmgr"}]
    assert served == ["zmmtactl reload", "zmproxyctl reload", "zmmailboxdctl restart", "ldap restart"]
    zimbra.commands.clear()
    walk(ctx)
    assert zimbra.commands == []


def test_a_pair_the_front_refuses_costs_no_restart(host: Host) -> None:
    """When proxy or MTA do not serve the pair, the mail store is left alone, there and back."""
    ctx, zimbra = host
    zimbra.deaf.add("nginx")
    supply(ctx, NEW)
    with pytest.raises(OperatorError):
        walk(ctx)
    assert not any("restart" in command for command in zimbra.commands)


def test_a_failing_tool_is_transient(host: Host) -> None:
    """When the vendor's tool fails, the old pair is served on, and it is tried again."""
    ctx, zimbra = host
    supply(ctx, NEW)
    pair.apply(ctx)
    zimbra.broken.add("deploycrt")
    with pytest.raises((TransientError, CommandError)):
        deployed.apply(ctx)
    assert serves(zimbra, OLD)
    zimbra.broken.clear()
    walk(ctx)
    assert serves(zimbra, NEW)


def test_back_to_self_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pair that fails is followed by the installer's certificate again."""
    ctx, zimbra = make_host(tmp_path, monkeypatch)
    assert serves(zimbra, SELF)
    zimbra.deaf.add("mailboxd")
    supply(ctx, NEW)
    with pytest.raises(OperatorError):
        walk(ctx)
    assert serves(zimbra, SELF)


def test_back_to_self_signed_beside_an_old_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an earlier pair lies in the vendor's folder but the self-signed one is served, that one comes back, without
    the other's chain."""
    ctx, zimbra = make_host(tmp_path, monkeypatch)
    for name, content in (("commercial.crt", OLD.pem + inter().pem), ("commercial_ca.crt", inter().pem)):
        zimbra.write(f"{files.SSL}/commercial/{name}", content.decode())
    before = dict(zimbra.loaded)
    zimbra.deaf.add("mailboxd")
    supply(ctx, NEW)
    with pytest.raises(OperatorError):
        walk(ctx)
    assert zimbra.loaded == before


def test_nothing_answers(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a port to prove a pair on, nothing is touched."""
    ctx, zimbra = host
    supply(ctx, NEW)
    pair.apply(ctx)
    zimbra.loaded.clear()
    zimbra.commands.clear()
    with pytest.raises(TransientError) as caught:
        deployed.apply(ctx)
    assert caught.value.code is codes.NOT_ANSWERING
    assert zimbra.commands == []


@pytest.mark.parametrize(
    ("found", "good"),
    [("lir", True), ("li", True), ("l", False), ("il", False), ("lr", False), ("", False), ("xir", False)],
)
def test_the_whole_chain_is_wanted(found: str, good: bool) -> None:
    """Leaf first and every intermediate make a proof; the root may be left out, nothing else may."""
    wanted = (b"l", b"i", b"r")
    assert handshake.serves(tuple(each.encode() for each in found), wanted) == good


def test_no_exchange_nothing_to_mend(host: Host) -> None:
    """Without a cut-off exchange the services' start changes nothing."""
    assert mend.probe(host[0]) is not None
