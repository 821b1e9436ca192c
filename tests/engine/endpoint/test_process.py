"""The endpoint's process: begins, refuses and ends as the setting says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.toy import Bench, file_step, product
from tests.engine.where import LIMIT, ROOT, wait_for
from zflow.endpoint import server
from zflow.endpoint.address import Address
from zflow.endpoint.server import AGAIN
from zflow.host.boot import boot_identity
from zflow.step import Product, Scope
from zflow.supervise.endpoint import OFF
from zflow.walk.watchlist import leave_names

SERVE = "import os, sys, pathlib; from zflow.endpoint import server; server.LOOK = server.BLINK = 0.02; " + (
    "sys.exit(server.serve(pathlib.Path(sys.argv[1]), os.environ))"
)


@contextmanager
def process(volume: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Start it over a volume; it is gone afterwards."""
    argv = [sys.executable, "-c", SERVE, str(volume)]
    environment = os.environ | settings
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.fixture
def port() -> int:
    """A port that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@pytest.mark.parametrize("value", ["off", "rubbish"])
def test_where_it_is_off_or_wrong_it_ends_for_good(tmp_path: Path, value: str) -> None:
    """A wrong value is the walk's to tell, with all other mistakes; here nothing is tried again."""
    with process(tmp_path, ZFLOW_HTTP=value) as one:
        assert one.communicate(timeout=LIMIT)[0] == ""
        assert one.returncode == OFF


def test_a_port_that_is_taken_is_named_and_tried_again(tmp_path: Path) -> None:
    """The address and the reason stand in the container's output."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with process(tmp_path, ZFLOW_HTTP=str(taken)) as one:
            said = one.communicate(timeout=LIMIT)[0]
            assert f"cannot listen on 127.0.0.1:{taken}: Address already in use" in said
            assert one.returncode == AGAIN


def test_another_setting_ends_it_and_a_mistake_does_not(tmp_path: Path, port: int) -> None:
    """While it serves it looks at the settings file: rubbish there changes nothing, another value does."""
    settings = tmp_path / "app/settings.toml"
    settings.parent.mkdir()
    settings.write_text(f"http = {port}\n")
    with process(tmp_path) as one:
        assert one.stdout is not None
        assert f"http://127.0.0.1:{port}/" in one.stdout.readline()
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
            # At once: a file that is empty for a moment is another setting, and no mistake.
            (tmp_path / "rubbish").write_text("http = rubbish\n")
            (tmp_path / "rubbish").replace(settings)
            with pytest.raises(subprocess.TimeoutExpired):
                one.wait(0.2)
            client.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.0 503")
        settings.write_text('http = "off"\n')
        assert wait_for(lambda: one.poll() is not None, "the end")
        assert one.returncode == AGAIN


def shielded_product(volume: Path) -> Product:
    """Return a product with a shield, its names left on the volume as the walker leaves them."""
    made = replace(product(file_step("one.shield", scope=Scope.BOOT), file_step("one.b")), shields=("one.shield",))
    (volume / ".zflow").mkdir(mode=0o700, exist_ok=True)
    leave_names(volume, made)
    return made


def test_nobody_outside_is_answered_before_the_shields_of_this_start_are_up(tmp_path: Path, port: int) -> None:
    """Neither before the first walk nor after a restart, when only the start before it had them; then it listens."""
    volume = tmp_path / "volume"
    volume.mkdir()
    with process(volume, ZFLOW_HTTP=f"0.0.0.0:{port}") as one:
        assert one.stdout is not None
        assert "opens once the steps that protect the container are valid" in one.stdout.readline()
        Bench(volume, "an earlier start").walk(shielded_product(volume))
        assert not server.shielded(Address("0.0.0.0", port), volume)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        Bench(volume, boot_identity()).walk(shielded_product(volume))
        assert f"http://0.0.0.0:{port}/" in one.stdout.readline()
        socket.create_connection(("127.0.0.1", port), timeout=LIMIT).close()


def test_what_only_the_container_reaches_needs_no_shield(tmp_path: Path, port: int) -> None:
    """Probes from inside are answered from the first second on, whatever keeps the firewall from being loaded."""
    shielded_product(tmp_path)
    with process(tmp_path, ZFLOW_HTTP=str(port)) as one:
        assert one.stdout is not None
        assert f"http://127.0.0.1:{port}/" in one.stdout.readline()


def test_while_it_waits_for_its_shields_another_setting_ends_it(tmp_path: Path, port: int) -> None:
    """The operator need not wait with it."""
    settings = tmp_path / "app/settings.toml"
    settings.parent.mkdir()
    settings.write_text(f'http = "0.0.0.0:{port}"\n')
    with process(tmp_path) as one:
        assert one.stdout is not None
        assert "opens once" in one.stdout.readline()
        settings.write_text('http = "off"\n')
        assert wait_for(lambda: one.poll() is not None, "the end")
        assert one.returncode == AGAIN
