"""What an operator decides about the Ubuntu on the volume; it has an effect at the first start only."""

from __future__ import annotations

from states.ubuntu.settings import APT_PROXY, MIRROR, PROXY, UBUNTU
from zflow.api import Setting, absolute_path, sha256_hex

KEYRING = Setting(
    "keyring",
    absolute_path,
    "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
    "Keyring that checks the mirror's signatures. A keyring that is not the default is copied to the volume too.",
    "/data/app/mirror.gpg",
)
ROOTFS_ARCHIVE = Setting(
    "rootfs_archive",
    absolute_path,
    None,
    "Tar archive of a finished Ubuntu, used instead of the mirror: for a first start without a network.",
    "/data/app/ubuntu-18.04.tar.zst",
)
ROOTFS_SHA256 = Setting(
    "rootfs_sha256",
    sha256_hex,
    None,
    "SHA-256 of rootfs_archive; required if that is set.",
    "5f2b0b1e5c0d7f7b1f4c0f6d8f4d1b7c2b6a3e9d0c8f7a6b5c4d3e2f1a0b9c8d",
)

SETTINGS = (UBUNTU, MIRROR, PROXY, APT_PROXY, KEYRING, ROOTFS_ARCHIVE, ROOTFS_SHA256)
