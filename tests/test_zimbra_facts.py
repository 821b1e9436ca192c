"""What the product takes for granted of the vendor's software stands, with its source, in docs/zimbra.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from states.hardening import dkimkeys
from states.hardening.desired import desired_settings
from states.install import menu, networks
from states.product import PRODUCT
from states.ubuntu.ports import PORTS
from states.upgrade import versions
from states.zimbra import messages, proof, readback, services, software
from states.zimbra.answers import FIXED, PASSWORDS
from states.zimbra.history import COMPLETE, STAGES, START, parse
from states.zimbra.releases import PACKAGES, PLATFORMS, RELEASES, ZIMBRA_KEY
from tests.support import make_context

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/zimbra.md").read_text()
SECTION = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? (.+)$", re.MULTILINE)
QUOTED = re.compile(r"`([^`\n]+)`")
CITATION = re.compile(r"docs/zimbra\.md((?:,? (?:and )?§\d+(?:\.\d+)?)+)")
SOURCES = [path for folder in ("zflow", "states", "rehearsal") for path in sorted((ROOT / folder).rglob("*"))]
READABLE = {".py", ".pl", ".sh", ".cf", ".conf", ".md", ""}


def sections() -> dict[str, str]:
    """Return the text of each section by its number; one with others below it ends where the first begins."""
    found = list(SECTION.finditer(PAGE))
    ends = [*(each.start() for each in found[1:]), len(PAGE)]
    return {each[1]: PAGE[each.end() : end] for each, end in zip(found, ends, strict=True)}


def quoted(*numbers: str) -> list[str]:
    """Return what is quoted in sections."""
    return [text for number in numbers for text in QUOTED.findall(sections()[number])]


def citations() -> Iterator[tuple[str, str]]:
    """Return each place that cites the page, and the section it names."""
    for path in SOURCES:
        if path.suffix in READABLE and path.is_file():
            for match in CITATION.finditer(path.read_text(errors="replace")):
                yield from ((str(path.relative_to(ROOT)), number) for number in re.findall(r"§([\d.]*\d)", match[1]))


def test_every_section_that_code_cites_is_there() -> None:
    """A citation leads to a section."""
    found = list(citations())
    assert len(found) > 10
    assert [(path, number) for path, number in found if number not in sections()] == []


def test_every_section_names_a_source() -> None:
    """No section tells what it has not read: each names a file of the vendor's, with lines, or what else it goes by."""
    source = re.compile(r"\.(sh|pl|java|cf|py|post|xml|ldif|deb|md)\b|src/(bin|libexec)/|attributes \d|\(\d\)")
    silent = [number for number, text in sections().items() if text.strip() and not source.search(text)]
    assert silent == []


@pytest.mark.parametrize("release", RELEASES)
def test_every_answer_has_its_place_in_the_installers_text(release: str) -> None:
    """Who adds a key to the answers says which line reads it; one that is told there and not given is an old one."""
    given = {*FIXED, *PASSWORDS, *RELEASES[release].answers, "CREATEADMINPASS", "INSTALL_PACKAGES", "REMOVE"}
    assert given - set(quoted("1.2", "2.2")) == set()


def test_every_message_that_means_an_error_is_quoted() -> None:
    """Each pattern for the installers' words fits a text that the page quotes with its line."""
    texts = quoted("1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.1")
    assert [each.pattern.pattern for each in messages.MESSAGES if not any(map(each.pattern.search, texts))] == []
    assert any(messages.failed_parts(text) for text in texts)


def test_questions_are_recognised_as_the_vendor_prints_them() -> None:
    """Each question on the page is one to the code, and nothing is that the page calls a message."""
    asked = [text for text in quoted("1.2", "2.6") if text.endswith(("]", "help)"))]
    assert len(asked) >= 6
    assert [text for text in asked if messages.question(f"{text} ") is None] == []
    assert [text for text in quoted("1.4", "1.5") if messages.question(f"{text} ")] == []


def test_the_history_is_read_as_the_vendor_writes_it() -> None:
    """Its lines are quoted; those of the page, put together, are a session."""
    assert {each for each in STAGES if each not in quoted("2.3")} == set()
    lines = [text.replace("EPOCH", "1600000000") for text in quoted("1.5", "2.3") if text.startswith("EPOCH: ")]
    name = "zimbra-core_8.8.15.GA.3869.UBUNTU18.64_amd64.deb"
    order = [START, f"INSTALLED {name}", COMPLETE, "CONFIG SESSION START", *(f"CONFIGURED {each}" for each in STAGES)]
    for each in (START, COMPLETE, "CONFIG SESSION START", "CONFIG SESSION COMPLETE"):
        assert f"1600000000: {each}" in lines
    (session,) = parse("".join(f"1600000000: {each}\n" for each in order))
    assert session.complete
    assert session.configured
    assert versions.FORM.match(session.packages["zimbra-core"])


def test_logs_and_marks_are_where_the_page_says() -> None:
    """The installers' logs, the clock in front of their words, and what only a configuration makes."""
    assert any(software.LOG_NAME.search(text) for text in quoted("1.1"))
    assert "/tmp/zmsetup.YYYYMMDD-HHMMSS.log" in quoted("2.1")
    assert any(Path("/tmp/zmsetup.20260101-000000.log").match(f"/{each}") for each in menu.LOGS)
    assert {f"/{each}" for each in proof.DATA} <= set(quoted("2.4", "2.5"))


def test_status_and_services_are_on_record() -> None:
    """What zmcontrol prints and does not count, which services a server has, where the directory's number lies."""
    texts = quoted("3.5")
    assert set(texts) >= services.UNIMPORTANT
    assert any(map(services.CUT_OFF.search, texts))
    assert {"Running", "Stopped"} <= set(texts)
    assert set(quoted("2.5")) >= readback.ENABLED
    files = [Path(text) for text in quoted("3.7") if text.endswith(".pid")]
    assert [each for each in services.PID_FILES if not any(file.match(f"/{each}") for file in files)] == []
    assert {str(each) for each in PORTS} <= set(re.findall(r"\d+", sections()["7"]))


def test_the_answer_of_the_dkim_tool_is_read_by_its_titles() -> None:
    """An answer made of the titles on the page is a key."""
    titles = [text for text in quoted("3.6") if text.startswith("DKIM ") and text.endswith(":")]
    assert len(titles) == 5
    values = {
        "DKIM Selector:": "20260101",
        "DKIM Public signature:": '20260101._domainkey\tIN\tTXT\t( "v=DKIM1; k=rsa; "\n\t"p=abc" )',
    }
    key = dkimkeys.parse("example.test", "".join(f"{each}\n{values.get(each, 'x')}\n\n" for each in titles))
    assert key is not None
    assert (key.selector, key.public) == ("20260101", "v=DKIM1; k=rsa; p=abc")


def looked_for() -> Iterator[str]:
    """Return the texts that the code looks for in what the server's tools print, as `"text" in answer.output`."""
    for path in chain.from_iterable((ROOT / "states" / state).rglob("*.py") for state in ("hardening", "install")):
        for each in ast.walk(ast.parse(path.read_text())):
            if isinstance(each, ast.Compare) and ast.unparse(each.comparators[0]).endswith(".output"):
                parts = each.left.values if isinstance(each.left, ast.JoinedStr) else [each.left]
                yield from (str(part.value).strip() for part in parts if isinstance(part, ast.Constant))


def test_what_is_looked_for_in_an_answer_is_on_record() -> None:
    """A text of the vendor's that decides something is on the page, where its line is."""
    found = list(looked_for())
    assert "No DKIM Information" in found
    assert [text for text in found if text not in PAGE] == []


def test_releases_packages_and_platforms_are_on_record() -> None:
    """The folders of the package source, its key, the packages of a server, and the vendor's name of each Ubuntu."""
    texts = quoted("1.3", "1.4", "6.2")
    folders = set(chain.from_iterable(each.folders for each in RELEASES.values()))
    assert folders <= set(texts)
    assert ZIMBRA_KEY[-8:] in texts
    assert set(PACKAGES) <= set(texts)
    assert set(PLATFORMS.values()) <= set(texts)


def test_local_settings_are_on_record(tmp_path: Path) -> None:
    """Every local setting that hardening writes."""
    ctx = make_context(tmp_path, PRODUCT.settings, {"ZFLOW_HOSTNAME": "mail.example.test"})
    local = {each.name for each in desired_settings(ctx) if each.store == "local"}
    assert local - set(quoted("3.1", "3.7")) == set()
    assert networks.IP_TOOL.rsplit("/", maxsplit=1)[-1] in sections()["3.7"]


def test_the_stand_ins_readme_names_tests_that_there_are() -> None:
    """What the stand-in copies is held by a test; who renames one renames it in the list."""
    rows = (ROOT / "rehearsal/standin/README.md").read_text()
    found, path = [], ""
    for file, name in re.findall(r"`(tests/[\w/]+\.py)?(?:::(\w+))?`", rows):
        path = file or path
        if path and (file or name):
            found.append((path, name))
    assert len(found) > 20
    gone = [f"{path}::{name}" for path, name in found if f"def {name}(" not in (ROOT / path).read_text()]
    assert [each for each in gone if not each.endswith("::")] == []
