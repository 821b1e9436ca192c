"""The errors of the firewall, ZF-4xxx. Whatever fails, nothing is opened by it: the load is one transaction."""

from __future__ import annotations

from zflow.api import Code

CLOSED = "No service is started without a firewall, and a table that is loaded already stays as it is."

KERNEL = Code(
    "ZF-4001",
    "the kernel has no nftables",
    "The firewall is made with nftables, which the kernel of this host lacks. " + CLOSED,
    "Use a host with nf_tables and nf_conntrack (any distribution's kernel from 4.18 on). If they are modules, "
    "`modprobe nf_tables nf_conntrack` on the host, for a container cannot load them. Then run `zflow resume`.",
)
RIGHTS = Code(
    "ZF-4002",
    "the container may not load a firewall",
    "The capability NET_ADMIN was not given to the container, or a security profile forbids its use. " + CLOSED,
    "Start the container with `--cap-add NET_ADMIN` (see the README).",
)
REFUSED = Code(
    "ZF-4003",
    "the firewall could not be loaded",
    "The program nft is missing, or the kernel refused the rules; a feature of nftables may be missing. " + CLOSED,
    "It is tried again. The detail names what was refused.",
)
CONTRADICTION = Code(
    "ZF-4004",
    "the firewall's settings contradict each other",
    "Source ranges are given for a port that is not open, a port is opened by two settings, or one that is no extra "
    "port is to be open early. Guessing which was meant could open a port to everybody. What was loaded before stays.",
    "Correct ZFLOW_FIREWALL_TCP, ZFLOW_FIREWALL_EXTRA_TCP, ZFLOW_FIREWALL_EXTRA_UDP, ZFLOW_FIREWALL_EARLY_TCP and "
    "ZFLOW_FIREWALL_SOURCES as named below, then run `zflow resume`.",
)

SHARED = Code(
    "ZF-4005",
    "the container shares its host's network",
    "It has interfaces of real devices, as with `--network host`. Closing the firewall would close the whole host, and "
    "its operator out of it. Nothing was loaded.",
    "Give the container a network of its own and publish its ports (see the README). Where a device was handed over on "
    "purpose, set ZFLOW_FIREWALL_HOST_NETWORK=yes.",
)

CODES = (KERNEL, RIGHTS, REFUSED, CONTRADICTION, SHARED)
