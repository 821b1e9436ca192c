"""The errors of install (ZF-30xx) and of the running services (ZF-31xx)."""

from __future__ import annotations

from zflow.api import Code

PREFLIGHT = Code(
    "ZF-3001",
    "this container cannot take the server yet",
    "Checks before the first write of the vendor's installer, which by itself checks nearly nothing, found the below.",
    "Correct everything named below, then restart the container or run `zflow resume`.",
)
RENAMED = Code(
    "ZF-3002",
    "the server has another name than the one it was installed with",
    "Certificates, LDAP and the database hold the installed name; under another one nothing would start.",
    "Start the container with the installed name (`--hostname NAME`, ZFLOW_HOSTNAME). To really rename the server, "
    "start it so, run `/opt/zimbra/libexec/zmsetservername -n NEWNAME` inside `zflow shell` as user zimbra, and make "
    "the container again under the new name.",
)
DATA_PRESENT = Code(
    "ZF-3018",
    "a server with data is in the way",
    "The volume holds a configured Zimbra whose proof is lost, and the server lacks what the message names. Installing "
    "again would delete its data; nothing was stopped or removed.",
    "Correct what the message names in `zflow shell` and run `zflow resume`: a server that lacks nothing is kept as "
    "it is. Else restore the volume from a backup.",
)
DNS = Code(
    "ZF-3019",
    "the server's own DNS does not work",
    "dnsmasq ended, or does not answer on 127.0.0.1:53; another program may hold the port.",
    "End what holds port 53 inside the container, then run `zflow resume`.",
)
MENU = Code(
    "ZF-3030",
    "the vendor's menu waits for you",
    "ZFLOW_INSTALL is attended: the software is installed, and its configuration is yours to answer.",
    "Run `podman exec -it NAME zflow install` (or docker; NAME is the container's), answer the menu and apply it with "
    "`a`. zflow then reads the server back and goes on by itself.",
)
MENU_CLOSED = Code(
    "ZF-3031",
    "the vendor's menu cannot be opened now",
    "It belongs between the installed software and the configured server, and is opened in attended mode only.",
    "Look at `zflow status`: while it says ZF-3030 the menu can be opened.",
)
MENU_RESULT = Code(
    "ZF-3032",
    "the server that was configured in the menu is not complete",
    "zflow read it back from its directory and its services, and what is named below is missing.",
    "Correct it with the vendor's tools in `zflow shell` and run `zflow resume`; or run `zflow install --again`, which "
    "puts back a clean software install, and open the menu again.",
)

CODES = (
    PREFLIGHT,
    RENAMED,
    DATA_PRESENT,
    DNS,
    MENU,
    MENU_CLOSED,
    MENU_RESULT,
)
