"""Where the engine meets the product, and its only module that imports it: the product's commands, and its states.

The states are loaded only by commands that need them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from zflow.commands.light import volume

if TYPE_CHECKING:
    import click

    from zflow.step import Product
    from zflow.walk.surroundings import Surroundings


def about() -> str:
    """Return in a sentence what this image is for."""
    from states.commands import ABOUT

    return ABOUT


def commands() -> tuple[click.Command, ...]:
    """Return the product's own commands; what they need of the states they load when they are called."""
    from states.commands import COMMANDS

    return COMMANDS


def product() -> Product:
    """Return what this image provisions; its table of settings has the engine's own too."""
    from states.product import PRODUCT
    from zflow.endpoint.address import HTTP

    endpoint = replace(HTTP, about=f"{HTTP.about} {PRODUCT.outside}")
    return replace(PRODUCT, settings=(*PRODUCT.settings, endpoint))


def environment() -> Mapping[str, str]:
    """Return the variables that settings are read from."""
    return os.environ


def bystander() -> Surroundings:
    """Return surroundings for looking only: nothing is logged, nothing is stopped.

    Raises OperatorError when settings are wrong.
    """
    from zflow.host.boot import boot_identity
    from zflow.host.shell import Shell
    from zflow.secret import Redactor
    from zflow.settings import load
    from zflow.walk.surroundings import Surroundings

    root = volume()
    shell = Shell(root=root, tag=f"look:{os.getpid()}", log=lambda _line: None)
    return Surroundings(root, load(product().settings, environment(), root), boot_identity(), shell, Redactor())
