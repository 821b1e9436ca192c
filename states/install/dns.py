"""The server's own DNS: its name and its mail domains resolve to itself; other questions are forwarded.

dnsmasq of the image listens on the loopback addresses only. Zimbra's resolver, dnscache, uses the same port and is not
installed.
"""

from __future__ import annotations

import re
import time

from states.install import codes
from states.install.nameservers import notices, upstream
from states.server import mail_domains, server_name
from states.ubuntu import dnsmasq
from states.ubuntu.addresses import Addresses, addresses
from states.ubuntu.container import Given, container_resolver, given
from states.ubuntu.dnsquery import AAAA, MX, A, ask
from zflow.api import CommandError, Context, Evidence, Scope, Step, TransientError, holds, mounts, write_atomic

KEPT = (["search"], ["domain"], ["options"])
"""Lines of the container's resolv.conf that hold inside as well."""
PATIENCE = 5.0
"""Seconds dnsmasq gets to answer its first question."""
NAME = re.compile(r"[\w.-]+", re.ASCII)
"""What dnsmasq takes as a name; for another one it would not start."""


def config(name: str, domains: tuple[str, ...], found: Addresses, upstream: list[str], engines: Given = ()) -> str:
    """Return dnsmasq's configuration; dnsmasq(8).

    The nameservers are asked in the order of resolv.conf(5), each when the one before it stays silent. What the engine
    wrote into the container's hosts file is answered too: postfix and nginx ask the DNS alone.
    """
    lines = [
        "# Written by zflow at every start.",
        "port=53",
        "listen-address=127.0.0.1",
        *(["listen-address=::1"] if found.six else []),
        "bind-interfaces",
        "user=root",
        f"pid-file={dnsmasq.PID}",
        "no-hosts",
        "no-resolv",
        "no-poll",
        "cache-size=1000",
        "strict-order",
        *(f"server={each}" for each in upstream),
        f"host-record={','.join([name, *_one_of_each(found.own)])}",
        *(f"mx-host={domain},{name},10" for domain in domains),
        *(f"host-record={each},{address}" for address, names in engines for each in names if NAME.fullmatch(each)),
    ]
    if name not in domains:
        # Without this, asking for the family the server has no address of would be answered by the outside world.
        lines.append(f"local=/{name}/")
    return "\n".join(lines) + "\n"


def _one_of_each(own: tuple[str, ...]) -> list[str]:
    """Return the preferred address of each family: host-record takes one of either."""
    four = [each for each in own if ":" not in each]
    six = [each for each in own if ":" in each]
    return [*four[:1], *six[:1]] or ["127.0.0.1"]


def wanted(ctx: Context) -> str:
    """Return the configuration for the present addresses, settings and nameservers."""
    return config(server_name(ctx), mail_domains(ctx), addresses(), upstream(), given(server_name(ctx)))


def resolv_conf() -> str:
    """Return the resolv.conf for inside: ourselves, and the container's search list and options."""
    kept = [line for line in container_resolver().splitlines() if line.split()[:1] in KEPT]
    return "\n".join(["nameserver 127.0.0.1", *kept]) + "\n"


def wrong_answers(ctx: Context) -> list[str]:
    """Ask for the server and for the first mail domain; return the wrong answers."""
    name, found = server_name(ctx), _one_of_each(addresses().own)
    questions = [(domain, MX, [name]) for domain in mail_domains(ctx)[:1]]
    questions += [(name, AAAA if ":" in address else A, [address]) for address in found]
    wrong = []
    for question, kind, expected in questions:
        try:
            answer = ask(question, kind)
        except OSError as error:
            return [f"no answer for {question}: {error}"]
        if answer != expected:
            wrong.append(f"{question} leads to {answer or 'nothing'}, not to {expected}")
    return wrong


def probe(ctx: Context) -> Evidence | None:
    """See whether dnsmasq lives with the present configuration, answers rightly, and is asked by programs inside."""
    if not holds(dnsmasq.CONFIG, wanted(ctx)) or dnsmasq.running() is None:
        return None
    if not holds(ctx.volume / "etc/resolv.conf", resolv_conf()) or wrong_answers(ctx):
        return None
    return Evidence(f"{', '.join(mail_domains(ctx))} → {server_name(ctx)}; process {dnsmasq.running()}", notices(ctx))


def apply(ctx: Context) -> None:
    """Restart dnsmasq and let programs in the Ubuntu ask it. Raises TransientError(DNS)."""
    dnsmasq.CONFIG.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    dnsmasq.end()
    write_atomic(dnsmasq.CONFIG, wanted(ctx))
    write_atomic(dnsmasq.versioned(), wanted(ctx))
    try:
        ctx.shell.run("dnsmasq", f"--conf-file={dnsmasq.versioned()}", daemon=True, timeout=30)
    except CommandError as error:
        raise TransientError(codes.DNS, error.tail.strip()[-300:]) from error
    await_answers(ctx)
    place_resolv_conf(ctx)


def await_answers(ctx: Context) -> None:
    """Wait until the answers are right; raises TransientError(DNS)."""
    until = time.monotonic() + PATIENCE
    while wrong := wrong_answers(ctx):
        if time.monotonic() > until:
            raise TransientError(codes.DNS, "; ".join(wrong))
        ctx.pause(0.1)


def place_resolv_conf(ctx: Context) -> None:
    """Write /etc/resolv.conf in the Ubuntu; overwrite it where it is a separate mount."""
    path = ctx.volume / "etc/resolv.conf"
    if any(each.point == path for each in mounts()):
        path.write_text(resolv_conf())
    else:
        write_atomic(path, resolv_conf())


STEP = Step(
    name="install.dns",
    title="Start the server's own DNS",
    probe=probe,
    apply=apply,
    scope=Scope.BOOT,
    timeout=60,
)
