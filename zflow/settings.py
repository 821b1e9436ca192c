"""Settings: one declared table gives names, sources, validation and help. All errors are found at once.

A setting `admin_password` is read from, first found wins: the environment variable `ZFLOW_ADMIN_PASSWORD`, the file
named by `ZFLOW_ADMIN_PASSWORD_FILE`, the key `admin_password` of the settings file (TOML; `ZFLOW_SETTINGS_FILE`,
by default `app/settings.toml` on the volume), its default.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import unquote

from zflow import codes
from zflow.errors import OperatorError
from zflow.host.files import edited
from zflow.secret import Secret

T = TypeVar("T")

PREFIX = "ZFLOW_"
LARGEST = 1 << 20
"""The most bytes that are read of a settings file, or of a file with one value."""
SETTINGS_FILE = "ZFLOW_SETTINGS_FILE"
DEFAULT = "default"
"""The source of a value that the operator did not give."""
ENGINE_NAMES = frozenset({"ZFLOW_VOLUME", SETTINGS_FILE})


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One thing that the operator can decide.

    `parse` turns the text into the value and raises ValueError with a sentence that says what is expected.
    `default` is a text too, so that it is checked like any other value; None means: not set.
    """

    name: str
    parse: Callable[[str], T]
    default: str | None
    about: str
    example: str
    strict: Callable[[str], None] | None = None
    """Raises ValueError for a text that is not good enough for anything new. What was made with it before goes on:
    `load` accepts it and keeps the mistake, and the steps that make something new call `Settings.insist`."""

    @property
    def variable(self) -> str:
        """The environment variable of this setting."""
        return PREFIX + self.name.upper()


class Value(NamedTuple):
    """A setting's value and where it came from."""

    value: Any
    source: str
    mistake: str = ""
    """What `strict` refuses: name, source, what is wrong, an example."""


class Settings:
    """The checked values. `settings[SETTING]` is typed and raises KeyError where nothing is set; `get` returns None."""

    def __init__(self, values: Mapping[str, Value], files: tuple[Path, ...] = ()) -> None:
        self._values = values
        self.files = files
        """Where values may come from; when one of these files changes, the settings are loaded again."""

    def __getitem__(self, setting: Setting[T]) -> T:
        value: T = self._values[setting.name].value
        return value

    def get(self, setting: Setting[T]) -> T | None:
        """Return the value, or None when it is not set and has no default."""
        found = self._values.get(setting.name)
        return None if found is None else found.value

    def source(self, setting: Setting[Any]) -> str:
        """Return where the value came from, for messages: a variable, a file, `default` or `not set`."""
        found = self._values.get(setting.name)
        return "not set" if found is None else found.source

    def given(self, setting: Setting[Any]) -> bool:
        """Tell whether the operator gave the value."""
        return self.source(setting) not in {DEFAULT, "not set"}

    @property
    def mistakes(self) -> tuple[str, ...]:
        """What `strict` refuses: a line each, without a secret."""
        return tuple(found.mistake for found in self._values.values() if found.mistake)

    def insist(self) -> None:
        """Raise OperatorError(SETTINGS) if there are any."""
        _refuse(self.mistakes)

    def secrets(self) -> Iterable[Secret]:
        """Return every secret among the values, the passwords in URLs included, for the redactor."""
        for found in self._values.values():
            if isinstance(found.value, Secret):
                yield found.value
                continue
            yield from map(Secret, passwords(str(found.value)))


def passwords(text: str) -> set[str]:
    """Return the passwords of all URLs in a text, as written and decoded."""
    found = re.findall(r"://[^/@\s:]*:([^/@\s]+)@", text)
    return {*found, *map(unquote, found)}


def load(table: Iterable[Setting[Any]], environment: Mapping[str, str], volume: Path) -> Settings:
    """Read and check all settings.

    Raises OperatorError(SETTINGS) with one line per mistake: name, source, what is wrong, an example.
    """
    settings = {setting.name: setting for setting in table}
    mistakes = _unknown_variables(settings, environment)
    path = _settings_file(environment, volume)
    from_file, file_mistakes = _read_file(path, settings, required=SETTINGS_FILE in environment)
    mistakes += file_mistakes
    values: dict[str, Value] = {}
    for setting in settings.values():
        source = setting.variable
        try:
            found = _find(setting, environment, from_file, path)
            if found is None:
                continue
            data, source = found
            value = setting.parse(edited(data).strip())
            values[setting.name] = Value(value, source, _strict_mistake(setting, data, source))
        except (ValueError, OSError) as error:
            mistakes.append(_mistake(setting, source, error))
    _refuse(mistakes)
    return Settings(values, files(environment, volume))


def _strict_mistake(setting: Setting[Any], data: bytes, source: str) -> str:
    try:
        if setting.strict is not None:
            setting.strict(data.decode().rstrip("\n"))
    except ValueError as error:
        return _mistake(setting, source, error)
    return ""


def _mistake(setting: Setting[Any], source: str, error: ValueError | OSError) -> str:
    reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
    name = setting.variable if source == setting.variable else f"{setting.variable}, from {source}"
    return f"{name}: {reason} (example: {setting.example})"


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        raise OperatorError(codes.SETTINGS, mistakes[0] if len(mistakes) == 1 else _listed(mistakes))


def load_one(setting: Setting[T], environment: Mapping[str, str], volume: Path) -> T | None:
    """Read and check a single setting, for a process without the complete table; None when it is not set.

    Raises OperatorError(SETTINGS).
    """
    path = _settings_file(environment, volume)
    try:
        from_file = {name: _as_text(value) for name, value in toml(path).items()}
        found = _find(setting, environment, from_file, path)
        return None if found is None else setting.parse(edited(found[0]).strip())
    except (ValueError, OSError, RecursionError) as error:
        raise OperatorError(codes.SETTINGS, f"{setting.variable}: {error}") from error


def files(environment: Mapping[str, str], volume: Path) -> tuple[Path, ...]:
    """Return the settings file and every file that a variable names, whether they exist or not."""
    named = (name for name in sorted(environment) if name.startswith(PREFIX) and name.endswith("_FILE"))
    others = tuple(Path(environment[name]) for name in named if name != SETTINGS_FILE)
    return (_settings_file(environment, volume), *others)


def _settings_file(environment: Mapping[str, str], volume: Path) -> Path:
    return Path(environment.get(SETTINGS_FILE, volume / "app" / "settings.toml"))


def _listed(lines: Sequence[str]) -> str:
    return f"{len(lines)} mistakes\n" + "\n".join(f"  - {line}" for line in lines)


def _find(
    setting: Setting[Any], environment: Mapping[str, str], from_file: Mapping[str, str], path: Path
) -> tuple[bytes, str] | None:
    variable = setting.variable
    if variable in environment:
        return os.fsencode(environment[variable]), variable
    if f"{variable}_FILE" in environment:
        file = Path(environment[f"{variable}_FILE"])
        return _data(file), f"{variable}_FILE ({file})"
    if setting.name in from_file:
        return from_file[setting.name].encode(), str(path)
    return None if setting.default is None else (setting.default.encode(), DEFAULT)


def _unknown_variables(settings: Mapping[str, Setting[Any]], environment: Mapping[str, str]) -> list[str]:
    known = {setting.variable for setting in settings.values()}
    known |= {f"{name}_FILE" for name in known} | ENGINE_NAMES
    return [
        f"{name}: there is no such setting{_nearest(name, known, PREFIX)}"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known
    ]


def _nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return a hint at the most similar name; the shared prefix does not count."""
    import difflib  # most starts have no such mistake

    close = difflib.get_close_matches(name.removeprefix(prefix), [each.removeprefix(prefix) for each in known], n=1)
    return f"; did you mean {prefix}{close[0]}?" if close else ""


def _read_file(path: Path, settings: Mapping[str, Setting[Any]], *, required: bool) -> tuple[dict[str, str], list[str]]:
    if required and not path.exists():
        return {}, [f"{SETTINGS_FILE}: there is no file {path}"]
    try:
        found = toml(path)
    except (ValueError, OSError, RecursionError) as error:  # not TOML, not UTF-8, too many digits or brackets
        return {}, [f"{path}: {error}"]
    mistakes = [
        f"{path}: there is no setting {name}{_nearest(name, settings)}" for name in found if name not in settings
    ]
    return {name: _as_text(value) for name, value in found.items() if name in settings}, mistakes


def toml(path: Path) -> dict[str, object]:
    """Return the content of a settings file; empty if there is no file. Raises ValueError, OSError, RecursionError."""
    if not path.exists():
        return {}
    import tomllib  # many volumes have no settings file

    return tomllib.loads(content(path))


def content(path: Path) -> str:
    """Return a file's text. Raises OSError, and ValueError for a file that is not UTF-8."""
    return edited(_data(path))


def _data(path: Path) -> bytes:
    """Return a file's bytes. Links are followed, as an engine's secrets need it; a pipe is refused, not waited for."""
    with open(path, "rb", opener=_without_waiting) as file:
        return file.read(LARGEST)


def _without_waiting(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", path)
    return descriptor


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value)
