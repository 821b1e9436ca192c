"""Refuses forged senders, by one line in the vendor's template of Postfix's sender restrictions.

zmconfigd makes Postfix's `smtpd_sender_restrictions` from conf/zmconfigd/smtpd_sender_restrictions.cf, line by line
(docs/zimbra.md §4). The file belongs to a package: an upgrade replaces it, and the step is due again.
"""

from __future__ import annotations

from states.hardening import codes, repairs
from states.hardening.settings import SENDER_CHECKS
from states.zimbra import files, marks
from states.zimbra.tools import as_zimbra, render, zimbra_version
from zflow.api import Context, Drift, Evidence, OperatorError, Step, TransientError

NAME = "hardening.senders"
TEMPLATE = "/opt/zimbra/conf/zmconfigd/smtpd_sender_restrictions.cf"
MARK = "senders.txt"
"""The setting that Postfix had last; empty while the step applies one."""
CHECK = "reject_sender_login_mismatch"
BESIDE = "permit_mynetworks"
PATIENCE = 90
"""Seconds. A busy zmconfigd answers with its former result, and starts again only after a minute."""


def edited(template: str, checks: str) -> str:
    """Return the template with the check by `checks`: after the line of the own networks, before it, or absent.

    Raises OperatorError(TEMPLATE) without that line.
    """
    lines = [line for line in template.splitlines() if line.strip() != CHECK]
    if checks != "off":
        at = next((number for number, line in enumerate(lines) if line.strip() == BESIDE), None)
        if at is None:
            raise OperatorError(codes.TEMPLATE, f"{TEMPLATE} has no line {BESIDE}")
        lines.insert(at + (checks == "standard"), CHECK)
    return "".join(f"{line}\n" for line in lines)


def inputs(ctx: Context) -> str:
    """Return what makes the step due."""
    return f"{ctx.settings[SENDER_CHECKS]} {zimbra_version(ctx)}"


def probe(ctx: Context) -> Evidence | Drift | None:
    """See the check in the template, and the mark that Postfix has it."""
    found, checks = files.text(ctx, TEMPLATE), ctx.settings[SENDER_CHECKS]
    if not found or (checks != "off" and BESIDE not in found):
        return None
    if edited(found, checks) != found:
        return _drift(TEMPLATE, checks, _form(found))
    if marks.read(ctx, MARK) != checks:
        return None
    return Evidence(f"sender checks: {checks}{repairs.suffix(ctx, NAME, inputs(ctx))}")


def audit(ctx: Context) -> Evidence | Drift | None:
    """See the check in the template and in Postfix's configuration."""
    found = probe(ctx)
    checks = ctx.settings[SENDER_CHECKS]
    if isinstance(found, Evidence) and not applied(ctx):
        return _drift("Postfix's smtpd_sender_restrictions", checks, "standard" if checks == "off" else "off")
    return found


def _form(template: str) -> str:
    """Return the setting that leaves a template as it is; empty when none does."""
    known = any(line.strip() == BESIDE for line in template.splitlines())
    forms = ("off", "standard", "strict") if known else ("off",)
    return next((each for each in forms if edited(template, each) == template), "")


def _drift(where: str, checks: str, other: str) -> Drift:
    found = f"has {CHECK}" if checks == "off" else f"does not have {CHECK} where sender checks `{checks}` need it"
    return Drift(f"{where} {found}{f'; {SENDER_CHECKS.variable}={other} keeps it as it is' if other else ''}")


def applied(ctx: Context) -> bool:
    """Tell whether Postfix's configuration has the check if, and only if, the setting wants it."""
    answer = as_zimbra(ctx, "postconf", "-h", "smtpd_sender_restrictions", ok=range(256)).output
    words = [word.strip() for word in answer.split(",")]
    return (CHECK in words) == (ctx.settings[SENDER_CHECKS] != "off")


def apply(ctx: Context) -> None:
    """Edit the template, render it, see it in Postfix. Raises OperatorError(TEMPLATE), TransientError(RESTRICTIONS)."""
    checks, found = ctx.settings[SENDER_CHECKS], files.read(ctx, TEMPLATE)
    content = edited(found, checks)
    if content != found and marks.read(ctx, MARK) == checks:
        repairs.note(ctx, NAME, inputs(ctx), [f"{CHECK} in {TEMPLATE}"])
    marks.write(ctx, MARK, "")
    # As user zimbra, who owns the folder: a link there could lead a write by root elsewhere.
    files.put(ctx, TEMPLATE, content, "0644")
    render(ctx, "mta")
    for _ in range(PATIENCE):
        if applied(ctx):
            as_zimbra(ctx, "zmmtactl", "reload", ok=range(256), timeout=300, daemon=True)
            marks.write(ctx, MARK, checks)
            return
        ctx.pause(1)
    raise TransientError(codes.RESTRICTIONS, f"{CHECK}, {PATIENCE} s after the change")


STEP = Step(
    name=NAME,
    title="Refuse forged senders",
    probe=probe,
    audit=audit,
    apply=apply,
    inputs=inputs,
    timeout=900,
    weight=10,
)
