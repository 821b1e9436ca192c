"""A support bundle: texts without secrets, packed, and searched again in packed form.

Secrets are replaced in each text that is added. Afterwards the packed bytes are unpacked and searched for every form of
every secret: a bundle in which one is found is never written.
"""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from zflow import codes
from zflow.errors import OperatorError
from zflow.terminal.words import counted

FOLDER = "zflow-collect"
LIST = "LEFT-OUT.txt"
SHORTEST = 4
"""Characters below which a secret looks like an ordinary word, and is not searched for."""
LINE = 16
"""Characters from which a single line of a secret of several lines is a secret too."""
PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|\Z)", re.DOTALL
)
"""A private key in PEM (RFC 7468), also a truncated one."""
ENDING = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")
BEGINNING = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")


@dataclass(frozen=True)
class Known:
    """A secret, and its name in the list of what was removed."""

    name: str
    value: str

    def forms(self) -> Iterator[str]:
        """Yield the forms in which it may appear, each long enough not to be an ordinary word."""
        lines = [line.strip() for line in self.value.splitlines()]
        for text in {self.value.strip(), *(line for line in lines if len(line) >= LINE)}:
            if len(text) >= SHORTEST:
                yield from {text, json.dumps(text)[1:-1], quote(text, safe=""), *_in_base64(text.encode())}


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield what a secret alone decides of a longer text in base64, such as `user:secret`, at each of three offsets."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret).decode()
        certain = encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
        if len(certain) > SHORTEST:
            yield certain


@dataclass
class Bundle:
    """The parts by name, and what was removed from each."""

    secrets: Sequence[Known]
    parts: dict[str, bytes] = field(default_factory=dict)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        """Add a text without its secrets and private keys."""
        begin, end = PRIVATE_KEY.search(text), ENDING.search(text)
        if end is not None and (begin is None or begin.start() > end.start()):
            text = f"***{text[end.end() :]}"  # the beginning of this key was cut off
            self._count(name, "private key", 1)
        text, number = PRIVATE_KEY.subn("***", text)
        self._count(name, "private key", number)
        forms = [(form, known) for known in self.secrets for form in known.forms()]
        for form, known in sorted(forms, key=lambda each: -len(each[0])):
            self._count(name, known.name, text.count(form))
            text = text.replace(form, "***")
        self.parts[name] = text.encode()

    def add_whole(self, name: str, content: bytes, text: str) -> None:
        """Add bytes as they are, unless they contain a secret.

        `text` is their content: a database splits a long one into pages, between which a secret would not be found.
        """
        found = sorted({*_found(content, self.secrets), *_found(text.encode(), self.secrets)})
        if found:
            self.notes.append(f"{name}: not included, it contains {', '.join(found)}")
        else:
            self.parts[name] = content

    def _count(self, name: str, what: str, number: int) -> None:
        if number:
            self.taken[name, what] += number

    def listing(self) -> str:
        """Return what was removed, for the bundle itself and for the operator."""
        lines = [f"{part}: {what}, {counted(number, 'time')}" for (part, what), number in sorted(self.taken.items())]
        lines += self.notes
        lines += [f"{each.name}: too short to search for" for each in self.secrets if not any(each.forms())]
        looked = ", ".join(sorted(each.name for each in self.secrets)) or "none"
        return "\n".join([*(lines or ["Nothing was removed."]), f"Searched for: {looked}; private keys in PEM."]) + "\n"

    def pack(self) -> bytes:
        """Return the bundle as a compressed tar archive.

        Raises OperatorError(BUNDLE) when a secret or a private key is found in what was packed.
        """
        self.parts[LIST] = self.listing().encode()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, content in sorted(self.parts.items()):
                member = tarfile.TarInfo(f"{FOLDER}/{name}")
                member.size, member.mode = len(content), 0o600
                archive.addfile(member, io.BytesIO(content))
        if found := leaks(packed.getvalue(), self.secrets):
            raise OperatorError(codes.BUNDLE, "; ".join(found))
        return packed.getvalue()


def leaks(packed: bytes, secrets: Sequence[Known]) -> list[str]:
    """Return which member of an archive contains which secret, by their names."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            content = member.name.encode() + b"\n" + (file.read() if file is not None else b"")
            found += [f"{member.name} contains {what}" for what in sorted(set(_found(content, secrets)))]
    return found


def _found(content: bytes, secrets: Iterable[Known]) -> Iterator[str]:
    if BEGINNING.search(content):
        yield "a private key"
    for each in secrets:
        if any(form.encode() in content for form in each.forms()):
            yield each.name
