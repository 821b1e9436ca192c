"""Places, users and processes: what every stand-in tool needs to know of the machine it runs on."""

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

HOME = Path("/opt/zimbra")
CONF = HOME / "conf"
LOG = HOME / "log"
DATA = HOME / "data"
HISTORY = HOME / ".install_history"
USER = "zimbra"


def behaviours() -> Dict[str, str]:
    """What `--set KEY=VALUE` baked into this release."""
    path = CONF / "standin.conf"
    if not path.exists():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def release() -> Dict[str, str]:
    """Version, build and platform, as the build wrote them."""
    text = (HOME / "libexec/standin/release.conf").read_text()
    return dict(line.split("=", 1) for line in text.splitlines())


def version() -> Tuple[int, ...]:
    """The release as numbers, for the differences between 8.8.15 and later ones."""
    return tuple(int(part) for part in release()["version"].split("."))


def whoami() -> str:
    """The name of the effective user."""
    return pwd.getpwuid(os.geteuid()).pw_name


def fail(message: str, code: int = 1) -> SystemExit:
    """Print the message to stderr; the caller raises what comes back."""
    print(message, file=sys.stderr)
    return SystemExit(code)


def require_zimbra(message: str = "Error: must be run as zimbra user", code: int = 1) -> None:
    """End, in the vendor's words, unless the user is zimbra."""
    if whoami() != USER:
        print(message)
        raise SystemExit(code)


def run(command: Sequence[str], stdin: Optional[str] = None) -> Tuple[int, str]:
    """Exit code and merged output of a command."""
    done = subprocess.run(
        list(command), input=stdin or "", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    return done.returncode, done.stdout


def write_atomic(path: Path, text: str, mode: int = 0o640) -> bool:
    """Replace a file in one step, owned like its folder; False when it already says so."""
    if path.exists() and path.read_text() == text:
        return False
    fresh = path.with_name("{}.{}".format(path.name, os.getpid()))
    with open(str(fresh), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.chmod(str(fresh), mode)
    if os.geteuid() == 0:
        folder = os.stat(str(path.parent))
        os.chown(str(fresh), folder.st_uid, folder.st_gid)
    os.rename(str(fresh), str(path))
    return True


def listens(port: int) -> bool:
    """Whether something answers on a local TCP port."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pid_file(name: str) -> Path:
    """Where a server writes its number; the directory's lies apart, as the vendor's does."""
    return DATA / "ldap/state/run/slapd.pid" if name == "slapd" else LOG / (name + ".pid")


def pid_in(path: Path, word: str) -> Optional[int]:
    """The process a pid file names, when it lives and its command line holds the word."""
    try:
        pid = int(path.read_text().strip() or 0)
        command = Path("/proc/{}/cmdline".format(pid)).read_bytes()
    except (OSError, ValueError):
        return None
    return pid if word.encode() in command else None


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Poll a callable until it is true or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return condition()


def stop_process(path: Path, word: str) -> bool:
    """TERM, then KILL what the pid file names; True when it is gone."""
    pid = pid_in(path, word)
    if pid is None:
        return True
    for sign, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return True
        if wait_until(lambda: pid_in(path, word) is None, seconds):
            return True
    return False


def template(name: str) -> str:
    """A file of the folder templates."""
    return (Path(__file__).parent / "templates" / name).read_text()


def words(text: str) -> List[str]:
    """Split at blanks and commas."""
    return text.replace(",", " ").split()
