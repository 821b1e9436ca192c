"""Steps whose effects are on the simulated machine alone, and the products made of them.

One product has each nature of step that there is; the other has the real product's states and steps. The engine that
walks them is the real one: `zflow.walk` and `zflow.journal` over a real SQLite file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.crash.host import Host, Violation
from zflow import codes
from zflow.context import Context
from zflow.errors import OperatorError, TransientError
from zflow.step import Evidence, Product, Scope, State, Step


@dataclass(frozen=True)
class Kind:
    """What is peculiar to a simulated step; `parts` is how many commands its apply takes."""

    parts: int = 2
    reads: bool = False
    """Its result depends on an input, which changes at random moments."""
    marked: bool = False
    """Its probe looks at the last part only, a marker written after a sync of its own."""
    tidy: bool = False
    """Its apply must not find a half-made result: it has a cleanup."""


def parts_of(step: Step, kind: Kind) -> list[str]:
    """Return the names of the parts that a step's result consists of, in the order in which they are made."""
    prefix = f"memory/{step.name}" if step.scope is Scope.BOOT else step.name
    return [*(f"{prefix}/{number}" for number in range(1, kind.parts)), f"{prefix}/last"]


def simulated(host: Host, step: Step, kind: Kind) -> Step:
    """Return the step with its name and nature, and with effects on the simulated machine alone."""
    parts = host.results[step.name] = parts_of(step, kind)
    if kind.reads:
        host.inputs[step.name] += 1

    def wanted() -> int:
        return host.inputs[step.name] if kind.reads else 1

    def probe(ctx: Context) -> Evidence | None:
        looked_at = parts[-1:] if kind.marked else parts
        return Evidence("all parts are there") if all(host.seen.get(part) == wanted() for part in looked_at) else None

    def apply(ctx: Context) -> None:
        _begin(host, step, kind, parts, holds=probe(ctx) is not None)
        value = wanted()
        for part in parts:
            _command(host, ctx, step.name)
            if kind.marked and part == parts[-1]:
                host.sync()
            host.seen[part] = value
            if part == parts[-1]:
                host.completed[step.name] += 1
            host.point(f"{step.name}: command ended")
            ctx.check()

    def cleanup(ctx: Context) -> None:
        for part in parts[::-1]:
            if part in host.seen and not all(each in host.seen for each in parts):
                del host.seen[part]
        host.point(f"{step.name}: cleaned up")

    return replace(
        step,
        probe=probe,
        apply=apply,
        cleanup=cleanup if step.cleanup is not None or kind.tidy else None,
        audit=probe if step.audit is not None else None,
        inputs=(lambda _ctx: str(wanted())) if kind.reads else None,
    )


def _begin(host: Host, step: Step, kind: Kind, parts: Sequence[str], *, holds: bool) -> None:
    if step.name not in host.begun:
        raise Violation(f"{step.name} is applied without an intent on record")
    if holds:
        raise Violation(f"{step.name} is applied although its result is there")
    if kind.tidy and 0 < sum(part in host.seen for part in parts) < len(parts):
        raise Violation(f"{step.name} meets the half-made result of an attempt that was cut off")


def _command(host: Host, ctx: Context, name: str) -> None:
    """Start one command: it may fail, as the weather is."""
    host.point(f"{name}: command begins")
    ctx.check()
    luck, weather = host.dice.random(), host.weather
    if luck < weather.transient:
        raise TransientError(codes.COMMAND, "the mirror is away")
    if luck < weather.transient + weather.wrong:
        raise OperatorError(codes.SETTINGS, "a wrong setting")
    if luck < weather.transient + weather.wrong + weather.bug:
        raise ValueError("a defect")


def _nothing(_ctx: Context) -> None:
    """Stands where a simulated action will."""


ROUNDS = (1, 2, 3)
"""Each nature comes so often: a product as long as a real one."""


def shape(number: int) -> Iterator[tuple[Step, Kind]]:
    """Yield one step of each nature there is; the first word of a name is the state's."""

    def step(name: str, **options: object) -> Step:
        return Step(f"{name}{number}", f"simulated {name}", lambda _ctx: None, _nothing, **options)  # type: ignore[arg-type]

    yield step("base.once", once=True), Kind(parts=3, marked=True, tidy=True)
    yield step("base.boot", scope=Scope.BOOT), Kind()
    yield step("early.ahead", ahead=True, retry="network"), Kind(reads=True)
    yield step("early.input"), Kind(reads=True, tidy=True)
    yield step("core.once", once=True, retry="vendor"), Kind(parts=4)
    yield step("core.plain"), Kind()
    yield step("side.input", audit=lambda _ctx: None), Kind(reads=True)
    yield step("side.boot", scope=Scope.BOOT, retry="never"), Kind(parts=1)
    yield step("last.input"), Kind(parts=3, reads=True, marked=True)
    yield step("last.ahead", ahead=True), Kind(tidy=True)
    yield step("last.boot", scope=Scope.BOOT), Kind(reads=True)


STATES = ("base", "early", "core", "side", "last")
SHAPE = tuple(
    (step, kind) for state in STATES for number in ROUNDS for step, kind in shape(number) if step.name.startswith(state)
)
DETACHED = frozenset({"side"})


def world_product(host: Host) -> Product:
    """Return the product of the simulated world."""
    steps = [simulated(host, step, kind) for step, kind in SHAPE]
    states = (State(name, name, _of(steps, name), detached=name in DETACHED) for name in STATES)
    return Product("world", tuple(states))


def like(host: Host, product: Product) -> Product:
    """Return a product of the same states and steps, each with its nature, over the simulated machine."""

    def turned(step: Step) -> Step:
        return simulated(host, step, Kind(parts=2, reads=step.inputs is not None, tidy=step.cleanup is not None))

    return Product(
        product.name, tuple(replace(state, steps=tuple(map(turned, state.steps))) for state in product.states)
    )


def _of(steps: Sequence[Step], state: str) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.name.startswith(f"{state}."))
