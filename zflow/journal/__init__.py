"""The journal: what happened on this volume, in SQLite, append-only, one sync per commit.

`layout` names files and revisions, `ground` checks what is there, `event` is one row and `record` what the rows of a
step mean. `connect` opens the file, `writer` restores and appends (SQLAlchemy Core, and its driver), `pruning` removes
old events, `seal` finds damage, `reader` reads (standard library only), `migrate` changes an older schema (alembic).
"""
