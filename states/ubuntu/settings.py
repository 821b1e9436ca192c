"""The settings that name an Ubuntu release, and the mirror and proxies by which its packages come."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from states.ubuntu.suites import SUITES
from zflow.api import Setting, choice, url


def mirror(value: str) -> str:
    """Accept an http(s) URL; if it has a name and a password, apt's file of passwords must be able to hold them."""
    found = url("http", "https")(value)
    if re.search(r"\s", unquote(urlsplit(found).netloc.rpartition("@")[0])):
        raise ValueError("the password has a blank; apt's auth.conf cannot hold it")
    return found


UBUNTU = Setting(
    "ubuntu",
    choice(*SUITES),
    "18.04",
    "Ubuntu release that is installed on an empty volume. It never changes an existing installation.",
    "22.04",
)
MIRROR = Setting(
    "mirror",
    mirror,
    "http://archive.ubuntu.com/ubuntu",
    "Mirror of the Ubuntu archive, with the -updates and -security pockets.",
    "http://mirror.example.org/ubuntu",
)
PROXY = Setting(
    "proxy",
    url("http", "https"),
    None,
    "Proxy for all downloads by http and https: Ubuntu's packages, at the first start and for the daily updates, and "
    "the Zimbra release, its key and its packages. Not for the certificates of issuers.",
    "http://proxy.example.org:3128",
)
APT_PROXY = Setting(
    "apt_proxy",
    url("http"),
    None,
    "Cache for apt alone, such as apt-cacher-ng: apt's downloads by http go through it. All other downloads go through "
    "`ZFLOW_PROXY`, or directly.",
    "http://cache.example.org:3142",
)
