"""Commands of this machine, and what a person is told when one of them ends badly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence


class Failed(Exception):
    """A command of this machine ended badly; the text says which, and why, for the person who typed `make`."""


def cause(said: str) -> str:
    """Return the line of a failed command's words that tells why: the first that could not be fetched, or the last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fetched = [line for line in lines if "Failed to fetch" in line or "Temporary failure" in line]
    return next(iter(fetched or lines[-1:]), "no reason given")


def ended(command: Sequence[str], timeout: float = 1200) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, good or bad, and return both its streams. Raises Failed where there is no end."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except OSError as error:
        raise Failed(f"`{command[0]}` cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"`{' '.join(command[:4])}` did not end within {timeout:.0f} s") from error


def run(*command: str) -> str:
    """Run a command and return what it printed. Raises Failed with the cause that it gave."""
    done = ended(command)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(command[:2])}` ended with {done.returncode}: {cause(done.stderr)}")
    return done.stdout


def certificate_file() -> str | None:
    """Return this host's file of certificate authorities for pip, when one is set."""
    return next((os.environ[name] for name in ("PIP_CERT", "SSL_CERT_FILE") if os.environ.get(name)), None)


def told(name: str, work: Callable[[], int | None]) -> int:
    """Do the work of a target and return its exit code: 2, after one sentence, where this machine did not let it."""
    try:
        return work() or 0
    except Failed as problem:
        print(f"{name}: {problem}", file=sys.stderr)
    except OSError as problem:
        print(f"{name}: {problem.filename or 'this machine'}: {problem.strerror}", file=sys.stderr)
    except subprocess.CalledProcessError as problem:
        print(f"{name}: `{problem.cmd[0]}` ended with {problem.returncode}; its own words are above", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return 2
