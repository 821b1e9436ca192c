"""The settings that name an Ubuntu and the way to its packages; an Ubuntu on the volume is never changed by them."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from states.ubuntu.suites import SUITES
from zflow.api import Setting, choice, url


def mirror(value: str) -> str:
    """Accept an http(s) URL whose name and password, where it has them, fit into apt's file of passwords."""
    found = url("http", "https")(value)
    if re.search(r"\s", unquote(urlsplit(found).netloc.rpartition("@")[0])):
        raise ValueError("the password has a blank, which apt's auth.conf cannot hold")
    return found


UBUNTU = Setting(
    "ubuntu",
    choice(*SUITES),
    "18.04",
    "Ubuntu release put onto an empty volume. An existing installation is never changed by it.",
    "22.04",
)
MIRROR = Setting(
    "mirror",
    mirror,
    "http://archive.ubuntu.com/ubuntu",
    "Mirror of the Ubuntu archive; it must carry the -updates and -security pockets as well.",
    "http://mirror.example.org/ubuntu",
)
PROXY = Setting(
    "proxy",
    url("http", "https"),
    None,
    "Proxy for all that is downloaded by http and https: Ubuntu's packages, at the first start and for the daily "
    "updates, the Zimbra release, its key and packages. Not for certificates' issuers.",
    "http://proxy.example.org:3128",
)
APT_PROXY = Setting(
    "apt_proxy",
    url("http"),
    None,
    "Cache in front of the archive that serves apt alone, such as apt-cacher-ng: what apt fetches by http goes through "
    "it; all else, and what apt fetches by https, through `ZFLOW_PROXY`, or directly.",
    "http://cache.example.org:3142",
)
