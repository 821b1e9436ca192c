"""Damaged certificate files: whole again before services start on them, whichever pair was served."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from states.product import PRODUCT
from states.tls import exchange, mend
from states.tls.settings import SETTINGS
from states.zimbra import files as server
from states.zimbra.settings import SETTINGS as INSTALL
from tests.engine.toy import Bench
from tests.states.tls.authority import HOST, NOW, Issued, ec_key, inter, issue
from tests.states.tls.zimbra import READERS, SELF, Zimbra, der, lay, make_host, walk
from zflow.secret import Redactor
from zflow.settings import load
from zflow.step import Product, State
from zflow.walk.surroundings import Surroundings

ROOT = Path(__file__).parents[3]
PAIR, OTHER = (issue(name, inter(), key=ec_key(name)) for name in ("pair", "other"))
TLS = next(state for state in PRODUCT.states if state.name == "tls")
WALKED = Product("zimbra", (State("install", "Install", (mend.STEP,)), TLS))
DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_text(""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "another pair's": lambda path: path.write_bytes(OTHER.pem if path.suffix == ".crt" else OTHER.key_pem),
    "a link": lambda path: path.with_name("link").rename(path),
}
ALL = tuple(f"{name}.{kind}" for name in exchange.SERVERS for kind in ("crt", "key"))


class TlsBench(Bench):
    """Walks over the Zimbra of files with the real engine."""

    def __init__(self, zimbra: Zimbra) -> None:
        super().__init__(zimbra.volume)
        self.zimbra = zimbra
        zimbra.for_step = lambda *_: zimbra  # type: ignore[method-assign]

    def surroundings(self) -> Surroundings:
        """Return surroundings in which the vendor's commands are answered by the files."""
        table = {each.name: each for each in (*PRODUCT.settings, *INSTALL, *SETTINGS)}
        chosen = load(table.values(), {"ZFLOW_HOSTNAME": HOST}, self.volume)
        return Surroundings(self.volume, chosen, self.boot, self.zimbra, Redactor(), self.say, self.clock)


def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issued: Issued | None) -> TlsBench:
    """Return a bench over a server that serves the operator's pair, or its self-signed one."""
    ctx, zimbra = make_host(tmp_path, monkeypatch)
    if issued is not None:
        lay(ctx, {"zimbra.key": issued.key_pem, "zimbra.crt": issued.pem + inter().pem})
    walk(ctx)
    return TlsBench(zimbra)


def served(zimbra: Zimbra) -> set[bytes]:
    """Return the certificates that the servers, all started again, serve."""
    zimbra.loaded.clear()
    assert zimbra.start()
    return {zimbra.loaded[name][0] for name in READERS}


@pytest.mark.parametrize("files", [("nginx.crt",), ("smtpd.crt", "slapd.key"), ALL])
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("issued", [None, PAIR], ids=["self-signed", "supplied"])
def test_damaged_files_are_whole_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issued: Issued | None, damage: str, files: tuple[str, ...]
) -> None:
    """Whatever became of the servers' files, all start on the pair that was served before; what is whole is left."""
    bench = serve(tmp_path, monkeypatch, issued)
    ctx = bench.surroundings().look()
    assert mend.probe(ctx) is not None
    for name in files:
        (tmp_path / "opt/zimbra/conf/link").symlink_to("/dev/zero")
        DAMAGES[damage](tmp_path / "opt/zimbra/conf" / name)
        (tmp_path / "opt/zimbra/conf/link").unlink(missing_ok=True)
    if damage == "another pair's" and files == ALL:  # a pair that fits: services start on it, `tls.deployed` checks it
        assert mend.probe(ctx) is not None
        return
    assert mend.probe(ctx) is None
    mend.apply(ctx)
    assert mend.probe(ctx) is not None
    assert served(bench.zimbra) == {der((issued or SELF).pem)}


def test_a_proven_pair_that_this_openssl_does_not_take_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers have an OpenSSL of their own: what its handshakes proved does not keep them from being started."""
    bench = serve(tmp_path, monkeypatch, PAIR)
    monkeypatch.setattr(mend, "loads", lambda *_: False)
    ctx = bench.surroundings().look()
    assert mend.probe(ctx) is not None
    DAMAGES["cut off"](tmp_path / "opt/zimbra/conf/nginx.crt")
    assert mend.probe(ctx) is None
    mend.apply(ctx)
    assert mend.probe(ctx) is not None


@pytest.mark.parametrize("issued", [None, PAIR], ids=["self-signed", "supplied"])
def test_a_walk_over_a_damaged_certificate_ends_with_all_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issued: Issued | None
) -> None:
    """Nothing that only watches the certificate stops the walk before its repair; the history names the repair."""
    bench = serve(tmp_path, monkeypatch, issued)
    assert bench.walk(WALKED) == "serving"
    DAMAGES["cut off"](tmp_path / "opt/zimbra/conf/nginx.crt")
    bench.boot = "boot-2"
    assert bench.walk(WALKED) == "serving"
    assert bench.kinds("tls.mend")[-2:] == ["started", "done"]
    assert not [row for row in bench.events() if row["kind"] in {"failed", "blocked", "gave-up"}]
    assert served(bench.zimbra) == {der((issued or SELF).pem)}


def test_a_certificate_damaged_after_the_start_is_deployed_and_then_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the repair before the start the one of the state itself comes first as well."""
    bench = serve(tmp_path, monkeypatch, PAIR)
    alone = Product("zimbra", (TLS,))
    assert bench.walk(alone) == "serving"
    (tmp_path / "opt/zimbra/conf/nginx.crt").unlink()
    assert bench.walk(alone) == "serving"
    assert bench.kinds("tls.deployed")[-3:] == ["lost", "started", "done"]
    assert not [row for row in bench.events("tls.lifetime") if row["kind"] in {"failed", "blocked", "gave-up"}]


def test_a_self_signed_pair_that_is_gone_everywhere_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not even the vendor's own folder has a whole pair, its tool is told to make another."""
    bench = serve(tmp_path, monkeypatch, None)
    for place in (tmp_path / "opt/zimbra/conf", tmp_path / "opt/zimbra/ssl/zimbra/server"):
        for path in place.glob("*.crt"):
            path.write_text("noise")
    again = issue("another self-signed")
    made = {f"{server.SSL}/server/server.crt": again.pem, f"{server.SSL}/server/server.key": again.key_pem}
    bench.zimbra.created = {path: content.decode() for path, content in made.items()}
    ctx = bench.surroundings().look()
    mend.apply(ctx)
    assert mend.probe(ctx) is not None
    assert served(bench.zimbra) == {der(again.pem)}


def test_the_repair_stands_before_what_needs_it() -> None:
    """The files are repaired before services start; their end is told before what a refused pair stops."""
    names = [each.name for each in PRODUCT.steps]
    assert names.index("tls.mend") < names.index("install.services") < names.index("tls.lifetime")
    assert names.index("tls.lifetime") < names.index("tls.pair") < names.index("tls.deployed") < names.index("tls.hsts")


def answer(asked: str) -> str:
    """Return what a program prints, run in a process that can be ended: OpenSSL does not let itself be stopped."""
    argv = [sys.executable, "-c", asked]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout


def test_an_encrypted_key_is_refused_before_its_rounds() -> None:
    """User zimbra writes the key's file: its thousand million rounds of key derivation are not begun."""
    asked = (
        "import base64\n"
        "from states.tls import mend\n"
        "from tests.states.tls.authority import issue\n"
        "from tests.states.tls.bombs import encrypted_key\n"
        "label, body = 'ENCRYPTED PRIVATE KEY', base64.encodebytes(encrypted_key()).decode()\n"
        "key = f'-----BEGIN {label}-----\\n{body}-----END {label}-----\\n'\n"
        "print(mend.loads(issue('served').pem.decode(), key))\n"
    )
    assert answer(asked) == "False\n"


def test_beginnings_without_an_end_are_each_passed_once() -> None:
    """As many as fit into a file of user zimbra's are no certificate, and no search of hours."""
    asked = "from states.tls import exchange\nprint(exchange.certificates('-----BEGIN CERTIFICATE-----\\n' * 100_000))"
    assert answer(asked) == "[]\n"


def test_the_end_is_told_while_a_supplied_pair_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stops the deploying does not silence the warning; a new pair's end is told by the walk that serves it."""
    bench = serve(tmp_path, monkeypatch, PAIR)
    bench.now = NOW.timestamp()
    assert bench.walk(WALKED) == "serving"
    lay(bench.surroundings().look(), {"zimbra.key": OTHER.key_pem, "zimbra.crt": PAIR.pem})
    bench.now = (NOW + timedelta(days=70)).timestamp()
    assert bench.walk(WALKED) == "blocked"
    assert "renew it now" in bench.status("tls.lifetime")["evidence"]
    renewed = issue("renewed", inter(), begin=NOW + timedelta(days=60))
    lay(bench.surroundings().look(), {"zimbra.key": renewed.key_pem, "zimbra.crt": renewed.pem + inter().pem})
    assert bench.walk(WALKED) == "serving"
    assert bench.status("tls.lifetime")["evidence"] == "until 2026-10-29"


def test_ports_are_the_operators_where_no_pair_is_supplied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail store with a certificate of its own is left alone: nothing is restarted, and nothing is told as done."""
    bench = serve(tmp_path, monkeypatch, None)
    assert bench.walk(WALKED, deep=True) == "serving"
    bench.zimbra.loaded["mailboxd"] = (der(OTHER.pem),)
    bench.zimbra.commands.clear()
    before = bench.kinds("tls.deployed")
    assert bench.walk(WALKED, deep=True) == "serving"
    assert (bench.kinds("tls.deployed"), bench.zimbra.commands) == (before, [])


@pytest.mark.parametrize("reader", ["nginx", "mailboxd"])
def test_a_thorough_look_shakes_hands_with_every_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    """A server that serves something else than the supplied pair is named with its ports, and reads it again."""
    bench = serve(tmp_path, monkeypatch, PAIR)
    assert bench.walk(WALKED, deep=True) == "serving"
    before = bench.kinds("tls.deployed")
    assert bench.walk(WALKED, deep=True) == "serving"
    assert bench.kinds("tls.deployed") == before
    bench.zimbra.loaded[reader] = (der(OTHER.pem),)
    assert bench.walk(WALKED) == "serving"
    assert bench.walk(WALKED, deep=True) == "serving"
    lost, _, done = bench.events("tls.deployed")[-3:]
    ports = ", ".join(map(str, sorted(READERS[reader])))
    assert lost["detail"] == f"another certificate than the installed one is served on {ports}"
    assert done["kind"] == "done"
    assert {bench.zimbra.loaded[name][0] for name in READERS} == {der(PAIR.pem)}
