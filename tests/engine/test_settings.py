"""Settings: where each may come from, what is accepted, and all mistakes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zflow import values
from zflow.errors import OperatorError
from zflow.secret import Secret
from zflow.settings import Setting, load


def password(value: str) -> Secret:
    """Accept what has no dollar sign, and more than five characters."""
    if "$" in value or len(value) < 6:
        raise ValueError("the password is wrong")
    return Secret(value)


def as_written(written: str) -> None:
    """Accept what has nothing around it."""
    if written.strip("\ufeff\r ") != written:
        raise ValueError("it is not as it was written")


NAME = Setting("host_name", values.host_name, None, "the name", "mail.example.org")
COUNT = Setting("count", values.number(1, 9), "3", "how many", "5")
PASSWORD = Setting("admin_password", password, None, "the password", "s3cretpass", strict=as_written)
NETWORKS = Setting("networks", values.many(values.network), "", "who may", "192.0.2.0/24")
WANTED = Setting("wanted", values.flag, "no", "whether", "yes")
TABLE: tuple[Setting[Any], ...] = (NAME, COUNT, PASSWORD, NETWORKS, WANTED)


def mistakes(environment: dict[str, str], volume: Path) -> str:
    """Return the detail of the error that these settings are."""
    with pytest.raises(OperatorError) as refused:
        load(TABLE, environment, volume)
    assert refused.value.code.id == "ZF-1001"
    return refused.value.detail


def write_toml(volume: Path, content: str) -> Path:
    """Write the volume's settings file."""
    path = volume / "app" / "settings.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return path


def test_what_is_not_set_has_its_default_or_nothing(tmp_path: Path) -> None:
    """A default is parsed like any value; without one `get` is None and the index an error."""
    found = load(TABLE, {}, tmp_path)
    assert found[COUNT] == 3
    assert found.get(NAME) is None
    with pytest.raises(KeyError):
        found[NAME]
    assert found.source(COUNT) == "default"


def test_each_source_gives_way_to_the_one_before(tmp_path: Path) -> None:
    """Variable, then the file that a variable names, then the settings file, then the default."""
    toml = write_toml(tmp_path, 'count = 7\nwanted = true\nnetworks = ["192.0.2.1", "2001:db8::/32"]\n')
    file = tmp_path / "count"
    file.write_text("6\n")
    environment = {"ZFLOW_COUNT": "5", "ZFLOW_COUNT_FILE": str(file)}
    found = load(TABLE, environment, tmp_path)
    assert (found[COUNT], found.source(COUNT)) == (5, "ZFLOW_COUNT")
    del environment["ZFLOW_COUNT"]
    found = load(TABLE, environment, tmp_path)
    assert (found[COUNT], found.source(COUNT)) == (6, f"ZFLOW_COUNT_FILE ({file})")
    found = load(TABLE, {}, tmp_path)
    assert (found[COUNT], found.source(COUNT)) == (7, str(toml))
    assert found[WANTED] is True
    assert found[NETWORKS] == ("192.0.2.1/32", "2001:db8::/32")


def test_the_settings_file_may_lie_elsewhere_but_must_then_exist(tmp_path: Path) -> None:
    """A file named by a variable is read; one that is named and missing is a mistake."""
    path = tmp_path / "mine.toml"
    path.write_text("count = 8\n")
    assert load(TABLE, {"ZFLOW_SETTINGS_FILE": str(path)}, tmp_path)[COUNT] == 8
    assert "no file" in mistakes({"ZFLOW_SETTINGS_FILE": str(tmp_path / "none.toml")}, tmp_path)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Each has its source, what is wrong and an example; unknown names have the nearest known one."""
    write_toml(tmp_path, "cuont = 4\nwanted = 'perhaps'\n")
    detail = mistakes(
        {
            "ZFLOW_COUNT": "many",
            "ZFLOW_HOSTNAME": "mail.example.org",
            "ZFLOW_ADMIN_PASSWORD_FILE": str(tmp_path / "missing"),
            "UNRELATED": "fine",
        },
        tmp_path,
    )
    assert detail.startswith("5 mistakes\n")
    assert "ZFLOW_COUNT: 'many' is not a whole number (example: 5)" in detail
    assert "ZFLOW_HOSTNAME: there is no such setting; did you mean ZFLOW_HOST_NAME?" in detail
    assert "there is no setting cuont; did you mean count?" in detail
    assert f"ZFLOW_ADMIN_PASSWORD: No such file or directory: {tmp_path}/missing" in detail
    assert f"ZFLOW_WANTED, from {tmp_path}/app/settings.toml: 'perhaps' is neither yes nor no" in detail


@pytest.mark.parametrize("content", ["count = ", "\xff", "count = 1\ncount = 2"])
def test_a_settings_file_that_cannot_be_read_is_a_mistake(tmp_path: Path, content: str) -> None:
    """What is no TOML is named with its path."""
    write_toml(tmp_path, "").write_text(content, encoding="latin-1")
    assert "settings.toml" in mistakes({}, tmp_path)


def test_a_mistake_in_a_file_that_a_variable_names_tells_that_file(tmp_path: Path) -> None:
    """Neither the value nor the variable alone says where to correct it."""
    file = tmp_path / "wanted"
    file.write_text("perhaps\n")
    told = mistakes({"ZFLOW_WANTED_FILE": str(file)}, tmp_path)
    assert f"ZFLOW_WANTED, from ZFLOW_WANTED_FILE ({file}): 'perhaps' is neither yes nor no" in told


@pytest.mark.parametrize("variable", ["ZFLOW_ADMIN_PASSWORD", "ZFLOW_ADMIN_PASSWORD_FILE"])
def test_a_secret_is_never_shown_not_even_when_it_is_wrong(tmp_path: Path, variable: str) -> None:
    """Neither the values nor a mistake tell a password."""
    file = tmp_path / "password"
    for value in ("hunter$22", "xyzzy"):
        file.write_text(value)
        detail = mistakes({variable: str(file) if variable.endswith("_FILE") else value}, tmp_path)
        assert value not in detail
    file.write_text("hunter2222\n")
    found = load(TABLE, {variable: str(file) if variable.endswith("_FILE") else "hunter2222"}, tmp_path)
    assert found[PASSWORD] == Secret("hunter2222")
    assert "hunter2222" not in f"{found[PASSWORD]} {found[PASSWORD]!r}"
    assert list(found.secrets()) == [Secret("hunter2222")]


EDITED = ["count = 7\nwanted = true\n", "count = 7\r\nwanted = true\r\n", "\ufeffcount = 7\r\nwanted = true"]


@pytest.mark.parametrize("text", EDITED)
def test_a_file_by_any_editor(tmp_path: Path, text: str) -> None:
    """Byte order marks and line ends of Windows are no part of a value, in the settings file and in one of its own."""
    write_toml(tmp_path, "").write_bytes(text.encode())
    name = tmp_path / "name"
    name.write_bytes(b"\xef\xbb\xbfmail.example.org \r\n")
    found = load(TABLE, {"ZFLOW_HOST_NAME_FILE": str(name)}, tmp_path)
    assert (found[COUNT], found[WANTED], found[NAME]) == (7, True, "mail.example.org")


@pytest.mark.parametrize("by", ["variable", "file", "settings file"])
def test_what_nothing_new_is_made_with_is_taken_and_kept_as_a_mistake(tmp_path: Path, by: str) -> None:
    """What was made before goes on with it; whoever makes something refuses it, by name and source, untold."""
    written, variable = "\ufeffhunter2222 ", "ZFLOW_ADMIN_PASSWORD"
    file = tmp_path / "password"
    file.write_text(f"{written}\n")
    toml = write_toml(tmp_path, f'admin_password = "{written}"\n' if by == "settings file" else "")
    environment, source = {
        "variable": ({variable: written}, variable),
        "file": ({f"{variable}_FILE": str(file)}, f"{variable}, from {variable}_FILE ({file})"),
        "settings file": ({}, f"{variable}, from {toml}"),
    }[by]
    found = load(TABLE, environment, tmp_path)
    assert found[PASSWORD] == Secret("hunter2222")
    assert found.mistakes == (f"{source}: it is not as it was written (example: s3cretpass)",)
    with pytest.raises(OperatorError) as refused:
        found.insist()
    assert (refused.value.code.id, refused.value.detail) == ("ZF-1001", found.mistakes[0])


def test_nothing_to_insist_on(tmp_path: Path) -> None:
    """A value that stands as it is written, and one that is not set, are no mistakes."""
    for environment in ({"ZFLOW_ADMIN_PASSWORD": "hunter2222"}, {}):
        found = load(TABLE, environment, tmp_path)
        assert found.mistakes == ()
        found.insist()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"wanted = true\n# M\xfcller\n", "byte 18, in line 2, is not UTF-8; save it as UTF-8"),
        ("wanted = true\n".encode("utf-16"), "it is UTF-16; save it as UTF-8"),
        (b"\x00\xff\xfe", "byte 2, in line 1, is not UTF-8"),
    ],
)
def test_a_file_in_another_encoding_is_told_by_its_place(tmp_path: Path, content: bytes, words: str) -> None:
    """Neither a traceback nor a codec's words, and nothing of the content, which may be a password."""
    write_toml(tmp_path, "").write_bytes(content)
    assert f"settings.toml: {words}" in mistakes({}, tmp_path)
    (tmp_path / "app/settings.toml").unlink()
    (tmp_path / "password").write_bytes(content)
    variable = "ZFLOW_ADMIN_PASSWORD_FILE"
    source = f"ZFLOW_ADMIN_PASSWORD, from {variable} ({tmp_path}/password)"
    assert f"{source}: {words}" in mistakes({variable: str(tmp_path / "password")}, tmp_path)


def test_a_variable_that_is_not_utf8(tmp_path: Path) -> None:
    """What the kernel handed over as bytes is refused here, and not where it is first written."""
    assert "byte 3, in line 1, is not UTF-8" in mistakes({"ZFLOW_ADMIN_PASSWORD": "hu\udcfcnter2222"}, tmp_path)


def test_all_passwords_in_urls_are_secrets(tmp_path: Path) -> None:
    """Of a list of URLs each one's, as written and as a program decodes it."""
    sources = Setting("sources", values.many(values.url("http")), None, "where from", "http://example.org")
    value = "http://me:first%40pass@a.example http://you:second@b.example"
    found = load((sources,), {"ZFLOW_SOURCES": value}, tmp_path)
    assert set(found.secrets()) == {Secret("first%40pass"), Secret("first@pass"), Secret("second")}
