"""The errors of the firewall, ZF-4xxx. No failure opens anything: a load is one transaction."""

from __future__ import annotations

from zflow.api import Code

CLOSED = "No service is started without a firewall; a table that is already loaded stays."

KERNEL = Code(
    "ZF-4001",
    "the kernel has no nftables",
    "The firewall needs nftables, and the kernel of this host does not have it. " + CLOSED,
    "Use a host with nf_tables and nf_conntrack (any distribution's kernel from 4.18 on). If they are modules, run "
    "`modprobe -a nf_tables nf_conntrack` on the host: a container cannot load modules. Then run `zflow resume`.",
)
RIGHTS = Code(
    "ZF-4002",
    "the container may not load a firewall",
    "The container does not have the capability NET_ADMIN, or a security profile forbids its use. " + CLOSED,
    "Start the container with `--cap-add NET_ADMIN` (see the README).",
)
REFUSED = Code(
    "ZF-4003",
    "the firewall could not be loaded",
    "The program nft is missing, or the kernel refused the rules: it may lack a feature of nftables. " + CLOSED,
    "It is tried again. The message names what was refused.",
)
CONTRADICTION = Code(
    "ZF-4004",
    "the firewall's settings contradict each other",
    "Source networks are given for a port that is not open, two settings open one port, or a port that is not an extra "
    "port should open early. A guess could open a port to everybody. The table that was loaded before stays.",
    "Correct the settings named in the message, then run `zflow resume`.",
)
SHARED = Code(
    "ZF-4005",
    "the container shares its host's network",
    "It has interfaces of real devices, as with `--network host`. A closed firewall would close the host, and lock out "
    "its operator. Nothing was loaded.",
    "Give the container its own network and publish its ports (see the README). If the device was given to the "
    "container on purpose, set ZFLOW_FIREWALL_HOST_NETWORK=yes.",
)

CODES = (KERNEL, RIGHTS, REFUSED, CONTRADICTION, SHARED)
