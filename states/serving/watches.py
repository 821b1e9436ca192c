"""What the supervisor watches while the server runs: a service that ended starts a walk, which starts the service."""

from __future__ import annotations

from collections.abc import Sequence

from states.ubuntu import container, cron, dnsmasq, periodic
from states.ubuntu.processes import ALIVE
from states.zimbra import syslog
from states.zimbra.proof import proven
from states.zimbra.services import STATUS, recorded
from states.zimbra.tools import LOOKING
from zflow.api import Context, Watch

EVERY = 120.0
"""Seconds between two calls of `zmcontrol status`; each takes some seconds of one core."""
OFTEN = 10.0
"""Seconds between two looks at the processes, which take a thousandth of that."""
ADDRESSES = """\
awk '$5 ~ /^[0189][0246]$/ { print $1 }' /proc/net/if_inet6 2>/dev/null
grep -B 1 '/32 host LOCAL' /proc/net/fib_trie
exit 0
"""
"""The kernel's addresses, without those that `states.ubuntu.addresses` calls unusable by their flags."""
FORWARDS = r"""
for attempt in 1 2 3 4 5; do
    [ "$attempt" = 1 ] || sleep "$2"
    exec 3<>"/dev/udp/127.0.0.1/$1" && printf '\101\102\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1' >&3
    code=$(timeout 2 dd bs=512 count=1 status=none <&3 2>/dev/null | od -An -tu1 -j3 -N1)
    exec 3>&-
    case $((${code:-2} & 15)) in 0 | 3) exit 0 ;; esac
done
exit 1
"""
"""Asks the server's own DNS for the nameservers of the root, which it does not keep: is there an answer from outside?
RFC 1035, 4.1; the code is in the fourth byte. For bash, which has UDP built in. One question without an answer means
nothing; five in a row do."""
APART = "5"
"""Seconds between two of these questions."""
MOST = 1 << 16
"""Bytes that are read of an answer; a usual one has some hundred."""
LOOK = f"""\
answer=$({LOOKING} "cd && zmcontrol status" 2>&1 | head -c {MOST})
code=$?
printf '%s\\n' "$answer" >"$2.look" && mv "$2.look" "$2"
printf '%s\\n' "$answer"
exit $code
"""
"""Writes the answer to the file that the step's probe reads. For a bash with `pipefail`: the code is zmcontrol's."""


def watched_files(ctx: Context) -> Sequence[Watch]:
    """Return the files to watch, once there is a proven server: results of updates, and what the engine writes."""
    if proven(ctx) is None:
        return ()
    return (
        Watch("updates", paths=tuple(str(ctx.volume / each) for each in periodic.RESULTS)),
        Watch("network", paths=(str(container.RESOLVER), str(container.HOSTS))),
    )


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: nothing before there is a proven server."""
    if proven(ctx) is None:
        return ()
    record, status = recorded(ctx), str(ctx.volume / STATUS)
    numbers = [str(ctx.volume / name) for name in record.pid_files] if record else []
    numbers += [str(dnsmasq.PID), str(ctx.volume / syslog.PID), str(ctx.volume / cron.PID_FILE)]
    return (
        Watch("processes", argv=("sh", "-c", ALIVE, "alive", *numbers), every=OFTEN),
        Watch("addresses", argv=("sh", "-c", ADDRESSES), every=EVERY),
        Watch("nameservers", argv=("bash", "-c", FORWARDS, "nameservers", "53", APART), every=EVERY),
        *syslog.watches(ctx),
        Watch("services", argv=("bash", "-o", "pipefail", "-c", LOOK, "look", str(ctx.volume), status), every=EVERY),
    )
