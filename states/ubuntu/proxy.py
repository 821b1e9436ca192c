"""How apt reaches its servers: the proxies, and the passwords that a proxy or the mirror asks for.

apt reads both from files that only root can read. In any other file, or in the arguments of a command (proc(5),
cmdline), an attacker inside one of the server's programs could read the password.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from states.ubuntu.settings import APT_PROXY, MIRROR, PROXY
from zflow.api import Context, holds, make_folder, remove_file, write_atomic

CONFIG = Path("etc/apt/apt.conf.d/52zflow-proxy")
AUTH = Path("etc/apt/auth.conf.d/zflow-mirror.conf")
"""apt_auth.conf(5); read by root before apt gives up its rights, since apt 1.5."""
USER = re.compile(r"//[^/@\s]*@")
"""The name and password of a URL, anywhere in a text."""


def for_apt(ctx: Context, place: str) -> str | None:
    """Return the proxy by which apt fetches a URL; a cache for apt does not forward encrypted connections."""
    if place.startswith("http:") and (cache := ctx.settings.get(APT_PROXY)):
        return cache
    return ctx.settings.get(PROXY)


def config(ctx: Context) -> str:
    """Return apt's configuration of proxies; empty where none is set."""
    if not (ctx.settings.get(APT_PROXY) or ctx.settings.get(PROXY)):
        return ""
    lines = [f'Acquire::{kind}::Proxy "{for_apt(ctx, f"{kind}:") or "DIRECT"}";' for kind in ("http", "https")]
    return "\n".join(["// Written by zflow at every start, from ZFLOW_PROXY and ZFLOW_APT_PROXY.", *lines]) + "\n"


def plain(url: str) -> str:
    """Return a URL without name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def without_password(text: str) -> str:
    """Return a text without the names and passwords of the URLs in it."""
    return USER.sub("//", text)


def auth(ctx: Context) -> str:
    """Return apt's file of passwords for the mirror; empty where it needs none.

    The entry stands twice: apt 1.6 (18.04) knows no scheme there, and later ones send a password by http only with it.
    """
    mirror = ctx.settings[MIRROR]
    user, at, _ = urlsplit(mirror).netloc.rpartition("@")
    if not at:
        return ""
    name, _, password = (unquote(part) for part in user.partition(":"))
    place = plain(mirror)
    machines = (place, place.partition("://")[2])
    return "".join(f"machine {each} login {name} password {password}\n" for each in machines)


def in_place(ctx: Context) -> bool:
    """Tell whether the proxies are in the Ubuntu's configuration, and others cannot read a password there."""
    path, wanted = ctx.volume / CONFIG, config(ctx)
    if not wanted:
        return not path.exists()
    return holds(path, wanted) and path.stat().st_mode & 0o777 == _mode(wanted)


def place(ctx: Context) -> None:
    """Write the proxies into the Ubuntu's configuration, or remove them."""
    if wanted := config(ctx):
        write_atomic(ctx.volume / CONFIG, wanted, mode=_mode(wanted))
    else:
        remove_file(ctx.volume / CONFIG)


def _mode(text: str) -> int:
    return 0o600 if "@" in text else 0o644


def write_secret(path: Path, text: str) -> None:
    """Write a file that only root can read."""
    make_folder(path.parent)
    write_atomic(path, text, mode=0o600)
