"""The errors of the install's own steps, ZF-30xx."""

from __future__ import annotations

from zflow.api import Code

PREFLIGHT = Code(
    "ZF-3001",
    "the server cannot be installed in this container yet",
    "zflow checks the container before the vendor's installer writes anything. The message lists what is wrong.",
    "Correct everything named in the message, then restart the container or run `zflow resume`.",
)
RENAMED = Code(
    "ZF-3002",
    "the server's name is not the one it was installed with",
    "Certificates, LDAP and the database hold the installed name. Under another name the services would not start.",
    "Start the container with the installed name (`--hostname NAME` or ZFLOW_HOSTNAME). To rename the server, "
    "start it with the installed name, run `zflow shell su - zimbra -c '/opt/zimbra/libexec/zmsetservername -n "
    "NEWNAME'`, then create the container again with the new name.",
)
DATA_PRESENT = Code(
    "ZF-3018",
    "the volume holds a server with data that is not complete",
    "The volume holds a configured Zimbra whose mark is missing, and the server lacks the parts named in the "
    "message. A new install would delete its data. Nothing was stopped or removed.",
    "Correct the problem named in the message in `zflow shell` and run `zflow resume`: zflow keeps a server that "
    "is complete. Or restore the volume from a backup.",
)
DNS = Code(
    "ZF-3019",
    "the server's own DNS does not work",
    "dnsmasq stopped, or it does not answer on 127.0.0.1:53. Another program may use the port.",
    "Stop the program that uses port 53 in the container, then run `zflow resume`.",
)
MENU = Code(
    "ZF-3030",
    "the vendor's menu waits for your answers",
    "ZFLOW_INSTALL is attended: the software is installed, and you answer its configuration.",
    "Run `podman exec -it NAME zflow install` (or docker; NAME is the container's), answer the menu and apply it "
    "with `a`. zflow then checks the server and continues.",
)
MENU_CLOSED = Code(
    "ZF-3031",
    "the vendor's menu cannot be opened now",
    "It opens in attended mode only, after the software is installed and before the server is configured.",
    "Run `zflow status`: while it shows ZF-3030, the menu can be opened.",
)
MENU_RESULT = Code(
    "ZF-3032",
    "the server that was configured in the menu is not complete",
    "zflow checked its directory and its services. The message lists what is missing.",
    "Correct it with the vendor's tools in `zflow shell` and run `zflow resume`. Or run `zflow install --again`, "
    "which restores a clean software install, and open the menu again.",
)

CODES = (
    PREFLIGHT, RENAMED, DATA_PRESENT, DNS, MENU, MENU_CLOSED, MENU_RESULT,
)  # fmt: skip
