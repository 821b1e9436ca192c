"""Builds a minimal Ubuntu with mmdebstrap: its command line, its progress, and what its complaints mean."""

from __future__ import annotations

import re
import shlex
from collections import deque
from collections.abc import Sequence

from states.bootstrap import codes
from states.bootstrap.settings import KEYRING
from states.ubuntu import proxy
from states.ubuntu.settings import MIRROR
from states.ubuntu.suites import COMPONENTS, POCKETS, Suite
from states.ubuntu.tree import tree
from zflow.api import NO_INODES, Code, CommandError, Context, OperatorError, TransientError, out_of_inodes

PRESEED = "resolvconf resolvconf/linkify-resolvconf boolean false"
"""Else resolvconf makes /etc/resolv.conf a link into /run, which a container's engine and zflow both own."""
FETCHED_AT_ONCE = 8
"""apt asks one host for one package after the other, and waits for the answers longer than for their bytes."""
FETCH = f"""\
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get --error-on=any update
mkdir -p "$1/var/cache/apt/archives"
cd "$1/var/cache/apt/archives"
apt-get -qq --option Acquire::ForceHash=SHA256 --print-uris install '?essential' '?priority(required)' {{}} |
    sed -n "s/^'\\([^']*\\)' \\([^ ]*\\) [0-9]* \\(SHA256:[0-9a-f]*\\)$/\\1 \\2 \\3/p" > fetch
echo "$(wc -l < fetch) packages to fetch"
xargs -r -n 36 -P {FETCHED_AT_ONCE} /usr/lib/apt/apt-helper download-file < fetch || true
rm fetch
"""
"""Run by mmdebstrap before anything else: reads the lists, and fetches all packages into apt's cache, with the hashes
of the signed lists. What fails here mmdebstrap fetches itself, and says why it cannot. 36 words are 12 packages."""
HIDDEN = {
    "apt.conf": '--setup-hook=cat {} >> "$1/etc/apt/apt.conf.d/99mmdebstrap"',
    "auth.conf": f'--setup-hook=install -D -m 600 {{}} "$1/{proxy.AUTH}"',
}
"""What mmdebstrap's apt reads besides, by the file that it is left in and how it gets from there to where apt looks."""
FORGET = 'rm -f "$1"/var/cache/apt/archives/*.deb'
"""mmdebstrap leaves packages there that it has not fetched itself."""
SILENCE = 600.0
"""Seconds without a line of output after which the build counts as hung; apt itself gives up on a mirror earlier."""

PORTAL: tuple[tuple[str, Code], ...] = (
    (r"Clearsigned file isn't valid|Splitting up .* into data and signature failed", codes.MIRROR),
)
"""apt's words for a portal's page, or half a file, in place of the lists; it goes on to call such lists unsigned."""
TRANSIENT: tuple[tuple[str, Code], ...] = (
    (r"Temporary failure resolving|Could not resolve|Name or service not known", codes.MIRROR),
    (r"(Could not|Unable to|Cannot) connect|Connection (refused|timed out|failed|reset)|timed out", codes.MIRROR),
    (r"Network is unreachable|No route to host|Error reading from server", codes.MIRROR),
    (r"\b(429|5\d\d)  ?[A-Z]|Hash Sum mismatch|File has unexpected size|Undetermined Error", codes.MIRROR),
)
LIMITS = frozenset({"ZF-1011", "ZF-1012"})
"""The engine's codes for a build that was ended because it took too long or fell silent."""
FINAL: tuple[tuple[str, Code], ...] = (
    (r"No space left on device|Disk quota exceeded|not have enough free space", codes.SPACE),
    (r"NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|signatures? (was|were|is|are) invalid", codes.SIGNATURE),
    (r"Release file .* is (not valid yet|expired)|Release' is (not valid yet|expired)", codes.CLOCK),
    (r"is not signed", codes.SIGNATURE),
    (r"does not have a Release file|Unable to locate package|has no installation candidate", codes.MIRROR_CONTENT),
    (r"mount .* failed|mknod.*(not permitted|denied)|chroot.*not permitted", codes.CAPABILITY),
)


def build(ctx: Context, suite: Suite) -> None:
    """Build the suite into the stage, in one pass over all pockets.

    Raises OperatorError for what a person must change (keyring, signature, mirror content, room, capabilities, clock),
    TransientError for an unreachable mirror and for what is not known.
    """
    keyring = ctx.settings[KEYRING]
    if not keyring.is_file() or keyring.stat().st_size == 0:
        raise OperatorError(codes.KEYRING, f"{keyring} ({ctx.settings.source(KEYRING)})")
    mirror, reader = proxy.plain(ctx.settings[MIRROR]), Reader(ctx)
    try:
        ctx.shell.run(
            *command(suite, mirror, str(keyring), str(tree(ctx)), hidden(ctx)),
            silence=SILENCE,
            on_line=reader.line,
        )
    except CommandError as error:
        found = explained(error, [*reader.complaints, *error.tail.splitlines()], mirror)
        if found.code is codes.SPACE and out_of_inodes(ctx.volume):
            found = OperatorError(NO_INODES, found.detail)
        raise found from error
    finally:
        for name in HIDDEN:
            (ctx.stage / name).unlink(missing_ok=True)


def hidden(ctx: Context) -> list[str]:
    """Write apt's proxies and passwords into files of root's alone, and return the options that name them."""
    options = []
    for (name, option), text in zip(HIDDEN.items(), (proxy.config(ctx), proxy.auth(ctx)), strict=True):
        if text:
            proxy.leave(ctx.stage / name, text)
            options.append(option.format(shlex.quote(str(ctx.stage / name))))
    return options


def command(suite: Suite, mirror: str, keyring: str, target: str, options: Sequence[str] = ()) -> list[str]:
    """Return mmdebstrap's command line, with options that go before its hooks.

    `force-unsafe-io`: the finished tree is synced once instead of each file. The lists are kept, Zimbra's packages
    depend on Ubuntu's.
    """
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        "--verbose",
        f"--keyring={keyring}",
        f"--components={','.join(COMPONENTS)}",
        f"--include={','.join(suite.packages)}",
        "--dpkgopt=force-unsafe-io",
        "--skip=update,cleanup/apt/lists",
        "--aptopt=Acquire::Retries 3",
        "--aptopt=Acquire::http::Timeout 30",
        "--aptopt=Acquire::https::Timeout 30",
        *options,
        f"--setup-hook={FETCH.format(' '.join(suite.packages))}",
        f"--customize-hook={FORGET}",
        f'--essential-hook=echo {PRESEED} | chroot "$1" debconf-set-selections',
        suite.codename,
        target,
        *sources(suite, mirror),
    ]


def sources(suite: Suite, mirror: str) -> list[str]:
    """Return the lines of sources.list, one for each pocket."""
    return [f"deb {mirror} {suite.codename}{pocket} {' '.join(COMPONENTS)}" for pocket in POCKETS]


def explained(error: CommandError, complaints: list[str], mirror: str) -> OperatorError | TransientError:
    """Return the error that names the cause found in mmdebstrap's complaints; BUILD when none is known.

    Lists that did not arrive apt calls unsigned as well: what kept them away is asked first.
    """
    if error.code.id in LIMITS:
        return error
    order = (
        (PORTAL, TransientError),
        (FINAL[:3], OperatorError),
        (TRANSIENT, TransientError),
        (FINAL[3:], OperatorError),
    )
    for table, kind in order:
        for pattern, code in table:
            for line in complaints:
                if re.search(pattern, line):
                    return kind(code, f"{mirror}: {line.strip()}")
    last = next((line for line in complaints if line.startswith("E: ")), complaints[-1] if complaints else "no output")
    return TransientError(codes.BUILD, f"mmdebstrap ended with {error.exit_code}: {last.strip()}")


class Reader:
    """Reads mmdebstrap's verbose output: keeps complaints, and reports packages fetched, unpacked and set up."""

    PHASES = (
        ("Get:", "fetching packages"),
        ("Unpacking ", "unpacking packages"),
        ("Setting up ", "setting up packages"),
    )

    def __init__(self, ctx: Context) -> None:
        self._progress = ctx.progress
        self._totals = dict.fromkeys((word for word, _ in self.PHASES), 0)
        self._counts = dict.fromkeys((word for word, _ in self.PHASES), 0)
        self.complaints: deque[str] = deque(maxlen=40)

    def line(self, line: str) -> None:
        """Take in one line."""
        if line.startswith(("E: ", "W: Failed", "Err:", "dpkg: error", "mount: ")) or "No space left" in line:
            self.complaints.append(line)
        if found := re.match(r"(\d+) packages to fetch", line):
            self._totals["Get:"] += int(found[1])
        elif found := re.match(r"\d+ upgraded, (\d+) newly installed", line):
            for word in self._totals:
                self._totals[word] += int(found[1])
        for word, note in self.PHASES:
            if line.startswith(word) and self._totals[word]:
                self._counts[word] += 1
                self._progress.report(self._counts[word], self._totals[word], "packages", note)
