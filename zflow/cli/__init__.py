"""The command line: the one part that prints for people and knows both the engine and the states."""

from __future__ import annotations

from zflow.cli.group import main

__all__ = ["main"]
