"""Secrets: a text that never prints, the store that makes each one once, and the filter that cleans logs."""

from __future__ import annotations

import secrets as random
import string
from pathlib import Path

from zflow.host.files import make_folder, read_text, write_atomic
from zflow.terminal.plain import plain

ALPHABET = string.ascii_letters + string.digits


class Secret:
    """A text that shows as `***` wherever it is printed; `reveal()` is the only way to its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Redactor:
    """Replaces every known secret in a text by `***`."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()

    def learn(self, secret: Secret) -> None:
        """Remember a secret, unless it is so short that ordinary words would be replaced."""
        if len(secret.reveal()) >= 4:
            self._known = tuple(sorted({*self._known, secret.reveal()}, key=len, reverse=True))

    def clean(self, text: str) -> str:
        """Return `text` as plain text without any known secret. Longer secrets are replaced first."""
        for value in self._known:
            text = text.replace(value, "***")
        return plain(text)


class SecretStore:
    """Named secrets on the volume, each generated once, in a file of mode 0600 in a folder of mode 0700."""

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self._folder = folder
        self._redactor = redactor
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if path.is_file():
                redactor.learn(_read(path))

    def get(self, name: str) -> Secret | None:
        """Return the secret of that name, or None when there is none yet."""
        path = self._folder / name
        if not path.exists():
            return None
        secret = _read(path)
        self._redactor.learn(secret)
        return secret

    def put(self, name: str, secret: Secret) -> None:
        """Write a secret durably, in place of an older one."""
        self._redactor.learn(secret)
        make_folder(self._folder, 0o700)
        write_atomic(self._folder / name, secret.reveal() + "\n", mode=0o600)

    def ensure(self, name: str, length: int = 24) -> Secret:
        """Return the secret of that name; the first call makes it: `length` letters and digits."""
        found = self.get(name)
        if found is None:
            found = Secret("".join(random.choice(ALPHABET) for _ in range(length)))
            self.put(name, found)
        return found


def _read(path: Path) -> Secret:
    """Return the secret in a file, without the byte order mark and the line end of an editor."""
    return Secret(read_text(path).removeprefix("\ufeff").rstrip("\r\n"))
