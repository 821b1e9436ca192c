"""Every error that an operator can meet, and how the walk treats it.

ZflowError
├── TransientError      retried by the step's policy, then `failed` and tried again later
│   ├── CommandError    a command ended badly; carries its exit code and last lines
│   └── StillFailed     failed in an earlier walk, and its next try has not come
├── OperatorError       never retried: `blocked` until a person or an input changes
└── StepBug             ours: `blocked`, with the traceback in the step's log

Interrupted             control flow, not an error: TERM arrived, the attempt ends here
"""

from __future__ import annotations


class Code:
    """One row of the table of errors: what happened, why, and what to type.

    Written out, because `zflow status` waits for the import of dataclasses longer than for its answer, and the
    supervisor would hold half a MiB of typing for ever.

    `id` is stable for ever (`ZF-nnnn`): 1xxx are the engine's, all others the product's. `cause` and `remedy` are
    sentences for a person at 3 a.m.
    """

    __slots__ = ("cause", "id", "remedy", "title")

    def __init__(self, id: str, title: str, cause: str, remedy: str) -> None:  # noqa: A002 - its name everywhere
        self.id = id
        self.title = title
        self.cause = cause
        self.remedy = remedy


class ZflowError(Exception):
    """An error with a stable code; `detail` names the thing and the value found."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code.id} {code.title}: {detail}")
        self.code = code
        self.detail = detail


class TransientError(ZflowError):
    """May pass by itself: a dead mirror, a cut connection, a busy lock."""


class StillFailed(TransientError):
    """What failed shortly before this walk began is not tried again yet: its next try has a time already."""

    def __init__(self, code: Code, detail: str, next_try: float) -> None:
        super().__init__(code, detail)
        self.next_try = next_try


class CommandError(TransientError):
    """A command that ended with an unexpected code, was ended by a limit, or could not be started."""

    def __init__(self, code: Code, argv: tuple[str, ...], exit_code: int, tail: str) -> None:
        last = tail.strip().rsplit("\n", 1)[-1]
        super().__init__(code, f"`{' '.join(argv[:6])}` ended with {exit_code}" + (f": {last}" if last else ""))
        self.argv = argv
        self.exit_code = exit_code
        self.tail = tail


class OperatorError(ZflowError):
    """Needs a person or another input: configuration, credentials, a foreign volume, a wrong certificate."""


class StepBug(ZflowError):
    """A defect of ours; the log has the traceback."""


class Interrupted(BaseException):
    """Raised inside a step when the container is told to stop; a BaseException so that no step swallows it."""
