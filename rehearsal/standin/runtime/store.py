"""The stand-in's LDAP: entries of attributes in one JSON file, replaced atomically under a lock."""

import fcntl
import json
import os
import uuid
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List

from . import host

Entry = Dict[str, List[str]]
Lookup = Callable[[str], List[str]]
"""The values of an attribute, of the server or of what it inherits from."""

DATABASE = host.DATA / "ldap/mdb/db/data.mdb"
"""Under the vendor's name: its presence is what decides whether LDAP was initialised."""


class Directory:
    """The entries, keyed `config`, `cos/NAME`, `server/NAME`, `domain/NAME` and `account/NAME`."""

    def __init__(self, entries: Dict[str, Entry]) -> None:
        self.entries = entries

    def names(self, kind: str) -> List[str]:
        """The names of all entries of a kind."""
        return sorted(key.split("/", 1)[1] for key in self.entries if key.startswith(kind + "/"))

    def create(self, key: str, attributes: Entry) -> Entry:
        """A new entry with an id of its own."""
        self.entries[key] = dict(attributes, zimbraId=[str(uuid.uuid4())])
        return self.entries[key]

    def account(self, address: str) -> str:
        """The key of the account that an address or alias belongs to, or nothing."""
        address = address.lower()
        for name in self.names("account"):
            if name == address or address in self.entries["account/" + name].get("zimbraMailAlias", []):
                return "account/" + name
        return ""

    def value(self, key: str, name: str) -> List[str]:
        """The attribute of an entry, with what servers, domains and accounts inherit."""
        own = self.entries.get(key, {}).get(name)
        if own is not None:
            return own
        parent = "cos/default" if key.startswith("account/") else "config"
        return self.entries.get(parent, {}).get(name, [])


def initialised() -> bool:
    """Whether zmldapinit came as far as making the database."""
    return DATABASE.exists()


@contextmanager
def opened(write: bool = False) -> Iterator[Directory]:
    """The directory under its lock; changes are saved when the block ends without an error."""
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(str(DATABASE.parent), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX if write else fcntl.LOCK_SH)
        directory = Directory(json.loads(DATABASE.read_text()) if DATABASE.exists() else {})
        yield directory
        if write:
            host.write_atomic(DATABASE, json.dumps(directory.entries, indent=1, sort_keys=True) + os.linesep, 0o600)
    finally:
        os.close(folder)
