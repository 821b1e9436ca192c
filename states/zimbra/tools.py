"""Zimbra's tools, run as they expect it: in the chroot, as user zimbra, with a login environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from states.ubuntu.dpkg import packages
from zflow.api import Context, Result

HOME = "/opt/zimbra"

LOOKING = f"""\
chroot --userspec=zimbra:zimbra "$1" env -i HOME={HOME} USER=zimbra LOGNAME=zimbra SHELL=/bin/bash PATH="$PATH" \
    bash --login -c"""
"""Beginning of a shell's command that only looks, as user zimbra in the volume `$1` with the login environment. It
passes by PAM, whose `su` writes four lines to auth.log each time; what starts something needs PAM's limits."""

Attributes = Mapping[str, tuple[str, ...]]
"""Names of attributes and all values of each; unset is the empty tuple."""


def as_zimbra(ctx: Context, *argv: str, **options: Any) -> Result:
    """Run one of Zimbra's commands as user zimbra; options are those of the shell."""
    return ctx.shell.chroot(*argv, user="zimbra", **options)


def zimbra_version(ctx: Context) -> str:
    """Return the installed version as dpkg has it, such as 8.8.15.GA.3869.UBUNTU18.64; empty while there is none.

    An upgrade changes it, and with it the key of every step that has it among its inputs.
    """
    core = packages(ctx.volume).get("zimbra-core")
    return core.version if core else ""


def write_config(ctx: Context, wanted: Attributes) -> None:
    """Set attributes of the global configuration in one call, replacing all their values.

    The mailbox server's cache of them is flushed; a stopped one has no cache.
    """
    words = [word for name, values in wanted.items() for value in values or ("",) for word in (name, value)]
    as_zimbra(ctx, "zmprov", "-l", "mcf", *words, timeout=180)
    as_zimbra(ctx, "zmprov", "fc", "config", ok=range(256), timeout=180)


def write_local(ctx: Context, wanted: Attributes) -> None:
    """Set local settings in one call; the vendor's tool has no lock, so never two at a time."""
    words = [f"{name}={''.join(values)}" for name, values in wanted.items()]
    as_zimbra(ctx, "zmlocalconfig", "-e", *words, timeout=180)


def render(ctx: Context, *sections: str) -> None:
    """Let zmconfigd render these sections of its zmconfigd.cf now; the caller restarts the services that read them.

    Each section with a changed attribute has to be named. A request notes the changes of all and renders only what it
    names, so that no later turn renders the rest either, until zmconfigd restarts (zm-jython 8.8.15, jylibs/state.py
    515-557 and 576-585); and it restarts nothing (606). What no section names as its variable comes by the section's
    name alone.
    """
    as_zimbra(ctx, "/opt/zimbra/libexec/configrewrite", *sections, ok=range(256), timeout=180)


def differences(want: Attributes, have: Attributes) -> Attributes:
    """Return what must be written; the order of several values says nothing."""
    return {name: values for name, values in want.items() if sorted(have.get(name, ())) != sorted(values)}
