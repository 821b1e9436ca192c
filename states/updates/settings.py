"""What an operator decides about updates of the Ubuntu on the volume."""

from __future__ import annotations

from zflow.api import Setting, flag

UNATTENDED_UPGRADES = Setting(
    "unattended_upgrades",
    flag,
    "yes",
    "Install Ubuntu's updates by themselves every day. An edited 20auto-upgrades on the volume has the last word.",
    "no",
)

SETTINGS = (UNATTENDED_UPGRADES,)
