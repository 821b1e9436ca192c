"""zmtlsctl: the web mode of the store and of the proxy."""

from typing import List

from . import host, localconfig, zmprov

MODES = ("both", "http", "https", "mixed", "redirect")


def main(arguments: List[str]) -> int:
    """zmtlsctl [both|http|https|mixed|redirect]"""
    host.require_zimbra("Error: zmtlsctl must be run as user zimbra")
    mode = arguments[0] if arguments else "https"
    if mode not in MODES:
        print("Usage: zmtlsctl [{}]".format("|".join(MODES)))
        return 1
    name = localconfig.get("zimbra_server_hostname")
    print("Setting ldap config zimbraMailMode {} for {}...".format(mode, name), end="", flush=True)
    code = zmprov.main(["-l", "ms", name, "zimbraMailMode", mode, "zimbraReverseProxyMailMode", mode])
    print("failed." if code else "done.")
    return 1 if code else 0
