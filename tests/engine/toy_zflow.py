"""`python -m tests.engine.toy_zflow WORDS...`: the whole command `zflow` over the toy product."""

from __future__ import annotations

import sys

from tests.engine.commands import TOY
from zflow import entry
from zflow.commands import product

product.product = lambda: TOY
sys.argv[0] = "zflow"
entry.main()
