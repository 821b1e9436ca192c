"""Runs `zflow`'s commands in this process over a volume with the toy product."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.toy import Bench, file_step, product
from zflow.commands import product as product_module
from zflow.commands.group import main
from zflow.host.boot import boot_identity

TOY = product(file_step("one.a"), file_step("one.b", once=True), file_step("two.a"))
Capture = pytest.CaptureFixture[str]


@pytest.fixture(name="bench")
def operated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A volume that the commands speak of, and the toy product in place of the image's."""
    monkeypatch.setenv("ZFLOW_VOLUME", str(tmp_path))
    monkeypatch.setattr(product_module, "product", lambda: TOY)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    yield Bench(tmp_path, boot_identity())
    for number, handler in before.items():
        signal.signal(number, handler)


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code and output."""
    code = main(arguments)
    shown = capsys.readouterr()
    return code, shown.out, shown.err
