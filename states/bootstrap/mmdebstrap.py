"""Builds a minimal Ubuntu with mmdebstrap: its command line, its progress, and the meaning of its errors."""

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
"""Without it resolvconf makes /etc/resolv.conf a link into /run, while the engine and zflow write that file."""
FETCHED_AT_ONCE = 8
"""apt asks a host for one package after the other, and most of that time it waits for an answer."""
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
of the signed lists. What fails here, mmdebstrap fetches itself, or prints the reason. 36 words are 12 packages."""
HIDDEN = {
    "apt.conf": '--setup-hook=cat {} >> "$1/etc/apt/apt.conf.d/99mmdebstrap"',
    "auth.conf": f'--setup-hook=install -D -m 600 {{}} "$1/{proxy.AUTH}"',
}
"""Files that mmdebstrap's apt also reads, and the option that copies each of them to where apt looks."""
FORGET = 'rm -f "$1"/var/cache/apt/archives/*.deb'
"""mmdebstrap does not remove packages that it has not fetched itself."""
SILENCE = 600.0
"""Seconds without a line of output after which the build counts as hung; apt gives a mirror up earlier."""

LIMITS = frozenset({"ZF-1011", "ZF-1012"})
"""The engine's codes for a build that it ended, because it took too long or printed nothing more."""
CAUSES: tuple[tuple[type[OperatorError | TransientError], Code, str], ...] = (
    (TransientError, codes.MIRROR, "Clearsigned file isn't valid|Splitting up .* into data and signature failed"),
    (OperatorError, codes.SPACE, "No space left on device|Disk quota exceeded|not have enough free space"),
    (OperatorError, codes.SIGNATURE, "NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|signatures? (was|were|is|are) invalid"),
    (OperatorError, codes.CLOCK, "Release file .* is (not valid yet|expired)|Release' is (not valid yet|expired)"),
    (TransientError, codes.MIRROR, "Temporary failure resolving|Could not resolve|Name or service not known"),
    (TransientError, codes.MIRROR, "(Could not|Unable to|Cannot) connect|Connection (refused|failed|reset)|timed out"),
    (TransientError, codes.MIRROR, "Network is unreachable|No route to host|Error reading from server"),
    (TransientError, codes.MIRROR, r"\b(429|5\d\d)  ?[A-Z]|Hash Sum mismatch|unexpected size|Undetermined Error"),
    (OperatorError, codes.SIGNATURE, "is not signed"),
    (OperatorError, codes.MIRROR_CONTENT, "does not have a Release file|Unable to locate package"),
    (OperatorError, codes.MIRROR_CONTENT, "has no installation candidate"),
    (OperatorError, codes.CAPABILITY, "mount .* failed|mknod.*(not permitted|denied)|chroot.*not permitted"),
)
"""apt's and mmdebstrap's words for each cause; the first that fits counts. The first row is a portal's page, or half a
file, instead of the lists. apt calls lists unsigned also when they did not arrive: that reason is looked for before."""


def build(ctx: Context, suite: Suite) -> None:
    """Build the suite into the stage, in one pass over all pockets.

    Raises OperatorError for what the operator must change (keyring, signature, mirror content, space, capabilities,
    clock), TransientError for an unreachable mirror and for an unknown error.
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
        found = explained(error, [*reader.errors, *error.tail.splitlines()], mirror)
        if found.code is codes.SPACE and out_of_inodes(ctx.volume):
            found = OperatorError(NO_INODES, found.detail)
        raise found from error
    finally:
        for name in HIDDEN:
            (ctx.stage / name).unlink(missing_ok=True)


def hidden(ctx: Context) -> list[str]:
    """Write apt's proxies and passwords into files that only root can read, and return the options that name them."""
    options = []
    for (name, option), text in zip(HIDDEN.items(), (proxy.config(ctx), proxy.auth(ctx)), strict=True):
        if text:
            proxy.write_secret(ctx.stage / name, text)
            options.append(option.format(shlex.quote(str(ctx.stage / name))))
    return options


def command(suite: Suite, mirror: str, keyring: str, target: str, options: Sequence[str] = ()) -> list[str]:
    """Return mmdebstrap's command line, with `options` before its hooks.

    `force-unsafe-io`: the finished tree is synced once instead of each file. The lists stay, because Zimbra's packages
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


def explained(error: CommandError, errors: list[str], mirror: str) -> OperatorError | TransientError:
    """Return the error whose cause is in mmdebstrap's lines; BUILD when none is known."""
    if error.code.id in LIMITS:
        return error
    for kind, code, pattern in CAUSES:
        if line := next((each for each in errors if re.search(pattern, each)), None):
            return kind(code, f"{mirror}: {line.strip()}")
    last = next((line for line in errors if line.startswith("E: ")), errors[-1] if errors else "no output")
    return TransientError(codes.BUILD, f"mmdebstrap ended with {error.exit_code}: {last.strip()}")


class Reader:
    """Reads mmdebstrap's verbose output: keeps errors, and reports packages fetched, unpacked and set up."""

    PHASES = (
        ("Get:", "fetching packages"),
        ("Unpacking ", "unpacking packages"),
        ("Setting up ", "setting up packages"),
    )

    def __init__(self, ctx: Context) -> None:
        self._progress = ctx.progress
        self._totals = dict.fromkeys((word for word, _ in self.PHASES), 0)
        self._counts = dict.fromkeys((word for word, _ in self.PHASES), 0)
        self.errors: deque[str] = deque(maxlen=40)

    def line(self, line: str) -> None:
        """Read one line."""
        if line.startswith(("E: ", "W: Failed", "Err:", "dpkg: error", "mount: ")) or "No space left" in line:
            self.errors.append(line)
        if found := re.match(r"(\d+) packages to fetch", line):
            self._totals["Get:"] += int(found[1])
        elif found := re.match(r"\d+ upgraded, (\d+) newly installed", line):
            for word in self._totals:
                self._totals[word] += int(found[1])
        for word, note in self.PHASES:
            if line.startswith(word) and self._totals[word]:
                self._counts[word] += 1
                self._progress.report(self._counts[word], self._totals[word], "packages", note)
