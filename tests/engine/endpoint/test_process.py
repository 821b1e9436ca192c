"""The endpoint's process: begins, refuses and ends as the setting says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.where import LIMIT, ROOT, wait_for
from zflow.endpoint.keeper import OFF
from zflow.endpoint.server import AGAIN

SERVE = "import os, sys, pathlib; from zflow.endpoint import server; server.LOOK = 0.02; " + (
    "sys.exit(server.serve(pathlib.Path(sys.argv[1]), os.environ))"
)


@contextmanager
def process(volume: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Start it over a volume; it is gone afterwards."""
    argv = [sys.executable, "-c", SERVE, str(volume)]
    environment = os.environ | settings
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as started:
        yield started
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
            assert f"nothing can listen at 127.0.0.1:{taken}: Address already in use" in said
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
            settings.write_text("http = rubbish\n")
            with pytest.raises(subprocess.TimeoutExpired):
                one.wait(0.2)
            client.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.0 503")
        settings.write_text('http = "off"\n')
        assert wait_for(lambda: one.poll() is not None, "the end")
        assert one.returncode == AGAIN
