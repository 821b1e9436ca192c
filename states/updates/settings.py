"""What an operator decides about updates of the Ubuntu on the volume."""

from __future__ import annotations

from zflow.api import Setting, flag

UNATTENDED_UPGRADES = Setting(
    "unattended_upgrades",
    flag,
    "yes",
    "Install Ubuntu's updates every day. If you edited 20auto-upgrades on the volume, your file is kept instead.",
    "no",
)

SETTINGS = (UNATTENDED_UPGRADES,)
