"""A notice when the container has less memory than the server uses: it would start, and the kernel would kill it.

The install sets the shares once, from the container's limit on that day. Later the operator may change them.
"""

from __future__ import annotations

import re
from pathlib import Path

from states.ubuntu.memory import memory
from states.zimbra.localconfig import local_value
from states.zimbra.proof import proven
from zflow.api import Context, Evidence, Scope, Step, text_of

DATABASE_CONFIG = Path("opt/zimbra/conf/my.cnf")
MOST = 0.8
"""Share of the container's memory for heap and database together; the rest is for all other services."""
GIB, MIB = 1 << 30, 1 << 20


def given(ctx: Context) -> tuple[int, int]:
    """Return the bytes of the mailbox server's heap and of the database's pool; 0 where a file does not tell."""
    heap = local_value(ctx, "mailboxd_java_heap_size") or ""
    config = text_of(ctx.volume / DATABASE_CONFIG)
    pool = re.search(r"^\s*innodb_buffer_pool_size\s*=\s*(\d+)\s*$", config, re.MULTILINE)
    return int(heap) * MIB if heap.isdigit() else 0, int(pool[1]) if pool else 0


def probe(ctx: Context) -> Evidence:
    """Compare both with the memory of the container."""
    if proven(ctx) is None:
        return Evidence("no server is installed yet")
    heap, database = given(ctx)
    limit = memory().limit
    summary = f"{(heap + database) / GIB:.1f} of {limit / GIB:.1f} GiB are for the mailbox server and the database"
    if heap + database <= limit * MOST:
        return Evidence(summary)
    return Evidence(
        summary,
        (
            f"the container has {limit / GIB:.1f} GiB of memory, too little for the {heap // MIB} MiB of the mailbox "
            f"server and the {database // MIB} MiB of the database; the kernel may kill them: give the container "
            f"{(heap + database) / MOST / GIB:.1f} GiB, or lower mailboxd_java_heap_size (zmlocalconfig) and "
            f"innodb_buffer_pool_size (/data/{DATABASE_CONFIG})",
        ),
    )


def apply(_ctx: Context) -> None:
    """Do nothing: the operator decides how much memory the server gets."""


STEP = Step(
    name="install.memory",
    title="Check the memory of the container",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=10,
)
