"""The order of an upgrade: one file on the volume, from `zflow upgrade` until the newer server is checked.

A release in the settings orders nothing: a new image never upgrades a server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from states.zimbra.marks import save, typed
from states.zimbra.releases import Archive
from zflow.api import Context, sync_folder

Portrait = Mapping[str, tuple[str, ...]]
"""What identifies a server: values by a name for people; see `readback.portrait`."""


@dataclass(frozen=True)
class Order:
    """What is upgraded to what. `goal` and `before` are known when everything is prepared."""

    release: str
    """A line of the release table, such as 9.0."""
    archive: Archive
    installed: str
    """The version of zimbra-core when it was ordered."""
    goal: str = ""
    """The version of zimbra-core that the archive brings."""
    before: Portrait | None = None
    """What the server was before the upgrade."""
    failures: int = 0
    """How often the upgrade has failed; kills do not count."""

    @property
    def under_way(self) -> bool:
        """Tell whether everything is prepared: from then on the upgrade comes first."""
        return self.before is not None


def path(ctx: Context) -> Path:
    """Return the path of the order."""
    return ctx.home / "upgrade.json"


def fulfilled(ctx: Context) -> Path:
    """Return the path of the last finished order, which keeps the keys of the upgrade's steps unchanged."""
    return ctx.home / "upgraded.json"


def ordered(ctx: Context) -> Order | None:
    """Return the order, if any."""
    return _read(path(ctx))


def under_way(ctx: Context) -> Order | None:
    """Return the order if its upgrade is under way."""
    found = ordered(ctx)
    return found if found is not None and found.under_way else None


def give(ctx: Context, order: Order) -> None:
    """Write an order, for root alone; it replaces an earlier one."""
    save(path(ctx), order)


def withdraw(ctx: Context) -> None:
    """Remove the order."""
    path(ctx).unlink()
    sync_folder(ctx.home)


def fulfil(ctx: Context) -> None:
    """Mark the order as finished."""
    path(ctx).rename(fulfilled(ctx))
    sync_folder(ctx.home)


def key(ctx: Context) -> str:
    """Return the inputs of the steps that prepare an upgrade: the order, or the last finished one."""
    return _key(ctx, ordered(ctx))


def key_under_way(ctx: Context) -> str:
    """Return the inputs of the steps that carry an upgrade out: the same, once everything is prepared."""
    return _key(ctx, under_way(ctx))


def _key(ctx: Context, order: Order | None) -> str:
    found = order or _read(fulfilled(ctx))
    return f"{found.release} {found.archive.sha256}" if found else ""


def _read(path: Path) -> Order | None:
    """Return an order; a damaged one is an error, for an upgrade under way must not count as none."""
    return typed(Order, json.loads(path.read_text())) if path.exists() else None
