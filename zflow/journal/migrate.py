"""Brings a journal to today's schema with alembic; imported only when its revision differs."""

from __future__ import annotations

import contextlib
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

PACKAGE = Path(__file__).parent.parent


def migrations() -> Path:
    """Return the folder of the migrations: inside an installed package, else at the top of the checkout."""
    installed = PACKAGE / "_alembic"
    return installed if installed.is_dir() else PACKAGE.parent / "alembic"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run every missing migration in one transaction over `connection`."""
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with contextlib.redirect_stdout(None):
        command.upgrade(config, revision)
