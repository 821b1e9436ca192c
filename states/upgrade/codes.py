"""The errors of upgrade, ZF-70xx."""

from __future__ import annotations

from zflow.api import Code

NO_SERVER = Code(
    "ZF-7001",
    "there is no server to upgrade",
    "Only a server that was installed and read back by zflow is upgraded.",
    "See `zflow status` for how far the installation is.",
)
NOT_NEWER = Code(
    "ZF-7002",
    "the release is not newer than the installed one",
    "The vendor's installer cannot go back: the data of a newer release cannot be read by an older one.",
    "Order a newer release with `zflow upgrade`, or withdraw the order with `zflow upgrade --withdraw`.",
)
UNNAMED = Code(
    "ZF-7003",
    "the release to upgrade to is not fully named",
    "No archive of it is known here for the Ubuntu on the volume, or the one that was named is for another Ubuntu.",
    "Give an archive for the Ubuntu named below: `zflow upgrade --release R --url URL-OR-PATH --sha256 HEX`.",
)
UNDER_WAY = Code(
    "ZF-7004",
    "an upgrade is under way",
    "The vendor's installer has begun with the software; from there it only goes forward.",
    "Follow it with `zflow status`; `zflow resume` goes on at once. The way back is a copy of the volume.",
)
NOT_READY = Code(
    "ZF-7005",
    "this server cannot be upgraded yet",
    "Checks before the vendor's installer touches anything found the below. The server serves as before.",
    "Correct what is named below, then run `zflow resume`; or withdraw the order with `zflow upgrade --withdraw`.",
)
FAILED = Code(
    "ZF-7006",
    "the upgrade to the ordered release failed",
    "The vendor's installer stopped, or the server is not what it was; where it stands is told below. Its data are in "
    "place; until it is whole nothing more is started.",
    "Correct what is named below and run `zflow resume`, which goes on with it. Else restore the copy of the volume.",
)

CODES = (NO_SERVER, NOT_NEWER, UNNAMED, UNDER_WAY, NOT_READY, FAILED)
