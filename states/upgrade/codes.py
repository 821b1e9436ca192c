"""The errors of upgrade, ZF-70xx."""

from __future__ import annotations

from zflow.api import Code

NO_SERVER = Code(
    "ZF-7001",
    "there is no server to upgrade",
    "zflow upgrades only a server that it has installed and read back.",
    "See the progress of the installation with `zflow status`.",
)
NOT_NEWER = Code(
    "ZF-7002",
    "the release is not newer than the installed one",
    "The vendor's installer cannot go back: an older release cannot read the data of a newer one.",
    "Order a newer release with `zflow upgrade`, or withdraw the order with `zflow upgrade --withdraw`.",
)
UNNAMED = Code(
    "ZF-7003",
    "the archive of the ordered release is unknown, or for another Ubuntu",
    "zflow does not know an archive of this release for the Ubuntu on the volume, or the given one is for another.",
    "Give an archive for the Ubuntu on the volume: `zflow upgrade --release R --url URL-OR-PATH --sha256 HEX`.",
)
UNDER_WAY = Code(
    "ZF-7004",
    "an upgrade is under way",
    "The vendor's installer has begun to change the software. From then on an upgrade cannot be withdrawn.",
    "See its progress with `zflow status`; `zflow resume` continues at once. The only way back is a copy of "
    "the volume.",
)
NOT_READY = Code(
    "ZF-7005",
    "this server cannot be upgraded yet",
    "The last checks before the vendor's installer found what the message lists. The server continues to serve.",
    "Correct it, then run `zflow resume`; or withdraw the order with `zflow upgrade --withdraw`.",
)
FAILED = Code(
    "ZF-7006",
    "the upgrade to the ordered release failed",
    "The vendor's installer stopped, or the server lacks something; the message says how far the upgrade came. The "
    "server's data are kept. No service is started until the upgrade is complete.",
    "Correct what the message names and run `zflow resume`, which continues the upgrade; or restore the copy of the "
    "volume.",
)

CODES = (NO_SERVER, NOT_NEWER, UNNAMED, UNDER_WAY, NOT_READY, FAILED)
