"""The packages: which lie in the archive, which in the repository, what they depend on, which commands they bring."""

from __future__ import annotations

from dataclasses import dataclass

from .release import Release


@dataclass(frozen=True)
class Package:
    """A package before it is built."""

    name: str
    depends: tuple[str, ...] = ()


SYSTEM = (
    "coreutils",
    "cron",
    "file",
    "libcap2-bin",
    "lsb-release",
    "net-tools",
    "netcat-openbsd",
    "openssl",
    "perl",
    "procps",
    "python3",
    "rsyslog",
    "sudo",
    "unzip",
)
"""What zimbra-os-requirements pulls from Ubuntu; python3 is the stand-in's own need."""


def in_repository(release: Release) -> list[Package]:
    """The parts that the vendor keeps in its repository; the real servers come in as their dependencies.

    The bases hold nothing: by them the vendor removes all that depends on them (Zimbra/packages, zimbra/*-base).
    """
    resolvconf = ("resolvconf",) if release.ubuntu in ("18.04", "20.04") else ()
    parts = {
        "apache": (),
        "ldap": (),
        "mta": ("postfix",),
        "proxy": ("nginx-light", "libnginx-mod-mail"),
        "snmp": (),
        "spell": (),
        "store": (),
    }
    return [
        Package("zimbra-base"),
        Package("zimbra-os-requirements", ("zimbra-base", *SYSTEM, *resolvconf)),
        Package("zimbra-core-components", ("zimbra-base", "zimbra-os-requirements")),
        *(Package(f"zimbra-{part}-base", ("zimbra-base",)) for part in (*parts, "memcached")),
        *(
            Package(f"zimbra-{part}-components", (f"zimbra-{part}-base", "zimbra-core-components", *ubuntus))
            for part, ubuntus in parts.items()
        ),
        Package("zimbra-memcached", ("zimbra-memcached-base", "memcached")),
        *patches(release),
    ]


def patches(release: Release) -> list[Package]:
    """The patches beside the vendor's packages of 8.8.15; newer releases have them for builds with a licence only."""
    parts = {"zimbra-patch": "zimbra-store", "zimbra-mta-patch": "zimbra-mta", "zimbra-proxy-patch": "zimbra-proxy"}
    return [Package(name, (part,)) for name, part in parts.items()] if release.is_8815 else []


def in_archive(release: Release) -> list[Package]:
    """The parts that lie in packages/."""
    parts = [Package("zimbra-core", ("zimbra-core-components",)), Package("zimbra-logger", ("zimbra-core",))]
    parts += [
        Package(f"zimbra-{part}", ("zimbra-core", f"zimbra-{part}-components"))
        for part in ("apache", "ldap", "mta", "proxy", "snmp", "spell", "store")
    ]
    if release.is_8815:
        parts += [Package(f"zimbra-{part}", ("zimbra-store",)) for part in ("chat", "drive", "imapd")]
    return parts


_CONTROLS = {
    "zimbra-core": ("zmconfigdctl", "zmstatctl"),
    "zimbra-ldap": ("ldap",),
    "zimbra-logger": ("zmloggerctl",),
    "zimbra-mta": ("zmamavisdctl", "zmantispamctl", "zmantivirusctl", "zmmtactl", "zmopendkimctl"),
    "zimbra-proxy": ("zmmemcachedctl", "zmproxyctl"),
    "zimbra-snmp": ("zmswatchctl",),
    "zimbra-spell": ("zmspellctl",),
    "zimbra-store": ("zmmailboxdctl", "zmstorectl"),
}

_COMMANDS = {
    "zimbra-core": {
        "bin/zmcertmgr": "zmcertmgr.main",
        "bin/zmcontrol": "zmcontrol.main",
        "bin/zmdhparam": "zmdhparam.main",
        "bin/zmlocalconfig": "zmlocalconfig.main",
        "bin/zmprov": "zmprov.main",
        "bin/zmtlsctl": "zmtlsctl.main",
        "libexec/configrewrite": "configrewrite.main",
        "libexec/standin-listener": "listener.main",
        "libexec/zmdkimkeyutil": "zmdkimkeyutil.main",
        "libexec/zmsetup.pl": "zmsetup.main",
    },
    "zimbra-ldap": {
        "bin/zmldappasswd": "ldapinit.passwd",
        "libexec/zmldapinit": "ldapinit.main",
    },
    "zimbra-core-components": {"common/bin/ldapsearch": "ldapsearch.main"},
    "zimbra-ldap-components": {
        "common/libexec/slapd": "listener.main",
        "common/sbin/slapcat": "ldapsearch.slapcat",
    },
}

_LINKS = {
    "zimbra-core-components": {"common/bin/openssl": "/usr/bin/openssl"},
    "zimbra-memcached": {"common/bin/memcached": "/usr/bin/memcached"},
    "zimbra-proxy-components": {"common/sbin/nginx": "/usr/sbin/nginx"},
}
"""Ubuntu's programs in the places of the vendor's."""

_IDLE = {
    "zimbra-apache-components": "common/bin/httpd",
    "zimbra-core-components": "common/lib/jvm/java/bin/java",
    "zimbra-snmp-components": "common/sbin/snmpd",
    "zimbra-spell-components": "common/bin/aspell",
    "zimbra-store-components": "common/sbin/mysqld",
}
"""Programs that nothing here calls: every component has files, as the vendor's."""

_LAUNCHER = """\
#!/usr/bin/python3
import sys

sys.path.insert(0, "/opt/zimbra/libexec")
from standin.{module} import {function}

sys.exit({function}({arguments}))
"""


def launchers(package: str) -> dict[str, str]:
    """Path under /opt/zimbra and text of each command a package brings."""
    texts = {_IDLE[package]: "#!/bin/sh\nexit 1\n"} if package in _IDLE else {}
    for path, target in _COMMANDS.get(package, {}).items():
        module, function = target.split(".")
        texts[path] = _LAUNCHER.format(module=module, function=function, arguments="sys.argv[1:]")
    for control in _CONTROLS.get(package, ()):
        arguments = f'["{control}", *sys.argv[1:]]'
        texts[f"bin/{control}"] = _LAUNCHER.format(module="services", function="main", arguments=arguments)
    return texts


def links(package: str) -> dict[str, str]:
    """Path under /opt/zimbra and target of each link a package brings."""
    return _LINKS.get(package, {})
