"""The stand-in's two readers of the defaults file: as strict and as lenient as the vendor's, hence not of one mind.

install.sh strips the first carriage return of each line in place and has bash `source` the file (utilfunc.sh,
loadConfig); zmsetup.pl splits each line at its first `=` and deletes the double quotes of the value (zmsetup.pl,
loadConfig), without trimming, comments or expansion.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rehearsal.standin import HERE as STANDIN
from rehearsal.standin.runtime.zmsetup import read_config
from states.zimbra import answers
from states.zimbra.answers import render
from states.zimbra.releases import RELEASES
from states.zimbra.settings import FORBIDDEN
from tests.states.zimbra.test_answers import FACTS
from zflow.api import Secret

UTIL = STANDIN / "installer/util/utilfunc.sh"
LOAD = 'file=$2; . "$1"; loadConfig "$file"; shift 2; for key; do printf "\\0%s" "${!key-unset}"; done'
LINES: dict[str, tuple[str, str, str]] = {
    # what: (the file, KEY to install.sh, KEY to zmsetup.pl)
    "double quotes": ('KEY="a b"\n', "a b", "a b"),
    "no quotes": ("KEY=a\n", "a", "a"),
    "a second =": ('KEY="a=b"\n', "a=b", "a=b"),
    "nothing": ("KEY=\n", "", ""),
    "two strings": ('KEY="a""b"\n', "ab", "ab"),
    "no end of line": ('KEY="a"', "a", "a"),
    "named twice": ('KEY="a"\nKEY="b"\n', "b", "b"),
    "carriage returns": ('KEY="a"\r\nOTHER="b"\r\n', "a", "a"),
    "a second carriage return": ("KEY=a\r\r\n", "a\r", "a\r"),
    "single quotes": ("KEY='a b'\n", "a b", "'a b'"),
    "a variable": ('LONG="a"\nKEY="$LONG"\n', "a", "$LONG"),
    "a command": ('KEY="$(echo a)"\n', "a", "$(echo a)"),
    "backquotes": ('KEY="`echo a`"\n', "a", "`echo a`"),
    "a backslash": ('KEY="a\\\\b"\n', "a\\b", "a\\\\b"),
    "an escaped quote": ('KEY="a\\"b"\n', 'a"b', "a\\b"),
    "a comment behind": ('KEY="a" # why\n', "a", "a # why"),
    "a comment before": ('# KEY="a"\n', "unset", "unset"),
    "a blank before": (' KEY="a"\n', "a", "unset"),
    "export": ('export KEY="a"\n', "a", "unset"),
    "blanks around =": ('KEY = "a"\n', "unset", "unset"),
    "a blank at the end": ("KEY=a \n", "a", "a "),
    "two in a line": ('KEY="a"; OTHER="b"\n', "a", "a; OTHER=b"),
    "a string over two lines": ('KEY="a\nb"\n', "a\nb", "a"),
}
SAME = ("double quotes", "no quotes", "a second =", "nothing", "two strings", "no end of line", "named twice",
        "carriage returns", "a second carriage return", "a comment before", "blanks around =")  # fmt: skip


def by_installer(path: Path, *keys: str) -> dict[str, str]:
    """Read a file by the stand-in's `install.sh`; what was not set is `unset`."""
    argv = ["bash", "--norc", "-c", LOAD, "bash", str(UTIL), str(path), *keys]
    done = subprocess.run(argv, capture_output=True, check=True, env={"PATH": os.defpath, "LANG": "C.UTF-8"})
    return dict(zip(keys, done.stdout.decode().split("\0")[1:], strict=True))


@pytest.mark.parametrize("what", LINES)
def test_line(tmp_path: Path, what: str) -> None:
    """Each form of a line means to either reader what it means to the vendor's, also where they differ."""
    content, installer, zmsetup = LINES[what]
    path = tmp_path / "answers"
    path.write_bytes(content.encode())
    assert by_installer(path, "KEY") == {"KEY": installer}
    assert read_config(str(path)).get("KEY", "unset") == zmsetup
    assert (installer == zmsetup) == (what in SAME)


def test_carriage_returns_are_stripped_in_place(tmp_path: Path) -> None:
    """The first reader changes the file under the second one's eyes."""
    path = tmp_path / "answers"
    path.write_bytes(b'KEY="a"\r\nOTHER="b"\r\n')
    assert read_config(str(path)) == {"KEY": "a\r", "OTHER": "b\r"}
    by_installer(path, "KEY")
    assert path.read_bytes() == b'KEY="a"\nOTHER="b"\n'


def test_zflows_file_means_the_same_to_both(tmp_path: Path) -> None:
    """All that zflow writes, a password of every allowed character included, is read alike, key by key."""
    allowed = "".join(chr(code) for code in range(0x20, 0x7F) if not FORBIDDEN.search(chr(code)))
    passwords = {
        key: Secret(f"{allowed}{number}") for number, key in enumerate(["CREATEADMINPASS", *answers.PASSWORDS])
    }
    path = tmp_path / "answers"
    path.write_text(render(FACTS, passwords, RELEASES["8.8.15"], remove=False))
    read = read_config(str(path))
    assert by_installer(path, *read) == read
    assert read["CREATEADMINPASS"] == f"{allowed}0"
    assert read.keys() >= {*answers.FIXED, *answers.PASSWORDS, "INSTALL_PACKAGES", "REMOVE"}
