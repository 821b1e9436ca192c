"""zmcontrol: starts, stops and shows all enabled services in the vendor's order and words."""

import contextlib
import io
import os
import socket
import sys
import time
from typing import Dict, List, Tuple

from . import host, localconfig, services, store

CACHE = host.LOG / ".zmcontrol.cache"

START_ORDER = host.words(
    "ldap zmconfigd dnscache logger mailbox memcached proxy amavis antispam antivirus opendkim snmp spell mta stats "
    "service zimbra zimbraAdmin zimlet"
)

STOP_ORDER = host.words(
    "zmconfigd zimlet zimbraAdmin zimbra service stats mta spell snmp opendkim amavis antivirus antispam proxy "
    "memcached mailbox logger dnscache ldap"
)

COMMANDS: Dict[str, str] = {
    "amavis": "zmamavisdctl",
    "antispam": "zmantispamctl",
    "antivirus": "zmantivirusctl",
    "ldap": "ldap",
    "logger": "zmloggerctl",
    "mailbox": "zmstorectl",
    "memcached": "zmmemcachedctl",
    "mta": "zmmtactl",
    "opendkim": "zmopendkimctl",
    "proxy": "zmproxyctl",
    "service": "zmstorectl",
    "snmp": "zmswatchctl",
    "spell": "zmspellctl",
    "stats": "zmstatctl",
    "zimbra": "zmstorectl",
    "zimbraAdmin": "zmstorectl",
    "zimlet": "zmstorectl",
    "zmconfigd": "zmconfigdctl",
}

UNCOUNTED = ("stats", "snmp", "logger", "spell")
"""Stopped, these do not make `status` fail."""


def _title(service: str) -> str:
    return service + " webapp" if service in ("service", "zimbra", "zimbraAdmin", "zimlet") else service


def _certificate_fits() -> bool:
    """The vendor checks the name in LDAP's certificate: here, that the machine still has the installed name."""
    return localconfig.get("zimbra_server_hostname") in (socket.getfqdn(), socket.gethostname())


def _enabled() -> List[str]:
    """The services from LDAP, or the cache of the last day when it is down."""
    name = localconfig.get("zimbra_server_hostname")
    if host.listens(389):
        if localconfig.get("ldap_starttls_supported") == "1" and not _certificate_fits():
            warning = "Unable to start TLS: hostname verification failed when connecting to ldap master."
            print(warning, file=sys.stderr)
            return []
        with store.opened() as directory:
            enabled = directory.entries.get("server/" + name, {}).get("zimbraServiceEnabled", [])
        found = sorted({*enabled, "zmconfigd"})
        host.write_atomic(CACHE, "".join(service + "\n" for service in found))
        return found
    print("Connect: Unable to determine enabled services from ldap.", file=sys.stderr)
    if not CACHE.exists() or time.time() - CACHE.stat().st_mtime > 86400:
        print("Unable to determine enabled services. Cache is out of date or doesn't exist.")
        raise SystemExit(1)
    print("Enabled services read from cache. Service list may be inaccurate.", file=sys.stderr)
    return CACHE.read_text().split()


def _order(service: str) -> int:
    return START_ORDER.index(service) if service in START_ORDER else len(START_ORDER)


def _quietly(service: str, verb: str) -> Tuple[int, str]:
    """One control command with its output kept."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = services.main([COMMANDS[service], verb, "norewrite"])
    return code, output.getvalue()


def _heading() -> None:
    print("Host {}".format(localconfig.get("zimbra_server_hostname")), flush=True)


def _act(service: str, verb: str, present: str) -> int:
    print("\t{} {}...".format(present, _title(service)), end="", flush=True)
    code, output = _quietly(service, verb)
    print("Failed.\n{}\n".format(output) if code else "Done.", flush=True)
    return code


def start() -> int:
    """ldap first, for it knows the others."""
    _heading()
    if not services.SERVERS["slapd"].running() and _act("ldap", "start", "Starting"):
        return 1
    enabled = _enabled()
    if not enabled:
        return 1
    codes = [
        _act(service, "start", "Starting")
        for service in sorted(enabled, key=_order)
        if service != "ldap" and service in COMMANDS
    ]
    return 1 if any(codes) else 0


def stop() -> int:
    """Everything there is, whether enabled or not."""
    _heading()
    if not (host.HOME / "common/libexec/slapd").exists():
        return 0
    codes = [_act(service, "stop", "Stopping") for service in STOP_ORDER if service in COMMANDS]
    return 1 if any(codes) else 0


def status() -> int:
    """One line for each enabled service."""
    enabled = _enabled()
    if not enabled:
        print("Cannot determine services - exiting")
        return 1
    _heading()
    result = 0
    for service in sorted(service for service in enabled if service in COMMANDS):
        code, output = _quietly(service, "status")
        if code and service not in UNCOUNTED:
            result = 1
        print("\t{:<20} {:>10}".format(_title(service), "Stopped" if code else "Running"))
        if code:
            print("\t\t" + output, end="")
    return result


def version() -> int:
    """What is installed; a stand-in says that it is one."""
    known = host.release()
    print("Release {} {} FOSS edition, stand-in release.".format(known["full"], known["platform"]))
    return 0


def main(arguments: List[str]) -> int:
    """Verb or -v."""
    if host.whoami() != host.USER:
        raise host.fail("Run as the zimbra user!", 255)
    os.umask(0o027)
    word = arguments[0] if arguments else "-h"
    if word == "-v":
        return version()
    if word in ("start", "startup"):
        return start()
    if word in ("stop", "shutdown"):
        return stop()
    if word == "restart":
        stop()
        return start()
    if word == "status":
        return status()
    print("/opt/zimbra/bin/zmcontrol [ -v -h -H <host> ] command [args]\n")
    print("\tCommands in: restart shutdown start startup status stop")
    return 1
