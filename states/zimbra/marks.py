"""Marks: small files that say "this was done" or "this was read back", so that a cheap look need not ask the server.

A mark holds what was written last: by it a probe tells whether that was ever done, and a value set by hand from one of
zflow's. Where a question is cheap (the directory without Java) the probe also asks the server; else only the step's
audit does. A mark that is missing or damaged counts as none, and the step does its work again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from zflow.api import Context, holds, make_folder, read_json, remove_tree, text_of, write_atomic

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)


def path(ctx: Context, name: str) -> Path:
    """Return where the mark of that name lies."""
    return ctx.home / "witness" / name


def agrees(ctx: Context, name: str, text: str) -> bool:
    """Tell whether the mark holds exactly `text`."""
    return holds(path(ctx, name), text)


def write(ctx: Context, name: str, text: str) -> None:
    """Write a mark of text."""
    make_folder(path(ctx, name).parent, 0o700)
    write_atomic(path(ctx, name), text, mode=0o600)


def read(ctx: Context, name: str) -> str:
    """Return the text of a mark; empty when there is none."""
    return text_of(path(ctx, name))


def forget(ctx: Context) -> None:
    """Remove all marks with a name: nothing has been read yet from a server that is about to be built."""
    remove_tree(ctx.home / "witness")


def save(file: Path, value: DataclassInstance) -> None:
    """Write a dataclass as JSON, for root alone."""
    make_folder(file.parent, 0o700)
    write_atomic(file, json.dumps(asdict(value)) + "\n", mode=0o600)


def load(file: Path, kind: type[T]) -> T | None:
    """Return the dataclass in a file of `save`, or of an earlier zflow; None when it is missing or damaged.

    Fields are JSON's own types, tuples and mappings of them, and dataclasses; fields with a default may be absent.
    """
    return read_json(file, lambda found: cast("T", typed(kind, found)))


_hints = cache(get_type_hints)


def typed(hint: Any, value: Any) -> Any:
    """Return `value`, as JSON has it, as the type `hint`. Raises TypeError where it is something else."""
    origin, inner = get_origin(hint) or hint, get_args(hint)
    if hasattr(origin, "__dataclass_fields__") and isinstance(value, dict):
        hints = _hints(origin)
        return origin(**{name: typed(hints.get(name), each) for name, each in value.items()})
    if origin is UnionType:  # such as `X | None`
        return None if value is None else typed(inner[0], value)
    if origin is tuple and isinstance(value, list):
        return tuple(typed(inner[0], each) for each in value)
    if origin in {dict, Mapping} and isinstance(value, dict):
        return {name: typed(inner[1], each) for name, each in value.items()}
    if isinstance(origin, type) and isinstance(value, (float, int) if origin is float else origin):
        return value
    raise TypeError(f"{value!r} is not of the type {hint}")
