"""Every error that an operator can see, and how the walk treats it.

ZflowError
├── TransientError      retried by the step's policy, then `failed` and tried again later
│   ├── CommandError    a command ended badly; carries its exit code and last lines
│   └── StillFailed     failed in an earlier walk, and the time of its next try has not come
├── OperatorError       never retried: `blocked` until the operator or a changed input resolves it
└── StepBug             a defect of zflow: `blocked`, with the traceback in the step's log

Interrupted             control flow, not an error: TERM arrived, and the attempt ends here
"""

from __future__ import annotations


class Code:
    """One row of the table of errors: what happened, why, and what to type.

    A plain class, because `zflow status` would wait longer for the import of dataclasses than for its answer, and
    typing would cost the supervisor half a MiB.

    `id` (`ZF-nnnn`) never changes: 1xxx are codes of the engine, all others of the product. `cause` and `remedy` are
    sentences for an operator at 3 a.m.
    """

    __slots__ = ("cause", "id", "remedy", "title")

    def __init__(self, id: str, title: str, cause: str, remedy: str) -> None:  # noqa: A002 - its name everywhere
        self.id = id
        self.title = title
        self.cause = cause
        self.remedy = remedy


class ZflowError(Exception):
    """An error with a stable code; `detail` names what it is about and the value found."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code.id} {code.title}: {detail}")
        self.code = code
        self.detail = detail


class TransientError(ZflowError):
    """May pass without any action: a dead mirror, a lost connection, a busy lock."""


class StillFailed(TransientError):
    """The step failed shortly before this walk began, and the time of its next try has not come."""

    def __init__(self, code: Code, detail: str, next_try: float) -> None:
        super().__init__(code, detail)
        self.next_try = next_try


class CommandError(TransientError):
    """A command ended with an unexpected code, crossed a limit, or could not be started."""

    def __init__(self, code: Code, argv: tuple[str, ...], exit_code: int, tail: str) -> None:
        last = tail.strip().rsplit("\n", 1)[-1]
        super().__init__(code, f"`{' '.join(argv[:6])}` ended with {exit_code}" + (f": {last}" if last else ""))
        self.argv = argv
        self.exit_code = exit_code
        self.tail = tail


class OperatorError(ZflowError):
    """Needs the operator or another input: configuration, credentials, a foreign volume, a wrong certificate."""


class StepBug(ZflowError):
    """A defect of zflow; the log has the traceback."""


class Interrupted(BaseException):
    """Raised inside a step when the container has to stop; a BaseException, so that no step catches it."""
