"""What an operator decides about the Ubuntu on the volume; it matters on the first start only."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from states.ubuntu.suites import SUITES
from zflow.api import Setting, absolute_path, choice, sha256_hex, url


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
KEYRING = Setting(
    "keyring",
    absolute_path,
    "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
    "Keyring that the mirror's signatures are checked with; another than the default goes onto the volume too.",
    "/data/app/mirror.gpg",
)
ROOTFS_ARCHIVE = Setting(
    "rootfs_archive",
    absolute_path,
    None,
    "Tar archive of a finished Ubuntu to use in place of the mirror, for a first start without a network.",
    "/data/app/ubuntu-18.04.tar.zst",
)
ROOTFS_SHA256 = Setting(
    "rootfs_sha256",
    sha256_hex,
    None,
    "SHA-256 of rootfs_archive; required with it.",
    "5f2b0b1e5c0d7f7b1f4c0f6d8f4d1b7c2b6a3e9d0c8f7a6b5c4d3e2f1a0b9c8d",
)

SETTINGS = (UBUNTU, MIRROR, PROXY, APT_PROXY, KEYRING, ROOTFS_ARCHIVE, ROOTFS_SHA256)
