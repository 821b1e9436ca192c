"""What an operator decides about the server: release, package source, administrator's password, sizes."""

from __future__ import annotations

import re

from states.zimbra.releases import RELEASES, ZIMBRA_KEY, ZIMBRA_KEY_URL
from zflow.api import Secret, Setting, choice, many, number, sha256_hex, url

SHORTEST, LONGEST = 8, 64
"""Characters of the administrator's password: zimbraPasswordMinLength is 6, and zimbraPasswordMaxLength is 64
(zimbra-attrs.xml 8.8.15, 472-480); `zmprov ca` refuses others, and zmsetup.pl goes on without an administrator."""
FORBIDDEN = re.compile(r"""[^ -~]|["'$\\`|]""")
"""What does not reach the server as it was written: quotes and the like, which the two readers of the answers or the
shells of zmsetup.pl take for their own (docs/zimbra.md §2.1, §2.2); control characters, of which bash drops some; and
what is not ASCII, of which Java makes U+FFFD in the vendor's C locale (zm-build 8.8.15,
rpmconf/Env/zimbra.bash_profile, 18-19)."""

GENERATED = "admin_password"
"""The secret that is the administrator's password where the operator chose none."""


def password(value: str) -> Secret:
    """Accept a password: an installed server's may be any, hence all that an install asks is asked by `arriving`."""
    _long_enough(value)
    return Secret(value)


def arriving(written: str) -> None:
    """Accept a password that reaches the directory as it is written; the message tells nothing of it."""
    if written.startswith("\ufeff"):
        raise ValueError("it begins with a byte order mark; save it as UTF-8 without one")
    if "\r" in written:
        raise ValueError("it has a carriage return; save it with the line ends of Unix")
    _long_enough(written)
    if len(written) > LONGEST:
        raise ValueError(f"the password has {len(written)} characters; it takes {SHORTEST} to {LONGEST}")
    if " " in written or FORBIDDEN.search(written):
        raise ValueError(
            "the password has a blank or a character that Zimbra's installer would change; allowed are letters, digits "
            "and punctuation of ASCII, but no quote, dollar sign, backslash, backquote or bar"
        )


def _long_enough(value: str) -> None:
    if len(value) < SHORTEST:
        raise ValueError(f"the password has {len(value)} characters; it takes {SHORTEST} to {LONGEST}")


def path_or_url(value: str) -> str:
    """Accept an absolute path or an http(s) URL."""
    if value.startswith("/") and "\n" not in value:
        return value
    try:
        return url("http", "https")(value)
    except ValueError:
        raise ValueError(f"{value!r} is neither an absolute path nor an http(s) URL") from None


def apt_source(value: str) -> str:
    """Accept what apt reads packages from: http(s)://HOST/PATH or file:/PATH."""
    if re.fullmatch(r"file:/[^\s\[\]]+", value):
        return value
    return url("http", "https")(value)


def fingerprint(value: str) -> str:
    """Accept the full fingerprint of an OpenPGP key, 40 hex digits; short ids are refused: anybody can make another."""
    digits = re.sub(r"\s", "", value).upper().removeprefix("0X")
    if not re.fullmatch(r"[0-9A-F]{40}", digits):
        raise ValueError(f"{value!r} is not a full fingerprint of 40 hex digits")
    return digits


def time_zone(value: str) -> str:
    """Accept the name of a time zone of the Olson database, by its form."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", value):
        raise ValueError(f"{value!r} is not the name of a time zone such as Europe/Berlin")
    return value


RELEASE = Setting(
    "release",
    choice(*RELEASES),
    "8.8.15",
    "Zimbra release to install. It never changes an existing installation.",
    "10.1",
)
RELEASE_URL = Setting(
    "release_url",
    path_or_url,
    None,
    "Archive URL (http or https) or the absolute path of a file. Not set: the vendor's archive, if known.",
    "/data/app/zcs-8.8.15_GA_3869.UBUNTU18_64.20190918004220.tgz",
)
RELEASE_SHA256 = Setting(
    "release_sha256",
    sha256_hex,
    None,
    "SHA-256 of the archive named by release_url; required with it.",
    "28d39a32328db0586d35cc7a461e92a43939aebe6f0ab58ee9225cb8824835db",
)
INSTALL = Setting(
    "install",
    choice("unattended", "attended"),
    "unattended",
    "Who answers the vendor's configuration: zflow, from the settings, or you, in the vendor's own menu.",
    "attended",
)
PACKAGE_SOURCE = Setting(
    "package_source",
    many(apt_source),
    None,
    "Where the vendor's packages come from: http(s) or file: sources, seen from inside the Ubuntu, separated by "
    "commas. Not set: the vendor's own for the release.",
    "https://mirror.example.org/zimbra/apt/87,https://mirror.example.org/zimbra/apt/8815",
)
VENDOR_KEY = Setting(
    "vendor_key",
    path_or_url,
    ZIMBRA_KEY_URL,
    "Public key that signs the vendor's packages: a file or an http(s) URL. Checked by its fingerprint.",
    "/data/app/zimbra.asc",
)
VENDOR_KEY_FINGERPRINT = Setting(
    "vendor_key_fingerprint",
    fingerprint,
    ZIMBRA_KEY,
    "Full fingerprint of that key.",
    ZIMBRA_KEY,
)
ADMIN_PASSWORD = Setting(
    "admin_password",
    password,
    None,
    f"First password of the administrator: {SHORTEST} to {LONGEST} letters, digits and signs of ASCII, but no quote, "
    "dollar sign, backslash, backquote or bar; better given as ZFLOW_ADMIN_PASSWORD_FILE. Not set: one is generated, "
    "see /data/.zflow/secrets/admin_password.",
    "a-long-pass-phrase",
    strict=arriving,
)
TIMEZONE = Setting(
    "timezone",
    time_zone,
    "UTC",
    "Time zone of new accounts' calendars.",
    "Europe/Berlin",
)
MAILBOX_MEMORY = Setting(
    "mailbox_memory_percent",
    number(5, 75),
    "25",
    "Share of the container's memory given to the mailbox server's Java heap, in per cent.",
    "30",
)
DATABASE_MEMORY = Setting(
    "database_memory_percent",
    number(5, 75),
    "30",
    "Share of the container's memory given to the database, in per cent.",
    "25",
)
MINIMUM_MEMORY = Setting(
    "minimum_memory_gib",
    number(1, 1024),
    "6",
    "Memory below which the install is refused, in GiB; less than 6 is for rehearsals.",
    "2",
)
MINIMUM_DISK = Setting(
    "minimum_disk_gib",
    number(1, 1 << 20),
    "5",
    "Free space on the volume below which the install is refused, in GiB; less than 5 is for rehearsals.",
    "1",
)

SETTINGS = (
    RELEASE, RELEASE_URL, RELEASE_SHA256, INSTALL, PACKAGE_SOURCE, VENDOR_KEY, VENDOR_KEY_FINGERPRINT, ADMIN_PASSWORD,
    TIMEZONE, MAILBOX_MEMORY, DATABASE_MEMORY, MINIMUM_MEMORY, MINIMUM_DISK,
)  # fmt: skip
