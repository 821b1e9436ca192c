"""The journal: what happened on this volume, in SQLite, append-only, one sync per commit.

`layout` names files and revisions, `event` is the record, `writer` restores and appends (SQLAlchemy Core, and its
driver), `reader` looks (standard library only), `migrate` brings an older journal to today's schema (alembic).
"""
