"""The product's part of the command line: `zflow tls` lies in `tls`, and so on.

Beside the states and not within them: importing a module of a state's package loads all steps of the state, and
`zflow --help` and completion load the commands.
"""

from states.commands import alert, dkim, dns, firewall, install, tls, upgrade

ABOUT = "Turns an empty volume into a running, hardened Zimbra mail server, and keeps it that way."
COMMANDS = (firewall.firewall, tls.tls, dns.dns, dkim.dkim, alert.alert, install.install, upgrade.upgrade)

__all__ = ["ABOUT", "COMMANDS"]
