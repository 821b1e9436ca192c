"""Inside a machine: zflow's own walker over the product, as far as a test wants, and a look at what it left.

python -m tests.chroot.walk UNTIL FILE [VARIANT]
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from unittest.mock import patch

from states.firewall import closed
from states.install import answers as answers_step
from states.install import setup, software
from states.product import PRODUCT
from states.zimbra import answers, installers
from states.zimbra.history import last
from states.zimbra.proof import mark
from states.zimbra.unpack import inside, installer
from tests.chroot.looking import seen
from zflow.api import Context, Product, Step
from zflow.retry import POLICIES
from zflow.walk.process import walk

SILENCE, OUTPUT = 45.0, 1 << 15
"""Seconds and bytes after which an installer counts as hung or endless: the stand-in is quick, and prints little."""


def resume_as_the_vendor_does(ctx: Context) -> None:
    """Configure the server on top of what a cut-off attempt left, and believe it."""
    answers_step.apply(ctx)
    path = f"/{answers.PLACE}"
    installers.run(ctx, installers.ZMSETUP, "-c", path, on_line=lambda _line: None, shut=closed.shut, daemon=True)
    finished = last(ctx)
    assert finished is not None
    mark(ctx, finished)
    setup.begun(ctx).unlink(missing_ok=True)


def install_attended(given: str) -> Callable[[Context], None]:
    """Return what runs the installer without its defaults file: its input ends after these answers."""

    def apply(ctx: Context) -> None:
        script = 'cd "$1" && printf "$2" | ./install.sh -s'
        argv = ("sh", "-c", script, "sh", inside(installer(ctx), ctx), given)
        installers.run(ctx, *argv, on_line=lambda _line: None, shut=closed.shut)

    return apply


VARIANTS: dict[str, tuple[Step, Callable[[Context], None]]] = {
    "vendor's resume": (setup.STEP, resume_as_the_vendor_does),
    "no input": (software.STEP, install_attended("")),
    # The licence is accepted, the package server is not; all packages are taken by default.
    "input ends at Continue": (software.STEP, install_attended(r"y\nn\n")),
}
"""By name: a step, and what is done in its place."""


def product(until: str, variant: str) -> Product:
    """Return the product up to a step of the state install, with a step exchanged if a variant says so.

    The steps of the firewall are left out: such a machine has the network of its host.
    """
    bootstrap, *before, install = PRODUCT.states[:3]
    unwalled = tuple(step for step in bootstrap.steps if not step.name.startswith("firewall."))
    steps = install.steps[: [step.name for step in install.steps].index(until) + 1]
    if variant in VARIANTS:
        exchanged, apply = VARIANTS[variant]
        steps = tuple(replace(step, apply=apply) if step is exchanged else step for step in steps)
    states = (replace(bootstrap, steps=unwalled), *before, replace(install, steps=steps))
    return replace(PRODUCT, states=states, watched_files=lambda _ctx: (), watches=lambda _ctx: ())


def main(until: str, place: str, variant: str = "") -> int:
    """Walk over the volume that the environment names and return the walk's exit code."""
    volume = Path(os.environ["ZFLOW_VOLUME"])
    installers.SILENCE, installers.OUTPUT = SILENCE, OUTPUT
    POLICIES["vendor"] = replace(POLICIES["vendor"], attempts=1)
    if variant == "input ends at Continue":
        patch.object(installers, "question", return_value=None).start()  # as of a form that nobody knows
    # As an operator's resume: a start of the container would wait for the next try that a failure wrote down.
    code = walk(product(until, variant), volume, os.environ, "a test", deep=True)
    Path(place).write_text(json.dumps(asdict(seen(volume))))
    return int(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
