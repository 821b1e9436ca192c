"""What is installed in an image, as its own records say: dpkg's list, and the metadata of the Python distributions.

Read from outside by the engine's `cp`, out of a container that is never started: nothing of the image is run, so the
image cannot misreport itself, and an image for another processor is read as well.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser

STATUS = "/var/lib/dpkg/status"
RELEASE = "/usr/lib/os-release"
LIBRARIES = "/opt/zflow/lib"
METADATA = re.compile(r"[^/]+/python[^/]+/site-packages/[^/]+\.dist-info/METADATA")

FIELD = re.compile(r"^(Package|Version|Architecture|Source|Status): (.*)$", re.MULTILINE)


class Unreadable(Exception):
    """The image cannot be read; the text is one sentence for a person."""


@dataclass(frozen=True)
class Package:
    """A Debian package. `source` is what it was built from, `NAME` or `NAME (VERSION)`, where that differs."""

    name: str
    version: str
    architecture: str
    source: str


@dataclass(frozen=True)
class Distribution:
    """A Python distribution. `licence` is an SPDX expression or the maker's own words, empty where it names none."""

    name: str
    version: str
    licence: str


@dataclass(frozen=True)
class Contents:
    """All that an image's own records name. `system` and `release` are Debian's, in os-release's words."""

    system: str
    release: str
    packages: tuple[Package, ...]
    distributions: tuple[Distribution, ...]


def ask(engine: str, *words: str) -> bytes:
    """Return what the engine printed. Raises Unreadable with its last line."""
    try:
        done = subprocess.run([engine, *words], capture_output=True, check=False)
    except OSError as error:
        raise Unreadable(f"{engine} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise Unreadable(f"`{engine} {' '.join(words[:2])}` ended with {done.returncode}: {said[-1]}")
    return done.stdout


def read(engine: str, image: str) -> Contents:
    """Return what is installed in an image. Raises Unreadable."""
    with _container(engine, image) as container:
        try:
            system = dict(_assignments(_file(engine, container, RELEASE)))
            packages = tuple(installed(_file(engine, container, STATUS)))
            with _copied(engine, container, LIBRARIES) as archive:
                distributions = tuple(described(archive))
        except UnicodeDecodeError as error:
            raise Unreadable(f"{image} has records that are not in UTF-8") from error
        except KeyError as error:
            raise Unreadable(f"{image} has a record without a field: {error}") from error
    if not packages or not distributions:
        raise Unreadable(f"{image} is not an image of zflow: it has {len(packages)} Debian packages and "
                         f"{len(distributions)} Python distributions in {LIBRARIES}")  # fmt: skip
    return Contents(system.get("ID", ""), system.get("VERSION_ID", ""), packages, distributions)


@contextlib.contextmanager
def _container(engine: str, image: str) -> Iterator[str]:
    words = ask(engine, "create", "--pull=never", image).decode(errors="replace").split()
    if not words:
        raise Unreadable(f"{engine} has made no container of {image}")
    try:
        yield words[-1]
    except BaseException:
        with contextlib.suppress(Unreadable):  # the first cause is the one to tell
            ask(engine, "rm", "--volumes", words[-1])
        raise
    ask(engine, "rm", "--volumes", words[-1])


@contextlib.contextmanager
def _copied(engine: str, container: str, path: str) -> Iterator[tarfile.TarFile]:
    copied = ask(engine, "cp", f"{container}:{path}", "-")
    try:
        with tarfile.open(fileobj=io.BytesIO(copied)) as archive:
            yield archive
    except tarfile.TarError as error:
        raise Unreadable(f"{engine} has not given {path} as a tar archive") from error


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> str:
    if member.isfile() and (content := archive.extractfile(member)):
        return content.read().decode()
    raise Unreadable(f"{path} in the image is not a file")


def _file(engine: str, container: str, path: str) -> str:
    with _copied(engine, container, path) as archive:
        for member in archive:
            return _text(archive, member, path)
    raise Unreadable(f"{path} in the image is not a file")


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _, value = line.partition("=")
        yield name, value.strip('"')


def installed(status: str) -> Iterator[Package]:
    """Yield the packages that are installed, by the text of dpkg's status file; not those that left their settings."""
    for paragraph in status.split("\n\n"):
        fields: dict[str, str] = dict(FIELD.findall(paragraph))
        if fields.get("Status", "").endswith(" installed"):
            yield Package(fields["Package"], fields["Version"], fields["Architecture"], fields.get("Source", ""))


def described(archive: tarfile.TarFile) -> Iterator[Distribution]:
    """Yield the distributions whose metadata are in an archive of the folder of libraries."""
    for member in archive:
        if METADATA.fullmatch(member.name):
            text = _text(archive, member, "/".join(member.name.split("/")[-2:]))
            metadata = Parser().parsestr(text, headersonly=True)
            yield Distribution(_field(metadata, "Name"), _field(metadata, "Version"), licence(metadata))


def _field(metadata: Message, name: str) -> str:
    if not (found := metadata[name]):
        raise KeyError(name)
    return str(found)


def licence(metadata: Message) -> str:
    """Return the licence that a distribution's metadata name: the expression, the old field's line, or a classifier."""
    if found := metadata["License-Expression"] or metadata["License"]:
        return str(found).strip().splitlines()[0]
    named = [each.split(" :: ")[-1] for each in metadata.get_all("Classifier", []) if each.startswith("License :: ")]
    return named[0] if named else ""
