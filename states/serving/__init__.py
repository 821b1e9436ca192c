"""Serving: what is watched while the server runs, and how everything inside ends with the container."""

from states.serving.shutdown import shutdown
from states.serving.watches import watched_files, watches

__all__ = ["shutdown", "watched_files", "watches"]
