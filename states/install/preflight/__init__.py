"""The step: all checks at once before the first write of the vendor's installer.

The unattended installer skips the vendor's own checks of space, platform and ports, and never looks at memory or
limits (docs/zimbra.md §1.2, §1.3).
"""

from __future__ import annotations

from states.install import codes
from states.install.preflight.checks import CHECKS
from states.install.preflight.egress import reach
from states.install.preflight.finding import Finding, Grade, Look
from states.server import server_name
from states.ubuntu.memory import memory
from states.zimbra import repair
from states.zimbra.needs import open_files
from states.zimbra.proof import finished
from zflow.api import Context, Drift, Evidence, OperatorError, Step, TransientError


def findings(ctx: Context) -> list[Finding]:
    """Return everything that prevents the install or is a notice."""
    look = Look(ctx, reach(ctx))
    return [finding for check in CHECKS for finding in check.ask(look)]


def audit(ctx: Context) -> Evidence | Drift:
    """Check that nothing prevents the install, or that the server is installed; else return what does."""
    if (done := finished(ctx)) is not None:
        return done
    found = findings(ctx)
    if hindering := _hindering(found):
        return Drift("; ".join(each.text for each in hindering))
    summary = f"{server_name(ctx)}, {memory().limit / (1 << 30):.1f} GiB of memory, {open_files()} open files"
    return Evidence(summary, tuple(each.text for each in found))


def probe(ctx: Context) -> Evidence | None:
    """Look as the audit does, without the list."""
    found = audit(ctx)
    return found if isinstance(found, Evidence) else None


def _hindering(found: list[Finding]) -> list[Finding]:
    return [each for each in found if each.grade is not Grade.NOTICE]


def apply(ctx: Context) -> None:
    """Complete what an interrupted dpkg left half done; then raise everything that prevents the install.

    Raises OperatorError(PREFLIGHT), or TransientError(PREFLIGHT) when all of it may be temporary.
    """
    repair.complete_packages(ctx)
    hindering = _hindering(findings(ctx))
    if not hindering:
        return
    kind = OperatorError if any(each.grade is Grade.BLOCKS for each in hindering) else TransientError
    raise kind(codes.PREFLIGHT, "; ".join(each.text for each in hindering))


STEP = Step(
    name="install.preflight",
    title="Check that the server can be installed here",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=server_name,
    retry="network",
    timeout=1800,
)
