"""The journal's tables as SQLAlchemy Core sees them; the migrations create them."""

from __future__ import annotations

from sqlalchemy import Column, Float, Insert, Integer, MetaData, Table, Text, Update, insert, update
from sqlalchemy.dialects import sqlite

metadata = MetaData()

event = Table(
    "event",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", Float),
    Column("boot", Text),
    Column("run", Text),
    Column("state", Text),
    Column("step", Text),
    Column("attempt", Integer),
    Column("kind", Text),
    Column("key", Text),
    Column("evidence", Text),
    Column("code", Text),
    Column("class", Text),
    Column("detail", Text),
    Column("next_try", Float),
    Column("duration", Float),
    Column("hash", Text),
)

workflow = Table(
    "workflow",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", Text),
    Column("place", Text),
    Column("step", Text),
    Column("boot", Text),
    Column("run", Text),
    Column("updated", Float),
    Column("code", Text),
    Column("detail", Text),
    Column("remedy", Text),
    Column("next_try", Float),
    Column("version", Text),
)

step = Table(
    "step",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", Integer),
    Column("state", Text),
    Column("title", Text),
    Column("scope", Text),
    Column("weight", Float),
)


seal = Table("seal", metadata, Column("id", Integer, primary_key=True), Column("hash", Text))


def _text(statement: Insert | Update, *left_out: str) -> str:
    columns = [each.name for each in statement.table.columns if each.name not in left_out]
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark"), column_keys=columns))


# The statements of every step as text for the driver, the values in the columns' order.
ADD_EVENT = _text(insert(event), "seq")
MOVE = _text(insert(workflow).prefix_with("OR REPLACE"))
SEAL = _text(update(seal), "id")
