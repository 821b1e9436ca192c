"""The tests. A run starts hundreds of Pythons: their compiled code is kept, even where the environment forbids it."""

from __future__ import annotations

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
