"""`python -m tests.engine.supervised VOLUME COMMAND...`: `zflow run` in a hurry, with another `zflow` to call."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from zflow.host import children, oom
from zflow.supervise import endpoint, schedule, supervisor

supervisor.TICK = 0.05
schedule.PAUSE = supervisor.BUSY = supervisor.LATER = endpoint.PAUSE = 0.01
if "ZFLOW_TEST_HURRY" in os.environ:  # a walker that does not end, and, where KILL is told not to, by nothing
    supervisor.STOPPING, children.KILLED = 1.0, 0.3
if os.environ.get("ZFLOW_TEST_HURRY") == "undying":
    children._send = lambda pid, number: None
if "ZFLOW_TEST_COUNTER" in os.environ:
    oom.COUNTERS = (Path(os.environ["ZFLOW_TEST_COUNTER"]),)
sys.exit(supervisor.run(Path(sys.argv[1]), tuple(sys.argv[2:])))
