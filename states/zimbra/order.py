"""An upgrade that was ordered: one file on the volume, from `zflow upgrade` until the newer server is proven.

It lies here and not with the upgrade, for steps of the install ask it too: while packages are being exchanged, what
they look at is nobody's loss. A release in the settings orders nothing: a new image never upgrades by itself.
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
"""What a server says it is: values by a word for people; see `readback.portrait`."""


@dataclass(frozen=True)
class Order:
    """What is to be upgraded to what. `goal` and `before` are known once everything was prepared."""

    release: str
    """A line of the release table, such as 9.0: its package sources are needed."""
    archive: Archive
    installed: str
    """The version of zimbra-core when it was ordered."""
    goal: str = ""
    """The version of zimbra-core that the archive brings."""
    before: Portrait | None = None
    """What the server was before its software was touched."""
    failures: int = 0
    """How often the carrying out has failed; kills are none."""

    @property
    def under_way(self) -> bool:
        """Tell whether all was prepared: from here on the upgrade comes before everything else."""
        return self.before is not None


def place(ctx: Context) -> Path:
    """Return where the order lies."""
    return ctx.home / "upgrade.json"


def fulfilled(ctx: Context) -> Path:
    """Return where the last order lies that was carried out; it keeps the keys of the upgrade's steps as they are."""
    return ctx.home / "upgraded.json"


def ordered(ctx: Context) -> Order | None:
    """Return the order, if there is one."""
    return _read(place(ctx))


def under_way(ctx: Context) -> Order | None:
    """Return the order whose upgrade is under way, if there is one."""
    found = ordered(ctx)
    return found if found is not None and found.under_way else None


def give(ctx: Context, order: Order) -> None:
    """Write an order, in the place of an earlier one; for root's eyes."""
    save(place(ctx), order)


def withdraw(ctx: Context) -> None:
    """Forget the order."""
    place(ctx).unlink()
    sync_folder(ctx.home)


def fulfil(ctx: Context) -> None:
    """Let the order count as carried out."""
    place(ctx).rename(fulfilled(ctx))
    sync_folder(ctx.home)


def key(ctx: Context) -> str:
    """Return what makes the steps that prepare an upgrade due: the order, or the last one carried out."""
    return _key(ctx, ordered(ctx))


def key_under_way(ctx: Context) -> str:
    """Return what makes the steps that carry an upgrade out due: the same, but not before all was prepared."""
    return _key(ctx, under_way(ctx))


def _key(ctx: Context, order: Order | None) -> str:
    found = order or _read(fulfilled(ctx))
    return f"{found.release} {found.archive.sha256}" if found else ""


def _read(path: Path) -> Order | None:
    """Return an order; a damaged one is an error, for an upgrade under way must not count as none."""
    return typed(Order, json.loads(path.read_text())) if path.exists() else None
