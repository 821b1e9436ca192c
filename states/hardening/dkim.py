"""Makes a DKIM key of 2048 bits for every mail domain that has none, also for domains added later.

The vendor's tool has one key per domain, in LDAP, and signs with it at once (docs/zimbra.md §3.6). A rotation therefore
remembers the former public key: it stays in the zone text until mail signed with it has arrived.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from states.hardening import codes
from states.hardening.dkimkeys import Key, known, locked, parse, remember, retire
from states.hardening.settings import DKIM_OVERLAP
from states.zimbra import directory
from states.zimbra.directory import unless_silent
from states.zimbra.proof import proven
from states.zimbra.tools import LOOKING, as_zimbra, zimbra_version
from zflow.api import (
    Context,
    Drift,
    Evidence,
    OperatorError,
    Scope,
    Step,
    TransientError,
    Watch,
    host_name,
    stamp,
)

TOOL = "/opt/zimbra/libexec/zmdkimkeyutil"
BITS = "2048"
EVERY = 3600.0
"""Seconds between two queries of the domains, each of which starts a Java VM."""
MOST = 1 << 24
"""Bytes read of an answer; a domain's name has at most 253."""
LOOK = f"""\
label='[a-z0-9]([a-z0-9-]*[a-z0-9])?'
answer=$({LOOKING} "cd && zmprov -l gad" 2>/dev/null | head -c {MOST} | grep -ixE "$label(\\.$label)+") ||
    answer=$2
printf '%s\\n' "$answer" | sort
"""
"""Prints the domains; those of before when the server does not answer. Names that are not host names get no key. Needs
bash with `pipefail`."""


def selectors(ctx: Context) -> dict[str, str]:
    """Return the server's mail domains, each with the selector of its key; empty without a key."""
    found = {}
    for name, selector in directory.selectors(ctx).items():
        with contextlib.suppress(ValueError):
            found[host_name(name)] = selector
    return found


def query(ctx: Context, domain: str) -> Key | None:
    """Return a domain's key. The answer contains the private key and is not logged.

    Raises OperatorError(NO_DOMAIN), TransientError(DKIM).
    """
    found = as_zimbra(ctx, TOOL, "-q", "-d", domain, ok=(0, 1), quiet=True, timeout=180)
    if found.code == 0 and (key := parse(domain, found.output)):
        return key
    if "No DKIM Information" in found.output:
        return None
    if f"Domain {domain} not found" in found.output:
        raise OperatorError(codes.NO_DOMAIN, domain)
    raise TransientError(
        codes.DKIM, f"{domain}: {found.output.strip()[-200:] if found.code else 'no key in its answer'}"
    )


def make(ctx: Context, domain: str, verb: str, *options: str) -> Key:
    """Make a key (`-a`, or `-u` to replace one) and return it as the server then has it."""
    made = as_zimbra(ctx, TOOL, verb, "-d", domain, "-b", BITS, *options, ok=(0, 1), timeout=300)
    key = query(ctx, domain)
    if key is None or (made.code and "already has DKIM enabled" not in made.output):
        raise TransientError(codes.DKIM, f"{domain}: {made.output.strip()[-200:]}")
    return key


def probe(ctx: Context) -> Evidence | Drift | None:
    """See that every domain of the server has the recorded key, and that no other domain is recorded."""
    keys = {each.domain: each.selector for each in known(ctx)}
    if not keys:
        return None
    found = selectors(ctx)
    drifted = [_odd(domain, selector) for domain, selector in found.items() if selector != keys.get(domain, "?")]
    drifted += [f"{domain} is recorded, but is not a mail domain any more" for domain in keys.keys() - found.keys()]
    if drifted:
        return Drift("; ".join(drifted))
    return Evidence(", ".join(f"{domain}: selector {found[domain]}" for domain in sorted(found)))


def _odd(domain: str, selector: str) -> str:
    if not selector:
        return f"{domain} has no DKIM key"
    return f"{domain} has the DKIM selector {selector}, which is not recorded"


def audit(ctx: Context) -> Evidence | Drift | None:
    """Query each domain's key with the vendor's tool too; name keys that differ from the recorded ones."""
    seen = probe(ctx)
    if not isinstance(seen, Evidence):
        return seen
    others = [key.domain for key in known(ctx) if query(ctx, key.domain) != key]
    return Drift(f"the key differs from the recorded one: {', '.join(others)}") if others else seen


def apply(ctx: Context) -> None:
    """Make the missing keys; record all. Raises TransientError(DKIM)."""
    with locked(ctx):
        before = {each.domain: each for each in known(ctx)}
        keys = [query(ctx, domain) or make(ctx, domain, "-a") for domain in selectors(ctx)]
        for key in keys:
            if (old := before.get(key.domain)) and old.selector != key.selector:
                retire(ctx, old, ctx.settings[DKIM_OVERLAP])
        remember(ctx, keys)


def rotate(ctx: Context, domain: str) -> tuple[Key | None, Key]:
    """Replace a domain's key; return the former and the new one. Raises OperatorError(NO_DOMAIN).

    The former key is recorded before it is replaced: a kill in between must not lose what receivers still need.
    """
    with locked(ctx):
        old = query(ctx, domain)
        if old is not None:
            retire(ctx, old, ctx.settings[DKIM_OVERLAP])
        selector = f"z{stamp(ctx.clock())[:19]}".replace(":", "").replace("-", "").replace("T", "-")
        new = make(ctx, domain, "-u" if old else "-a", "-s", selector)
        remember(ctx, [*(each for each in known(ctx) if each.domain != domain), new])
        return old, new


def inputs(ctx: Context) -> str:
    """Return what makes the step due: another version of Zimbra."""
    return zimbra_version(ctx)


def watches(ctx: Context) -> Sequence[Watch]:
    """Return what to watch: the list of domains, once there is a server. A new domain gets its key within an hour."""
    if proven(ctx) is None:
        return ()
    names = "\n".join(sorted(each.domain for each in known(ctx)))
    argv = ("bash", "-o", "pipefail", "-c", LOOK, "look", str(ctx.volume), names)
    return (Watch("domains", argv=argv, every=EVERY, wanted=f"{names}\n"),)


STEP = Step(
    name="hardening.dkim",
    title="Make DKIM keys for all mail domains",
    probe=unless_silent(probe),
    audit=audit,
    apply=apply,
    inputs=inputs,
    scope=Scope.BOOT,
    timeout=900,
    weight=15,
)
