"""The vocabulary of a walk: a step, a state, a product. Plain data; the walk itself is in `zflow.walk`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zflow.journal.event import NOTICE

if TYPE_CHECKING:
    from zflow.context import Context
    from zflow.errors import Code
    from zflow.settings import Setting


class Scope(StrEnum):
    """How long a step's result lasts."""

    VOLUME = "volume"
    """As long as the volume: files, packages, accounts."""
    BOOT = "boot"
    """Until the container ends: mounts, firewall, DNS, running services."""


class Evidence(NamedTuple):
    """What a probe saw that proves a postcondition, in one line for the journal. Never a secret.

    `notices` stop nothing, but the operator should know of them: one sentence each, with the way out. `remarks` are
    sentences for `zflow verify` alone: what does not belong to zflow, and to whom it belongs.
    """

    summary: str
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The line that the journal keeps and `zflow status` shows: notices first."""
        return f"{self._told}{self.summary}"

    @property
    def _told(self) -> str:
        return "".join(f"{NOTICE}{each}; " for each in self.notices)

    def agrees_with(self, line: str, clean: Callable[[str], str]) -> bool:
        """Tell whether an earlier evidence has the same notices; `clean` is what the journal applied to its line."""
        told = clean(self._told)
        return line.startswith(told) and not line.removeprefix(told).startswith(NOTICE)


class Drift(NamedTuple):
    """What no longer holds: each thing with its value and the wanted one. Never a secret."""

    summary: str


Probe = Callable[["Context"], "Evidence | Drift | None"]
Action = Callable[["Context"], None]


@dataclass(frozen=True)
class Step:
    """One postcondition and the way to reach it.

    `probe` is read-only and cheap. It looks at content, not presence: it alone decides what an interrupted attempt
    left behind. It may return a `Drift` that lists the differences. `apply` may be killed anywhere and started again;
    `cleanup` first removes what `apply` must not find half done. `inputs` returns any text (it is hashed); when the
    text changes, the step is due again.

    A `once` step is never built again automatically, neither for a new revision nor for changed inputs. An `ahead`
    step needs no other step and starts in the background at second zero. `timeout` is the seconds of one attempt,
    `weight` the usual seconds of the step at a first start.
    """

    name: str
    title: str
    probe: Probe
    apply: Action
    audit: Probe | None = None
    """A more thorough look than `probe`, for `zflow verify`, `zflow resume`, and the first walk after a reset or after
    a container that was not stopped in order. Without an audit the probe is used."""
    scope: Scope = Scope.VOLUME
    inputs: Callable[[Context], str] | None = None
    cleanup: Action | None = None
    retry: str = "local"
    timeout: float = 600.0
    weight: float = 1.0
    revision: int = 1
    once: bool = False
    ahead: bool = False

    def look(self, *, deep: bool) -> Probe:
        """Return the look that decides whether the postcondition holds: the audit if it is `deep` and there is one."""
        return self.audit if deep and self.audit is not None else self.probe


@dataclass(frozen=True)
class State:
    """A named group of steps, in order. The operator sees the name.

    An error in a `detached` state stops the walk only after the states behind it were walked.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    detached: bool = False


@dataclass(frozen=True)
class Watch:
    """Something that the supervisor looks at between walks; when its answer changes, a walk is due.

    Either the content of files (`paths`), or the exit code and output of a command (`argv`, run every `every`
    seconds in a bare environment).
    """

    name: str
    paths: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    every: float = 5.0
    wanted: str = ""
    """The right output of a command; if it is empty, exit code 0 is enough."""
    answer: str = ""
    """The state of the files when the walk began; the walker fills it in."""


@dataclass(frozen=True)
class Product:
    """What an image provisions: the states in order, their settings and error codes, and how to stop."""

    name: str
    states: tuple[State, ...]
    settings: tuple[Setting[Any], ...] = ()
    codes: tuple[Code, ...] = ()
    admit: Callable[[Path], None] = field(default=lambda _volume: None)
    """Asked before zflow writes to a volume without a journal; raises OperatorError to refuse the volume."""
    accept: Action = field(default=lambda _ctx: None)
    """Refuses settings that cannot be used on this volume, before a walk begins; raises OperatorError."""
    serves: tuple[str, ...] = ()
    """Names of the steps that make the container ready when they are proven in this start; `zflow health ready`."""
    turns: tuple[str, ...] = ()
    """Names of the steps that are turning points: the history keeps the walks in which one of them was done."""
    shields: tuple[str, ...] = ()
    """Names of the steps that must be proven in this start before the endpoint listens outside the container."""
    outside: str = ""
    """How clients outside the container reach the endpoint; the description of its setting ends with this."""
    watched_files: Callable[[Context], Sequence[Watch]] = field(default=lambda _ctx: ())
    """Which files are watched. Also asked before each walk, when no service runs yet, so it has to be quick."""
    watches: Callable[[Context], Sequence[Watch]] = field(default=lambda _ctx: ())
    """What is watched by commands. Asked after each walk."""
    shutdown: Action = field(default=lambda _ctx: None)
    doctor: Callable[[Context], Iterable[str]] = field(default=lambda _ctx: ())
    """Lines that `zflow doctor` ends with; for a person."""
    collects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Commands whose output `zflow collect` adds to its bundle, by the name of the file that it becomes."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in walking order."""
        return tuple(step for state in self.states for step in state.steps)
