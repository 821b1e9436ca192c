"""Brings the server's configuration to the table of wishes: reads in one call, writes only what differs, reads back."""

from __future__ import annotations

import json
from collections.abc import Iterable

from states import witness
from states.hardening import codes
from states.hardening.wishes import Reader, Wish, attributes, wishes
from states.zimbra import (
    Attributes,
    as_zimbra,
    differences,
    read_config,
    read_local,
    write_config,
    write_local,
    zimbra_version,
)
from zflow.api import Context, Evidence, Step, TransientError

WITNESS, OWED = "hardening.json", "hardening-restarts.json"
RESTARTS: dict[Reader, tuple[str, ...]] = {
    "mailbox": ("zmmailboxdctl", "restart"),
    "mta": ("zmmtactl", "reload"),
    "all": ("zmcontrol", "restart"),
}


def inputs(ctx: Context) -> str:
    """Return what makes the step due: other values, another Zimbra."""
    wanted = {each.name: each.values for each in wishes(ctx)}
    return json.dumps({"version": zimbra_version(ctx), "wanted": wanted}, sort_keys=True) + "\n"


def deviations(ctx: Context) -> tuple[Attributes, Attributes]:
    """Ask the server; return what differs from the table in the global configuration, and in the local settings."""
    table = wishes(ctx)
    config, local = attributes(table, "config"), attributes(table, "local")
    return (
        differences(config, read_config(ctx, tuple(config))) if config else {},
        differences(local, read_local(ctx, tuple(local))) if local else {},
    )


def probe(ctx: Context) -> Evidence | None:
    """See the witness of exactly these values on this Zimbra."""
    return _evidence(ctx) if witness.agrees(ctx, WITNESS, inputs(ctx)) else None


def audit(ctx: Context) -> Evidence | None:
    """See the values in the server itself."""
    config, local = deviations(ctx)
    for name in (*config, *local):
        ctx.log(f"{name} has another value")
    return None if config or local else probe(ctx)


def _evidence(ctx: Context) -> Evidence:
    return Evidence(f"{len(wishes(ctx))} settings as wanted on Zimbra {zimbra_version(ctx)}")


def apply(ctx: Context) -> None:
    """Write what differs, read back, restart what reads it. Raises TransientError(NOT_TAKEN)."""
    config, local = deviations(ctx)
    for name, values in (*config.items(), *local.items()):
        ctx.log(f"{name} is to be {' '.join(values) or 'unset'}")
    owe(ctx, (each for each in wishes(ctx) if each.name in config or each.name in local))
    if config:
        write_config(ctx, config)
    if local:
        write_local(ctx, local)
    if (config or local) and (left := [name for part in deviations(ctx) for name in part]):
        raise TransientError(codes.NOT_TAKEN, ", ".join(sorted(left)))
    restart(ctx)
    witness.attest(ctx, WITNESS, inputs(ctx))


def owe(ctx: Context, changed: Iterable[Wish]) -> None:
    """Write down which restarts the changes ask for, before they are made: a kill in between must not lose them."""
    readers = set(owed(ctx)) | {each.reader for each in changed if each.reader in RESTARTS}
    witness.attest(ctx, OWED, json.dumps(sorted(readers)))


def owed(ctx: Context) -> list[Reader]:
    """Return the restarts that are still to be made; a whole restart covers the others."""
    found: list[Reader] = json.loads(witness.recall(ctx, OWED) or "[]")
    return ["all"] if "all" in found else found


def restart(ctx: Context) -> None:
    """Make the restarts that are owed. What does not come up again is the business of `install.services`."""
    for reader in owed(ctx):
        ctx.progress.report(note=f"restarting for the new settings: {reader}")
        as_zimbra(ctx, *RESTARTS[reader], ok=range(256), timeout=900, daemon=True)
    witness.attest(ctx, OWED, "[]")


STEP = Step(
    name="hardening.values",
    title="Harden the server's settings",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=inputs,
    timeout=1800,
    weight=60,
)
