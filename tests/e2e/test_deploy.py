"""The container as `deploy/` runs it: exactly the listed rights, a read-only root, one volume for one container."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from rehearsal.engine import IMAGE, RUNTIME, podman
from rehearsal.machine import Machine
from tests.deploy.test_manifests import compose
from tests.e2e.conftest import MakeMachine
from tests.e2e.looks import address, eventually, keep_still, newest, reached

pytestmark = [pytest.mark.container, pytest.mark.network]

RIGHTS = compose()["services"]["zimbra"]["cap_add"]
SET_GROUP_ID = {"usr/sbin/postdrop", "usr/sbin/postqueue", "usr/bin/crontab"}
"""Programs that lose their bit without a word where FSETID is missing."""
PORT = 9119


def rights(*names: str) -> tuple[str, ...]:
    """Return podman's options for these capabilities and no others, over a root that cannot be written."""
    return ("--cap-drop", "ALL", *(word for name in names for word in ("--cap-add", name)), "--read-only")


@pytest.fixture
def deployed(make_machine: MakeMachine, tmp_path: Path) -> Machine:
    """A container with the listed rights, under a pod's name, with the endpoint open to the outside; not started."""
    (tmp_path / "admin-password").write_text("from-a-secrets-file\n")
    found = make_machine(
        {
            "ZFLOW_HOSTNAME": "mail.example.test",
            "ZFLOW_ADMIN_PASSWORD_FILE": "/run/secrets/admin-password",
            "ZFLOW_HTTP": f"0.0.0.0:{PORT}",
            "ZFLOW_FIREWALL_EXTRA_TCP": str(PORT),
            "ZFLOW_FIREWALL_EARLY_TCP": str(PORT),
        }
    )
    found.remove()
    found.mounts = (*found.mounts, f"{tmp_path}:/run/secrets:ro")
    found.hostname, found.capabilities, found.options = "zimbra-0", (), (*found.options, *rights(*RIGHTS))
    found.create()
    return found


def health(one: Machine, question: str) -> int:
    """Return the exit code of a probe."""
    return one.run("zflow", "health", question).returncode


def probed(one: Machine, path: str) -> bool:
    """Tell whether the endpoint, asked from outside, says yes."""
    connection = http.client.HTTPConnection(address(one), PORT, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def test_the_listed_rights_are_enough_and_a_second_container_harms_nothing(
    deployed: Machine, record_property: Callable[[str, object], None]
) -> None:
    """From an empty volume to serving and to a clean stop, seen from outside; another start meanwhile is refused."""
    deployed.start()
    assert eventually(lambda: probed(deployed, "/startupz"))
    assert not probed(deployed, "/readyz")
    assert [health(deployed, question) for question in ("startup", "live", "ready")] == [0, 0, 1]
    deployed.must_serve(600)
    assert deployed.run("touch", "/written").returncode != 0
    granted = deployed.run("sh", "-c", "grep CapEff /proc/1/status").stdout.split()[1]
    assert int(granted, 16).bit_count() == len(RIGHTS)
    assert health(deployed, "ready") == 0
    assert [path for path in ("/", "/livez", "/readyz", "/metrics") if not probed(deployed, path)] == []
    assert deployed.run("chroot", "/data", "hostname", "--fqdn").stdout == "mail.example.test\n"
    found = deployed.run("find", "/data/usr", "-xdev", "-perm", "-2000", "-printf", "usr/%P\n").stdout.split()
    assert set(found) >= SET_GROUP_ID
    second_start(deployed)
    began = time.monotonic()
    deployed.stop()
    record_property("seconds to stop", round(time.monotonic() - began, 1))
    assert deployed.exit_code() == 0
    assert "the services were stopped" in last_words(deployed)


def second_start(first: Machine) -> None:
    """Start another container over the volume: it ends with 4, and the first one's services and journal go on."""
    keep_still(first)
    before, pids = newest(first), first.run("sh", "-c", "cat /data/opt/zimbra/log/*.pid").stdout
    options = (
        *RUNTIME,
        *rights(*RIGHTS),
        "--hostname",
        first.hostname,
        "--volume",
        f"{first.name}:/data:dev,suid,exec",
    )
    second = podman("run", "--rm", *options, IMAGE, check=False, timeout=60)
    assert second.returncode == 4
    assert "ZF-1005" in second.stdout
    assert "of another container" in second.stdout
    assert "stopping the services" not in second.stdout
    assert newest(first) == before
    assert first.run("sh", "-c", "cat /data/opt/zimbra/log/*.pid").stdout == pids
    assert health(first, "ready") == 0
    assert reached(address(first), 993)
    assert first.run("zflow", "resume", timeout=300).returncode == 0


def last_words(stopped: Machine) -> str:
    """Return the newest lines of a stopped container's history, as another container reads them."""
    volume = f"{stopped.name}:/data"
    return podman("run", "--rm", *RUNTIME, "--volume", volume, IMAGE, "history", "--last", "3").stdout
