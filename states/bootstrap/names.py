"""The server's own name inside the Ubuntu: /etc/hostname and the part of /etc/hosts that zflow owns.

`hostname --fqdn` must print the full name inside (docs/zimbra.md §1.3, §7): it is the first name after the container's
address, never on the line of 127.0.0.1, where databases and mail listen. The container's addresses change when it is
created again, and so do the names that its engine adds (`--add-host`, `hostAliases`): the block is written at every
start. Lines outside the block are the operator's and stay.
"""

from __future__ import annotations

import re
import socket

from states.server import server_name
from states.ubuntu.addresses import Addresses, addresses
from states.ubuntu.container import Given, given, own_names
from zflow.api import Context, Evidence, Scope, Step, holds, write_atomic

BEGIN = "# begin zflow: written at every start"
END = "# end zflow"
NO_ADDRESS = "127.0.1.1"
"""Used where the container has no network at all, as Debian does (Debian Reference, 5.1.1)."""


def block(name: str, container: str, found: Addresses, given: Given = ()) -> str:
    """Return zflow's part of /etc/hosts."""
    names = " ".join(own_names(name, container))
    lines = [BEGIN, "127.0.0.1 localhost"]
    if found.six:
        lines += ["::1 localhost ip6-localhost ip6-loopback", "ff02::1 ip6-allnodes", "ff02::2 ip6-allrouters"]
    lines += [f"{address} {names}" for address in found.own or (NO_ADDRESS,)]
    lines += [f"{address} {' '.join(others)}" for address, others in given]
    return "\n".join([*lines, END]) + "\n"


def with_block(content: str, new: str) -> str:
    """Return the content of a hosts file with `new` as its first part, in place of the former block."""
    part = rf"^\ufeff?{re.escape(BEGIN)}\r?$.*?^{re.escape(END)}\r?$\n?"  # also as an editor on Windows writes it
    rest = re.sub(part, "", content, flags=re.DOTALL | re.MULTILINE)
    return new + rest


def desired_hosts(ctx: Context) -> bytes:
    """Return what /etc/hosts should hold now; the operator's lines stay byte for byte, in whatever encoding."""
    path = ctx.volume / "etc/hosts"
    now = path.read_bytes().decode(errors="surrogateescape") if path.is_file() and not path.is_symlink() else ""
    ours = block(server_name(ctx), socket.gethostname().lower(), addresses(), given(server_name(ctx)))
    return with_block(now, ours).encode(errors="surrogateescape")


def probe(ctx: Context) -> Evidence | None:
    """See whether the files hold this server's name and its present addresses."""
    etc = ctx.volume / "etc"
    if not holds(etc / "hostname", f"{server_name(ctx)}\n") or not holds(etc / "hosts", desired_hosts(ctx)):
        return None
    return Evidence(f"{server_name(ctx)} at {', '.join(addresses().own) or 'no address, because there is no network'}")


def apply(ctx: Context) -> None:
    """Write both files."""
    write_atomic(ctx.volume / "etc/hosts", desired_hosts(ctx))
    write_atomic(ctx.volume / "etc/hostname", f"{server_name(ctx)}\n")


STEP = Step(
    name="bootstrap.names",
    title="Set the server's name inside Ubuntu",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    inputs=server_name,
    timeout=30,
)
