"""The vocabulary of the preflight: what a check is given, and what it may find."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from states.install.preflight.egress import Answer
from states.zimbra.history import last
from states.zimbra.packages import vendor_packages
from zflow.api import Context


class Grade(Enum):
    """What a finding means for the install."""

    BLOCKS = "it would fail until the operator does something"
    PASSES = "it would fail now, and may be better in a minute"
    NOTICE = "it would succeed; the operator should know"


@dataclass(frozen=True)
class Finding:
    """One thing in the way: a sentence that names it, its value, and the way out."""

    text: str
    grade: Grade = Grade.BLOCKS


@dataclass(frozen=True)
class Look:
    """What all checks of one look share: the context, and what the servers that are needed have answered."""

    ctx: Context
    answers: tuple[Answer, ...]

    @property
    def begun(self) -> bool:
        """Tell whether the vendor's installer was at work here: by its history, or by dpkg's list.

        dpkg syncs its list, and the history is not synced: after a power cut one may exist without the other.
        """
        return last(self.ctx) is not None or bool(vendor_packages(self.ctx))


@dataclass(frozen=True)
class Check:
    """One check: its name, what it asks, and what fails without it, with the source of that."""

    name: str
    ask: Callable[[Look], Iterable[Finding]]
    why: str
