"""conf/localconfig.xml: reading and writing the vendor's local settings, with the defaults that matter here."""

import os
import time
import xml.etree.ElementTree as Xml
from contextlib import suppress
from typing import Dict

from . import host

PATH = host.CONF / "localconfig.xml"

DEFAULTS = {
    "av_notify_user": "",
    "command_line_editing_enabled": "true",
    "ldap_host": "",
    "ldap_is_master": "false",
    "ldap_master_url": "",
    "ldap_port": "",
    "ldap_starttls_supported": "0",
    "ldap_url": "",
    "mailboxd_directory": "${zimbra_home}/mailboxd",
    "mailboxd_java_heap_size": "512",
    "mailboxd_keystore": "${mailboxd_directory}/etc/keystore",
    "mailboxd_server": "jetty",
    "mailboxd_truststore_password": "changeit",
    "postfix_mail_owner": "postfix",
    "postfix_setgid_group": "postdrop",
    "smtp_destination": "",
    "smtp_source": "",
    "ssl_default_digest": "sha256",
    "zimbra_home": "/opt/zimbra",
    "zimbra_ldap_userdn": "uid=zimbra,cn=admins,cn=zimbra",
    "zimbra_log_directory": "${zimbra_home}/log",
    "zimbra_require_interprocess_security": "1",
    "zimbra_server_hostname": "localhost",
    "zimbra_tmp_directory": "${zimbra_home}/data/tmp",
    "zimbra_zmprov_default_to_ldap": "false",
    "zmconfigd_enable_config_restarts": "true",
    "zmconfigd_interval": "60",
}

GUARDED = ("zimbra_home", "ldap_root_password", "zimbra_ldap_password", "zimbra_mysql_password", "mysql_root_password")
"""Edited with `-f` only."""


def changed() -> Dict[str, str]:
    """What the file sets; nothing when it is away for more than the moment in which it is written."""
    for patience in (0.01, 0.0):
        with suppress(FileNotFoundError):
            root = Xml.parse(str(PATH)).getroot()
            return {key.get("name", ""): key.findtext("value") or "" for key in root.findall("key")}
        time.sleep(patience)
    return {}


def current() -> Dict[str, str]:
    """What the file sets, over the defaults."""
    return dict(DEFAULTS, **changed())


def expand(value: str) -> str:
    """Replace `${key}` references."""
    known = current()
    for _ in range(5):
        for key, text in known.items():
            value = value.replace("${" + key + "}", text)
    return value


def get(key: str) -> str:
    """One expanded value, or nothing."""
    return expand(current().get(key, ""))


def save(values: Dict[str, str]) -> None:
    """Write the file again, as the vendor does: beside it, then the old one is removed, then a rename; no lock."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "", "<localconfig>"]
    for key, value in sorted(values.items()):
        text = value.replace("&", "&amp;").replace("<", "&lt;")
        lines += ['  <key name="{}">'.format(key), "    <value>{}</value>".format(text), "  </key>"]
    fresh = PATH.with_name("{}.{}".format(PATH.name, os.getpid()))
    host.write_atomic(fresh, "\n".join([*lines, "</localconfig>", ""]))
    if PATH.exists():
        PATH.unlink()
    os.rename(str(fresh), str(PATH))


def edit(**values: str) -> None:
    """Set some keys."""
    save(dict(changed(), **values))
