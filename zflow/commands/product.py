"""Where the command line meets the product: its states, loaded only by commands that need them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from zflow.commands.light import volume
from zflow.endpoint.address import HTTP
from zflow.host.boot import boot_identity
from zflow.host.shell import Shell
from zflow.secret import Redactor
from zflow.settings import load
from zflow.step import Product
from zflow.walk.surroundings import Surroundings


def product() -> Product:
    """Return what this image provisions; its table of settings has the engine's own too."""
    from states.product import PRODUCT

    return replace(PRODUCT, settings=(*PRODUCT.settings, HTTP))


def environment() -> Mapping[str, str]:
    """Return the variables that settings are read from."""
    return os.environ


def bystander() -> Surroundings:
    """Return surroundings for looking only: nothing is logged, nothing is stopped.

    Raises OperatorError when settings are wrong.
    """
    place = volume()
    settings = load(product().settings, environment(), place)
    shell = Shell(root=place, tag=f"look:{os.getpid()}", log=lambda _line: None)
    return Surroundings(place, settings, boot_identity(), shell, Redactor())
