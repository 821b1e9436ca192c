"""`python -m tests.engine.supervised VOLUME COMMAND...`: `zflow run` in a hurry, with another `zflow` to call."""

from __future__ import annotations

import sys
from pathlib import Path

from zflow import supervisor
from zflow.endpoint import keeper

supervisor.TICK = 0.05
supervisor.PAUSE = supervisor.BUSY = supervisor.LATER = keeper.PAUSE = 0.01
sys.exit(supervisor.run(Path(sys.argv[1]), tuple(sys.argv[2:])))
