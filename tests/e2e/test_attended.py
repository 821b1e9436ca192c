"""The vendor's menu on a real terminal, and zflow before and after it."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeMachine
from tests.e2e.looks import events
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.container, pytest.mark.network]

CONTROL_C = "\x03"
DIALOGUE = (
    (r"Address unconfigured .* \[\] $", "7\n"),
    (r"or 'r' for previous menu \[r\] $", "4\n"),
    (r"Password for admin@mail\.example\.test .* \[\] $", "typed-in-the-menu\n"),
    (r"press 'a' to apply config .* \[\] $", "a\n"),
    (r"Save configuration data to a file\? \[Yes\] $", "\n"),
    (r"The system will be modified - continue\? \[No\] $", "yes\n"),
)
"""What the menu shows, and what a person answers."""


def test_the_operator_answers_the_menu_and_zflow_takes_over(make_machine: MakeMachine) -> None:
    """The walk waits for the menu, survives one that was left, and serves what came of the second."""
    found = make_machine({"ZFLOW_INSTALL": "attended", "ZFLOW_ADMIN_PASSWORD": "written-in-the-settings"})
    found.start()
    assert found.wait_valid(900) == 1, found.logs()[-4000:]
    problem = found.status()["problem"]
    assert problem["code"] == "ZF-3030"
    assert "podman exec -it NAME zflow install" in problem["remedy"]
    assert found.run("zflow", "install").returncode == 2
    with Terminal(found, "zflow", "install") as terminal:
        terminal.expect(DIALOGUE[0][0])
        assert found.run("zflow", "walk").returncode == 4
        terminal.type(CONTROL_C)
        terminal.expect("Nothing was configured")
        assert terminal.wait(30) == 1
    with Terminal(found, "zflow", "install") as terminal:
        for prompt, answer in DIALOGUE:
            terminal.expect(prompt)
            terminal.type(answer)
        terminal.expect("zflow continues", 300)
        assert terminal.wait(600) == 0, terminal.shown[-4000:]
    assert found.run("zflow", "install").returncode != 0
    looked = found.run("zflow", "verify").stdout
    assert "the first mail domain is mail.example.test, the settings say example.test" in looked
    assert "ZFLOW_ADMIN_PASSWORD is not the administrator's password" in looked
    assert [row["kind"] for row in events(found) if row["step"] == "install.setup"] == [
        "started", "blocked", "started", "done",
    ]  # fmt: skip
    kept = found.run("sh", "-c", "cat /data/.zflow/*.json /data/.zflow/install.*; zflow history --json; zflow status")
    assert "typed-in-the-menu" not in kept.stdout + found.logs()
