"""The same walk by DBOS Transact on SQLite with its defaults. Arguments: FOLDER STEPS run|half|resume."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from dbos import DBOS


def main() -> None:
    """Walk and print."""
    folder, count, mode = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    database = f"sqlite:///{folder / 'dbos.sqlite'}"
    DBOS(config={"name": "bench", "system_database_url": database, "run_admin_server": False, "log_level": "ERROR"})
    times: list[float] = []
    first = threading.Event()

    def nothing(number: int) -> int:
        times.append(time.monotonic())
        first.set()
        if mode == "half" and number == count // 2:
            os._exit(0)
        return number

    step = DBOS.step()(nothing)

    def all_steps() -> None:
        for number in range(count):
            step(number)

    workflow = DBOS.workflow()(all_steps)
    DBOS.launch()
    if mode == "resume":
        first.wait()
    else:
        workflow()
    print(json.dumps({"step": (times[-1] - times[0]) / max(1, len(times) - 1), "at": times[0]}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
