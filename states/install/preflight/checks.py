"""All checks as one table, in the order of their findings."""

from __future__ import annotations

from states.install.preflight import names, network, room, system
from states.install.preflight.clock import clock
from states.install.preflight.finding import Check

CHECKS = (
    Check("host name", names.host_name, "zmsetup.pl derives its defaults from `hostname --fqdn`, docs/zimbra.md §7"),
    Check("administrator", names.administrator, "`zmprov ca` fails in silence for a domain that does not exist"),
    Check("hosts file", names.hosts_file, "install.sh ends with 1, docs/zimbra.md §1.3, §7"),
    Check("own name", network.own_name, "LDAP, Postfix and the database are reached by it; docs/zimbra.md §7"),
    Check("nameservers", network.forwarders, "mail for others needs MX records; nothing of the install does"),
    Check("release", system.release, "there would be nothing to install"),
    Check("package sources", system.package_sources, "apt calls an absent folder an unsigned source"),
    Check("packages", system.packages, "install.sh names neither perl nor lsb_release when it misses them"),
    Check("memory", room.memory_size, "not looked at by the vendor; the servers are killed, docs/zimbra.md §7"),
    Check("open files", room.open_file_limit, "`su - zimbra` fails in pam_limits, docs/zimbra.md §7"),
    Check("disk", room.disk, "skipped by the unattended installer, docs/zimbra.md §1.2"),
    Check("ports", network.ports, "zmsetup.pl -c only prints the conflict, docs/zimbra.md §2.1"),
    Check("/opt/zimbra", system.home, "links are refused, mounts inside it are emptied, docs/zimbra.md §1.3, §1.6"),
    Check("file capabilities", system.file_capabilities, "10.x runs setcap on slapd and nginx, docs/zimbra.md §7"),
    Check("egress", network.egress, "the archive, the key and the packages are fetched"),
    Check("clock", clock, "TLS and the signatures of package lists are valid for a time only"),
)
