"""The system log opens new files after a rotation, without systemd and init scripts."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from states.ubuntu import logs
from tests.states.install.shells import Answering, commands
from tests.support import make_context
from zflow.api import COMMAND, CommandError

DIVERTED = """\
set -e
mount -t tmpfs volume /mnt
mkdir /mnt/top /mnt/work /mnt/volume
mount -t overlay -o lowerdir=/,upperdir=/mnt/top,workdir=/mnt/work overlay /mnt/volume
mount -t tmpfs run /mnt/volume/run
mount -t proc proc /mnt/volume/proc
mkdir -p "/mnt/volume$(dirname "$PLACE")"
echo vendor > "/mnt/volume$PLACE"
for attempt in 1 2; do
    chroot /mnt/volume $COMMAND >/dev/null
    printf %s "$SCRIPT" > "/mnt/volume$PLACE"
    chmod 755 "/mnt/volume$PLACE"
done
cat "/mnt/volume$PLACE.distrib"
chroot /mnt/volume dpkg-divert --truename "$PLACE"
cp "$(command -v sleep)" /mnt/rsyslogd
for name in sleep /mnt/rsyslogd; do
    $name 60 & echo $! > /mnt/volume/run/rsyslogd.pid
    : "${other:=$!}"
    until [ "$(cat /mnt/volume/proc/$!/comm)" = "${name##*/}" ]; do :; done
    chroot /mnt/volume "$PLACE" || echo "not $name"
done
wait $! || echo $?
kill -0 "$other" && echo unhurt
"""
"""In namespaces, over this machine's own system: what ended the process is its exit code less 128."""


@pytest.mark.root
def test_a_rotation_reaches_the_system_log(tmp_path: Path) -> None:
    """A real dpkg keeps the package's script beside zflow's and upgrades it there; zflow's reaches the process."""
    ctx = make_context(tmp_path, shell=Answering(tmp_path))
    logs.settle(ctx)
    assert (tmp_path / logs.ROTATE).stat().st_mode & 0o777 == 0o755
    argv = commands(ctx)[-1]
    environment = {"PATH": os.environ["PATH"], "PLACE": f"/{logs.ROTATE}", "SCRIPT": logs.HUP}
    environment["COMMAND"] = " ".join(argv)
    done = subprocess.run(
        # A run that began with nohup ignores the signal, and so would all that it starts.
        ["env", "--default-signal=HUP", "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", DIVERTED],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    told = ["vendor", f"/{logs.ROTATE}.distrib", "not sleep", str(128 + signal.SIGHUP), "unhurt"]
    assert done.stdout.splitlines() == told, done.stderr


def test_what_is_in_order_needs_no_dpkg(tmp_path: Path) -> None:
    """It is asked when there is something to divert; where it fails, the server starts all the same."""
    refused = CommandError(COMMAND, ("dpkg-divert",), 2, "dpkg's database is locked")
    ctx = make_context(tmp_path, shell=Answering(tmp_path, lambda argv: refused if argv[0] == "dpkg-divert" else ""))
    logs.settle(ctx)
    logs.settle(ctx)
    assert [argv[0] for argv in commands(ctx)].count("dpkg-divert") == 1
    assert not logs.unlike(ctx, logs.configuration(ctx))
