"""Proxies, caches and passwords of mirrors: what apt reads from the files, and who can read the passwords."""

from __future__ import annotations

import shutil
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from states.bootstrap import mmdebstrap
from states.bootstrap.settings import SETTINGS
from states.ubuntu import proxy
from states.ubuntu.suites import SUITES
from tests.support import make_context
from zflow.api import Context, ZflowError

NEEDS_APT = pytest.mark.skipif(shutil.which("apt-config") is None, reason="there is no apt here to ask")
PASSWORD = "s3cr%40t%23word"
BASIC = "Basic " + b64encode(b"me:s3cr@t#word").decode()
PLAIN, SECRET = "http://proxy.example.org:3128", f"http://me:{PASSWORD}@proxy.example.org:3128"
CACHE = "http://cache.example.org:3142"


def context(volume: Path, **named: str) -> Context:
    (volume / "etc/apt/apt.conf.d").mkdir(parents=True, exist_ok=True)
    return make_context(volume, SETTINGS, {f"ZFLOW_{name.upper()}": value for name, value in named.items()})


@NEEDS_APT
@pytest.mark.parametrize(
    ("named", "http", "https"),
    [
        ({"proxy": PLAIN}, PLAIN, PLAIN),
        ({"proxy": SECRET}, SECRET, SECRET),
        ({"apt_proxy": CACHE}, CACHE, "DIRECT"),
        ({"apt_proxy": CACHE, "proxy": PLAIN}, CACHE, PLAIN),
    ],
)
def test_proxies_in_apts_own_eyes(tmp_path: Path, named: dict[str, str], http: str, https: str) -> None:
    """A cache is for http alone: https would be asked of it too, were nothing said of that."""
    ctx = context(tmp_path, **named)
    assert not proxy.in_place(ctx)
    proxy.place(ctx)
    assert proxy.in_place(ctx)
    argv = ["apt-config", "--config-file", str(tmp_path / proxy.CONFIG), "dump"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert f'Acquire::http::Proxy "{http}";' in told
    assert f'Acquire::https::Proxy "{https}";' in told


def test_a_password_is_roots_alone_and_goes_with_the_setting(tmp_path: Path) -> None:
    """The file's mode is part of what is looked at; without a proxy there is no file."""
    path = tmp_path / proxy.CONFIG
    for named, mode in (({"proxy": PLAIN}, 0o644), ({"proxy": SECRET}, 0o600)):
        ctx = context(tmp_path, **named)
        proxy.place(ctx)
        assert path.stat().st_mode & 0o777 == mode
    path.chmod(0o644)
    assert not proxy.in_place(ctx)
    without = context(tmp_path)
    assert not proxy.in_place(without)
    proxy.place(without)
    assert proxy.in_place(without)
    assert not path.exists()


@contextmanager
def listening() -> Iterator[tuple[int, list[dict[str, str]], list[str]]]:
    """Serve nothing, and note each request's credentials, and the commands that run meanwhile with the password."""
    heard: list[dict[str, str]] = []
    told: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append({name: self.headers.get(name, "") for name in ("Authorization", "Proxy-Authorization")})
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes()
                except OSError:
                    continue
                told.extend(word for word in (PASSWORD, "s3cr@t") if word.encode() in words)
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port, heard, told
        server.shutdown()
        thread.join()


@pytest.mark.root
@pytest.mark.parametrize("kind", ["mirror", "proxy"])
def test_a_build_with_a_password(tmp_path: Path, kind: str) -> None:
    """mmdebstrap's apt sends it to whom it is for; no command has it among its arguments, and no file stays behind."""
    (tmp_path / "keys.gpg").write_bytes(b"k")
    with listening() as (port, heard, told):
        url = f"http://me:{PASSWORD}@127.0.0.1:{port}"
        named = {"mirror": f"{url}/ubuntu"} if kind == "mirror" else {"proxy": url, "mirror": "http://example.org/u"}
        ctx = context(tmp_path, keyring=str(tmp_path / "keys.gpg"), **named)
        with pytest.raises(ZflowError) as caught:
            mmdebstrap.build(ctx, SUITES["18.04"])
    header = "Authorization" if kind == "mirror" else "Proxy-Authorization"
    assert {each[header] for each in heard} == {BASIC}
    assert told == []
    assert PASSWORD not in caught.value.detail
    assert [path for path in ctx.stage.iterdir() if path.is_file()] == []
    passwords = tmp_path / ".zflow/stage/rootfs" / proxy.AUTH
    assert (kind == "mirror") == passwords.exists()
    if passwords.exists():
        assert passwords.stat().st_mode & 0o777 == 0o600


def test_a_mirrors_password_that_apt_cannot_be_told(tmp_path: Path) -> None:
    """apt's file of passwords has no quotes; the mirror's name without the password is what is written elsewhere."""
    with pytest.raises(ZflowError, match="the password has a blank"):
        context(tmp_path, mirror="http://me:a%20b@mirror.example.org/ubuntu")
    ctx = context(tmp_path, mirror="http://me:p%25w@mirror.example.org:8080/ubuntu")
    assert proxy.auth(ctx).splitlines() == [
        f"machine {scheme}mirror.example.org:8080/ubuntu login me password p%w" for scheme in ("http://", "")
    ]
    assert proxy.plain("http://me:p%25w@mirror.example.org:8080/ubuntu") == "http://mirror.example.org:8080/ubuntu"
    assert proxy.auth(context(tmp_path)) == ""
