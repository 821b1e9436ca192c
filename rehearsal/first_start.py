"""`make first-start`: the whole first start on this machine, real Ubuntu and the stand-in release, and its status."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rehearsal.commands import Failed, told
from rehearsal.engine import IMAGE, PODMAN
from rehearsal.image import make_image
from rehearsal.machine import Machine
from rehearsal.setup import machine, stand_in

NAME = "zflow-first-start"
FOLDER = Path(tempfile.gettempdir()) / NAME


def main() -> int:
    """Return the exit code of `zflow status`, or 2 if the container could not be started."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ubuntu", default="18.04", help="18.04, 20.04, 22.04 or 24.04")
    parser.add_argument("--dh", default="ffdhe4096", help="ffdhe4096, or generate: a search of minutes on all cores")
    parser.add_argument("--clean", action="store_true", help="only remove what an earlier call left")
    options = parser.parse_args()
    clean()
    return 0 if options.clean else walk(options.ubuntu, options.dh)


def clean() -> None:
    """Remove what an earlier call left: nothing, where there is no podman yet. Raises Failed."""
    engine, folder = shutil.which(PODMAN.command[0]), os.path.lexists(FOLDER)
    if (engine or folder) and os.geteuid() != 0:
        raise Failed("what an earlier call left belongs to root: run it as root")
    if engine:
        Machine(NAME).remove()
    if folder:
        shutil.rmtree(FOLDER)


def walk(ubuntu: str, dh: str) -> int:
    """Walk a fresh volume to a serving server. Raises Failed."""
    say("building the image (podman, from this checkout) …")
    make_image()
    say("building the stand-in release (the vendor's interface, none of its code) …")
    FOLDER.mkdir(mode=0o700)
    release = stand_in(FOLDER, ubuntu)
    rehearsal = machine(NAME, release, {"ZFLOW_DH": dh}, label="first-start", ubuntu=ubuntu)
    say(f"starting {IMAGE} over a fresh volume; this is the container's own output:\n")
    rehearsal.create()
    rehearsal.start()
    with subprocess.Popen([*PODMAN.command, "logs", "--follow", NAME]) as output:
        try:
            code = rehearsal.wait_valid(3600)
            running = rehearsal.running()
        except BaseException:
            output.terminate()
            raise
        if running:
            output.terminate()  # else it ends by itself, with the container's last line
    if not running:
        code = rehearsal.exit_code()
        say(f"the container ended with exit code {code}; its last lines above say why")
        return code or 1
    print()
    print(rehearsal.run("zflow", "status").stdout)
    say(f"look further:  podman exec {NAME} zflow history    podman exec -it {NAME} zflow shell")
    say("remove it all: make clean-first-start")
    return code


def say(line: str) -> None:
    """Print a line of the script's own, told apart from the container's."""
    print(f"first-start: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(told("first-start", main))
