"""The server's directory (LDAP) asked without the JVM that `zmprov` starts: it takes 10 ms.

Where slapd runs, one search over its local socket, as the vendor's own start script makes it (zm-core-utils,
src/bin/ldap.production, checkListening); where it does not, slapcat reads the files (src/libexec/zmrcd, slapcat).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import wraps

from states.zimbra.localconfig import local_value
from states.zimbra.tools import Attributes, as_zimbra
from zflow.api import CommandError, Context, Drift, Evidence

SEARCH = "/opt/zimbra/common/bin/ldapsearch"
CAT = ("/opt/zimbra/common/sbin/slapcat", "-F", "/opt/zimbra/data/ldap/config", "-b", "", "-a")
CONFIG, GLOBAL = "cn=config,cn=zimbra", "(objectClass=zimbraGlobalConfig)"
"""The entry of the global configuration; zm-ldap-utilities, conf/ldap/zimbra_globalconfig.ldif."""
SERVERS = "cn=servers,cn=zimbra"
DOMAINS = "(objectClass=zimbraDomain)"
SECONDS = 60.0

Look = Callable[[Context], "Evidence | Drift | None"]
Entry = dict[str, tuple[str, ...]]
"""Values by the attribute's name in lower case."""


def read_config(ctx: Context, names: tuple[str, ...]) -> Attributes:
    """Return attributes of the global configuration in one call; one that is not set is the empty tuple.

    Raises CommandError where neither the server nor its files answer.
    """
    return _first(_ask(ctx, CONFIG, "base", GLOBAL, names), names)


def read_server(ctx: Context, name: str, attribute: str) -> tuple[str, ...]:
    """Return an attribute of a server's own entry. Raises CommandError."""
    return _own(ctx, name, (attribute,))[attribute]


def in_force(ctx: Context, server: str, *names: str) -> dict[str, str]:
    """Return attributes of a server's entry; one that is not set there is the global configuration's."""
    everywhere, own = read_config(ctx, names), _own(ctx, server, names)
    return {name: " ".join(own[name] or everywhere[name]) for name in names}


def _own(ctx: Context, server: str, names: tuple[str, ...]) -> Attributes:
    return _first(_ask(ctx, SERVERS, "one", f"(&(objectClass=zimbraServer)(cn={server}))", names), names)


def _first(found: list[Entry], names: tuple[str, ...]) -> Attributes:
    return {name: found[0].get(name.lower(), ()) if found else () for name in names}


def read_domains(ctx: Context, attribute: str) -> dict[str, tuple[str, ...]]:
    """Return an attribute of each mail domain; empty for a domain without it. Raises CommandError."""
    found = _ask(ctx, "", "sub", DOMAINS, ("zimbraDomainName", attribute))
    return {each["zimbradomainname"][0]: each.get(attribute.lower(), ()) for each in found}


def selectors(ctx: Context) -> dict[str, str]:
    """Return the selector of each mail domain's DKIM key; empty for a domain without one. Raises CommandError."""
    return {domain: (*values, "")[0] for domain, values in read_domains(ctx, "DKIMSelector").items()}


def _ask(ctx: Context, base: str, scope: str, wanted: str, names: tuple[str, ...]) -> list[Entry]:
    """Return what slapd answers, or, when it does not or finds nothing, what its files hold."""
    who, password = local_value(ctx, "zimbra_ldap_userdn"), local_value(ctx, "zimbra_ldap_password")
    encrypted = () if (local_value(ctx, "ldap_common_require_tls") or "0") == "0" else ("-ZZ",)
    # As root: only root may open the pipe with the password by its name in /dev.
    found = ctx.shell.chroot(
        SEARCH, "-x", *encrypted, "-LLL", "-o", "ldif-wrap=no", "-H", "ldapi:///",
        "-D", who or "uid=zimbra,cn=admins,cn=zimbra", "-y", "/dev/stdin", "-b", base, "-s", scope, wanted, *names,
        stdin=password or "", ok=range(256), quiet=True, timeout=SECONDS,
    )  # fmt: skip
    if found.code == 0 and (answer := entries(found.output)):
        return answer
    if found.code:
        ctx.log(f"{SEARCH} ended with {found.code}: {found.output.strip().rpartition(chr(10))[2]}")
    return entries(as_zimbra(ctx, *CAT, wanted, quiet=True, timeout=SECONDS).output)


def entries(ldif: str) -> list[Entry]:
    """Return the entries of an LDIF (RFC 2849), `dn` among their attributes."""
    found: list[Entry] = []
    for line in ldif.replace("\n ", "").splitlines():
        if (match := re.match(r"([A-Za-z][\w;.-]*):(:?) ?(.*)$", line)) is None:
            continue
        name, value = match[1].lower(), _decoded(match[3]) if match[2] else match[3]
        if name == "dn":
            found.append({"dn": (value,)})
        elif found:
            found[-1][name] = (*found[-1].get(name, ()), value)
    return found


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value).decode(errors="replace")
    except binascii.Error:
        return value


def unless_silent(look: Look) -> Look:
    """Return `look` as one that reports a notice, and does not fail, when the directory does not answer.

    A step whose look fails is blocked; one that stands before the firewall opens would keep all ports closed. `look`
    checks a mark before it asks whether all was written once: silence is no proof of that.
    """

    @wraps(look)
    def asked(ctx: Context) -> Evidence | Drift | None:
        try:
            return look(ctx)
        except CommandError as error:
            return Evidence("as written last", (f"the directory does not answer: {error.detail}",))

    return asked
