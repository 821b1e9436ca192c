"""The journal's tables as SQLAlchemy Core needs them for statements; the migrations create them, with types."""

from __future__ import annotations

from sqlalchemy import Insert, TableClause, Update, column, insert, table, update
from sqlalchemy.dialects import sqlite

from zflow.journal.event import COLUMNS
from zflow.journal.seal import PLACE


def _table(name: str, *columns: str) -> TableClause:
    return table(name, *map(column, columns))


event = _table("event", "seq", *COLUMNS, "hash")
workflow = _table("workflow", "id", *PLACE)
step = _table("step", "name", "position", "state", "title", "scope", "weight")
seal = _table("seal", "id", "hash")


def _text(statement: Insert | Update, *left_out: str) -> str:
    columns = [each.name for each in statement.table.columns if each.name not in left_out]
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark"), column_keys=columns))


# The statements of every step as text for the driver, the values in the columns' order.
ADD_EVENT = _text(insert(event), "seq")
MOVE = _text(insert(workflow).prefix_with("OR REPLACE"))
SEAL = _text(update(seal), "id")
