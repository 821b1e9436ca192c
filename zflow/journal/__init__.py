"""The journal: what happened on this volume, in SQLite, append-only, one sync per commit.

`layout` names files and revisions, `ground` looks at what lies there, `event` is the record, `writer` restores and
appends (SQLAlchemy Core, and its driver), `pruning` lets go of what is old, `seal` tells whether all is as it was left,
`reader` looks (standard library only), `migrate` brings an older journal to today's schema (alembic).
"""
