"""The vocabulary of a walk: a step, a state, a product. Plain data; the walk itself lives in `zflow.walk`."""

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

    `notices` stop nothing, yet somebody should know of them: one sentence each, with the way out. `remarks` are
    sentences for `zflow verify` alone: what is not zflow's, and whose it is.
    """

    summary: str
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All of it as the journal keeps it and `zflow status` shows it, what somebody should know of first."""
        return f"{self._told}{self.summary}"

    @property
    def _told(self) -> str:
        return "".join(f"{NOTICE}{each}; " for each in self.notices)

    def agrees_with(self, line: str, clean: Callable[[str], str]) -> bool:
        """Tell whether an earlier evidence has the same notices; `clean` is what the journal did to its line."""
        told = clean(self._told)
        return line.startswith(told) and not line.removeprefix(told).startswith(NOTICE)


class Drift(NamedTuple):
    """What a look saw that is not as it should be: each thing with its value and the wanted one. Never a secret."""

    summary: str


Probe = Callable[["Context"], "Evidence | Drift | None"]
Action = Callable[["Context"], None]


@dataclass(frozen=True)
class Step:
    """One postcondition and the way to bring it about.

    `probe` is read-only and cheap and looks at content, not presence: it alone decides what an interrupted attempt
    left behind. What does not hold it may name as a `Drift`. `apply` may be killed anywhere and started again; what it
    must not find half-done, `cleanup` removes first. `inputs` is a text (any text: it is hashed) that, when it changes,
    makes the step due again.

    `once` marks what is never rebuilt by itself, neither for a
    new revision nor for changed inputs. `ahead` steps need nothing before them and start in the background at second
    zero. `timeout` is in seconds for one attempt; `weight` is the usual share of the first start, in seconds.
    """

    name: str
    title: str
    probe: Probe
    apply: Action
    audit: Probe | None = None
    """A dearer look than `probe`, for `zflow verify`, `zflow resume`, and the first walk after a reset or a container
    that was not stopped in order; where there is none, the probe serves."""
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
        """Return what says whether the postcondition holds: the audit where it is `deep` and there is one."""
        return self.audit if deep and self.audit is not None else self.probe


@dataclass(frozen=True)
class State:
    """A stage of the walk: an ordered list of steps under a name the operator sees.

    What stops a `detached` one does not keep the states after it from being walked; then it stops the walk.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    detached: bool = False


@dataclass(frozen=True)
class Watch:
    """Something the supervisor looks at while serving; when its answer changes, the walk is due.

    Either the content of files (`paths`), or the exit code and output of a command (`argv`, run every `every`
    seconds in a bare environment).
    """

    name: str
    paths: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    every: float = 5.0
    wanted: str = ""
    """The output a command has while all is well; where it is empty, exit code 0 is well enough."""
    answer: str = ""
    """What the files were when the walk began; the walker fills it in."""


@dataclass(frozen=True)
class Product:
    """What an image provisions: the states in order, the settings they read, their error codes, and how to stop."""

    name: str
    states: tuple[State, ...]
    settings: tuple[Setting[Any], ...] = ()
    codes: tuple[Code, ...] = ()
    admit: Callable[[Path], None] = field(default=lambda _volume: None)
    """Asked before zflow writes anything to a volume without a journal; raises OperatorError to refuse it."""
    accept: Action = field(default=lambda _ctx: None)
    """Refuses settings that cannot be used on this volume, before a walk begins anything; raises OperatorError."""
    serves: tuple[str, ...] = ()
    """Names of the steps that, once proven in a start of the container, make it serve; `zflow health ready`."""
    turns: tuple[str, ...] = ()
    """Names of the steps whose doing is a turning point: the history keeps the walks in which one was done."""
    shields: tuple[str, ...] = ()
    """Names of the steps, valid for one start of the container, before which the endpoint listens to nobody outside."""
    watched_files: Callable[[Context], Sequence[Watch]] = field(default=lambda _ctx: ())
    """Which files are watched. Asked before each walk too, while the services do not run yet: it is quick."""
    watches: Callable[[Context], Sequence[Watch]] = field(default=lambda _ctx: ())
    """What is watched by commands; asked after each walk."""
    shutdown: Action = field(default=lambda _ctx: None)
    doctor: Callable[[Context], Iterable[str]] = field(default=lambda _ctx: ())
    """Lines that `zflow doctor` ends with; for a person."""
    collects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Commands whose output `zflow collect` adds to its bundle, by the name of the file that it becomes."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in walking order."""
        return tuple(step for state in self.states for step in state.steps)
