"""Preflight: everything that can be known to fail later, found at once before the vendor's installer writes."""

from states.install.preflight.step import STEP, findings

__all__ = ["STEP", "findings"]
