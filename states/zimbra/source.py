"""The vendor's package source: its key by full fingerprint, its list and its packages' index.

The vendor's own way fetches a key by its last eight digits from a key server and accepts unsigned packages
(utilfunc.sh:2229-2363, 2822); with `USE_ZIMBRA_PACKAGE_SERVER="no"` it uses what is prepared here.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from states.ubuntu.settings import PROXY
from states.ubuntu.tree import os_release
from states.zimbra import codes, marks
from states.zimbra.openpgp import binary, primary_fingerprints
from states.zimbra.order import ordered
from states.zimbra.proof import proven
from states.zimbra.release import chosen
from states.zimbra.releases import RELEASES, line_of
from states.zimbra.settings import PACKAGE_SOURCE, VENDOR_KEY, VENDOR_KEY_FINGERPRINT
from zflow.api import (
    CommandError,
    Context,
    OperatorError,
    TransientError,
    holds,
    make_folder,
    write_atomic,
)

KEYRING = Path("etc/apt/keyrings/zimbra.gpg")
LIST = Path("etc/apt/sources.list.d/zimbra.list")
LISTS = Path("var/lib/apt/lists")
COMPONENT = "zimbra"
MARK = "vendor-key"
"""The sum of the keyring, and the fingerprint that gpg told of it."""
KEY_LIMIT = 1 << 20
QUOTED = re.compile(r"[\\|{}\[\]<>\"^~_=!@#$%&* ]")
"""What apt writes as %xx in the names of its indexes; apt-pkg/strutl.cc, URItoFileName."""
AWAY = re.compile(r"Clearsigned file isn't valid|data and signature failed|Undetermined Error|\b(429|5\d\d)  ?[A-Z]")
"""apt's messages for a portal's page, half a file or nothing in place of the index; it also calls that unsigned."""
SIGNATURE_WORDS = ("NO_PUBKEY", "BADSIG", "EXPKEYSIG", "is not signed", "couldn't be verified", "were invalid")


def sources(ctx: Context) -> tuple[str, ...]:
    """Return the package sources: the setting's, else those of the installed release, else of the one to install."""
    named = ctx.settings.get(PACKAGE_SOURCE)
    if named:
        return named
    session = proven(ctx)
    installed = line_of(session.packages.get("zimbra-core", "")) if session else None
    return (installed or chosen(ctx)).sources


def sources_of(ctx: Context, release: str) -> tuple[str, ...]:
    """Return the package sources of one release: the setting's, else the vendor's own."""
    return ctx.settings.get(PACKAGE_SOURCE) or RELEASES[release].sources


def render(urls: tuple[str, ...], codename: str) -> str:
    """Return the content of zimbra.list."""
    head = "# Written by zflow: the vendor's packages, signed by the vendor's key.\n"
    return head + "".join(f"deb [arch=amd64 signed-by=/{KEYRING}] {each} {codename} {COMPONENT}\n" for each in urls)


def wanted_list(ctx: Context) -> str:
    """Return what zimbra.list should be."""
    return _list(ctx, sources(ctx))


def _list(ctx: Context, urls: tuple[str, ...]) -> str:
    return render(urls, os_release(ctx.volume).get("UBUNTU_CODENAME", ""))


def in_place(ctx: Context) -> bool:
    """Tell whether zimbra.list is right; the list of an ordered upgrade is right, too."""
    order = ordered(ctx)
    lists = [wanted_list(ctx), *([_list(ctx, sources_of(ctx, order.release))] if order else [])]
    path = ctx.volume / LIST
    return any(holds(path, each) for each in lists) and not path.stat().st_mode & 0o777 & ~_mode(sources(ctx))


def _mode(urls: tuple[str, ...]) -> int:
    """Return the list's mode: with a password in it, it is for root alone, who runs apt."""
    return 0o600 if any("@" in urlsplit(each).netloc for each in urls) else 0o644


def index(ctx: Context, source: str) -> Path:
    """Return where apt keeps the signed index of a source; credentials are left out of its name."""
    return _kept(ctx, source, "InRelease")


def package_index(ctx: Context, source: str) -> Path:
    """Return where apt keeps what a source says of its packages."""
    return _kept(ctx, source, f"{COMPONENT}_binary-amd64_Packages")


def _kept(ctx: Context, source: str, what: str) -> Path:
    codename = os_release(ctx.volume).get("UBUNTU_CODENAME", "")
    location = re.sub(r"^//([^/@]*@)?", "", source.split(":", 1)[1]).rstrip("/")
    flat = QUOTED.sub(lambda match: f"%{ord(match[0]):02x}", unquote(location)).replace("/", "_")
    return ctx.volume / LISTS / f"{flat}_dists_{codename}_{what}"


def has_key(ctx: Context) -> bool:
    """Tell whether the keyring holds the expected key alone, and user _apt, who checks signatures, may read it.

    apt calls a list unsigned when it cannot read its keyring.
    """
    path = ctx.volume / KEYRING
    try:
        content, readable = path.read_bytes(), path.stat().st_mode & path.parent.stat().st_mode & 0o004
        return bool(readable) and (
            marks.agrees(ctx, MARK, _mark(ctx, content))  # gpg, which each start would wait for, was asked before
            or primary_fingerprints(content) == [ctx.settings[VENDOR_KEY_FINGERPRINT]]
        )
    except (OSError, ValueError):
        return False


def _mark(ctx: Context, key: bytes) -> str:
    return f"{hashlib.sha256(key).hexdigest()} {ctx.settings[VENDOR_KEY_FINGERPRINT]}"


def adopt(ctx: Context, urls: tuple[str, ...]) -> None:
    """Set the vendor's package sources. Raises what `fetch_key` and `update` raise."""
    if not has_key(ctx):
        key = fetch_key(ctx)
        make_folder((ctx.volume / KEYRING).parent)
        (ctx.volume / KEYRING).parent.chmod(0o755)
        write_atomic(ctx.volume / KEYRING, key)
        marks.write(ctx, MARK, _mark(ctx, key))
    write_atomic(ctx.volume / LIST, _list(ctx, urls), mode=_mode(urls))
    update(ctx)


def fetch_key(ctx: Context) -> bytes:
    """Return the vendor's key in binary form, checked by its fingerprint.

    Raises OperatorError(VENDOR_KEY) for another key, further keys or none, and
    TransientError(VENDOR_KEY_AWAY) when a URL does not answer.
    """
    location, expected = ctx.settings[VENDOR_KEY], ctx.settings[VENDOR_KEY_FINGERPRINT]
    content = _read_file(Path(location)) if location.startswith("/") else _read_url(location, ctx.settings.get(PROXY))
    try:
        packets = binary(content)
        found = primary_fingerprints(packets)
    except ValueError as error:
        raise OperatorError(codes.VENDOR_KEY, f"{location}: {error}") from error
    if found != [expected]:
        raise OperatorError(codes.VENDOR_KEY, f"{location} holds {', '.join(found) or 'no key'}; expected {expected}")
    return packets


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OperatorError(codes.VENDOR_KEY, f"{path}: {error.strerror}") from error


def _read_url(location: str, proxy: str | None) -> bytes:
    import http.client

    from states.zimbra.download import opened

    try:
        with opened(location, proxy) as response:
            content = response.read(KEY_LIMIT)
            if response.length and len(content) < KEY_LIMIT:
                raise http.client.IncompleteRead(content, response.length)
            return content
    except (OSError, http.client.HTTPException) as error:
        raise TransientError(codes.VENDOR_KEY_AWAY, f"{location}: {error}") from error


def update(ctx: Context) -> None:
    """Let apt read only the vendor's index. Raises OperatorError(SOURCE_SIGNATURE) and TransientError(SOURCE_AWAY)."""
    options = [f"Dir::Etc::sourcelist=/{LIST}", "Dir::Etc::sourceparts=-", "APT::Get::List-Cleanup=0"]
    words = [word for option in options for word in ("-o", option)]
    try:
        output = ctx.shell.chroot("apt-get", "update", *words, timeout=600).output
    except CommandError as error:
        raise _explained(error.tail, error) from error
    # Older apt reports an unreachable server with a warning and exit code 0 as long as an old index is there.
    if any(line.startswith(("W: ", "E: ", "Err:")) for line in output.splitlines()):
        raise _explained(output, None)


def refresh_lists(ctx: Context, timeout: float = 600) -> None:
    """Let apt update the lists of all sources: the vendor's packages need Ubuntu's, and mirrors remove old ones.

    A mirror that does not answer is not an error here: the installer names missing packages. `timeout` is in seconds.
    """
    ctx.progress.report(note="reading the package lists")
    patience = ("-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20")
    ctx.shell.chroot("apt-get", "update", *patience, ok=range(256), timeout=timeout)


def _explained(output: str, error: CommandError | None) -> OperatorError | TransientError:
    lines = [line for line in output.splitlines() if line.startswith(("W: ", "E: ", "Err:"))]
    detail = " / ".join(lines[:4]) or (error.detail if error else "apt-get update")
    if not AWAY.search(output) and any(word in output for word in SIGNATURE_WORDS):
        return OperatorError(codes.SOURCE_SIGNATURE, detail)
    return TransientError(codes.SOURCE_AWAY, detail)
