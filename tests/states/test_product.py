"""The product as a whole: what the engine and an operator rely on across all states."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import states
from states.product import FORMER_TURNS, PRODUCT
from tests.support import make_context
from zflow.api import Code, Scope, Secret, Setting, Step
from zflow.codes import ENGINE_CODES
from zflow.commands.group import group
from zflow.errors import OperatorError
from zflow.retry import POLICIES
from zflow.settings import ENGINE_NAMES, PREFIX, load
from zflow.walk.keys import key_of

STEPS = PRODUCT.steps
SETTINGS = PRODUCT.settings
CODES = PRODUCT.codes
THOUSANDS = {
    "bootstrap": "20", "updates": "21", "install": "3", "firewall": "4", "tls": "5", "hardening": "6", "upgrade": "7",
}  # fmt: skip
"""What the codes of a state begin with; zflow/errors.py, `Code`."""
ROOT = Path(__file__).parents[2]


def named(things: Any) -> Any:
    """Mark a test to be run once for each thing, under its name."""
    return {"argvalues": things, "ids": [getattr(each, "name", None) or each.id for each in things]}


def texts(code: Code) -> str:
    """Return all words of an error."""
    return f"{code.title} {code.cause} {code.remedy}"


def test_states_in_order() -> None:
    """The states come in the order in which the server is built, under names an operator can type."""
    assert [each.name for each in PRODUCT.states] == list(THOUSANDS)
    assert all(each.steps for each in PRODUCT.states)


def test_closed_before_anything_else() -> None:
    """At every start the first step to change anything closes the firewall; before it only a look is taken."""
    assert [each.name for each in STEPS[:2]] == ["firewall.network", "firewall.closed"]
    assert {each.scope for each in STEPS[:2]} == {Scope.BOOT}


@pytest.mark.root
def test_settings_of_no_use_are_refused_before_anything_is_begun(tmp_path: Path) -> None:
    """A walk of the product on an empty volume ends with the setting's name; nothing is fetched, searched or built."""
    environment = {
        "ZFLOW_VOLUME": str(tmp_path),
        "ZFLOW_ADMIN_PASSWORD": "p\u00e4sswort-lang",
        "PATH": os.environ["PATH"],
    }
    argv = [sys.executable, "-m", "zflow", "walk", "--reason", "test"]
    done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    first, then = done.stdout.splitlines()
    assert "blocked: ZF-1001" in first
    assert "ZFLOW_ADMIN_PASSWORD: the password has a blank or a character" in first
    assert "what to do: " in then
    assert [each.name for each in tmp_path.iterdir()] == [".zflow"]
    assert not (tmp_path / ".zflow/dh").exists()


def test_unique_names() -> None:
    """No two steps, settings or codes have one name: the journal and the operator know them by it."""
    for things in (
        [each.name for each in STEPS],
        [each.title for each in STEPS],
        [each.name for each in SETTINGS],
        [each.id for each in (*CODES, *ENGINE_CODES)],
        [each.title for each in (*CODES, *ENGINE_CODES)],
    ):
        assert [name for name, count in Counter(things).items() if count > 1] == []


@pytest.mark.parametrize("step", **named(STEPS))
def test_steps(step: Step) -> None:
    """Every step has a known retry policy, bounded time, a title for people, and what decides an open attempt."""
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", step.name)  # names its log, too
    assert step.retry in POLICIES
    assert 0 < step.timeout <= 4 * 3600
    assert 0 <= step.weight <= step.timeout
    assert re.fullmatch(r"[A-Z][^.\n]{5,70}", step.title)
    assert step.revision >= 1
    assert step.probe.__doc__
    assert step.apply.__doc__


def test_once_steps() -> None:
    """Only what builds the system and the server is never done again by itself."""
    assert [each.name for each in STEPS if each.once] == [
        "bootstrap.build", "bootstrap.rootfs", "install.software", "install.setup",
    ]  # fmt: skip
    assert all(each.scope is Scope.VOLUME for each in STEPS if each.once)


def test_ahead_steps() -> None:
    """What is started ahead of its turn leaves its result on the volume for good."""
    ahead = [each for each in STEPS if each.ahead]
    assert "install.archive" in {each.name for each in ahead}
    assert all(each.scope is Scope.VOLUME for each in ahead)


def test_the_search_for_parameters_delays_nothing() -> None:
    """After the Diffie-Hellman parameters come their own deploy and an ordered upgrade: only the end waits for them."""
    steps = [each for state in PRODUCT.states[:-1] for each in state.steps]
    assert [each.name for each in steps[-2:]] == ["tls.dh", "tls.dh_deployed"]
    assert steps[-2].ahead


def test_an_upgrade_is_prepared_last_and_carried_out_before_anything_starts() -> None:
    """The old server serves while the newer release is fetched; a half upgraded one is not held, mended or started."""
    assert STEPS[-4:] == PRODUCT.states[-1].steps
    names = [each.name for each in STEPS]
    at = names.index("upgrade.software")
    assert names[at + 1 : at + 5] == ["upgrade.setup", "install.holds", "tls.mend", "install.services"]


def test_readiness_asks_for_steps_of_each_start() -> None:
    """What readiness waits for are steps of the product, and such as have to be proven in each start anew."""
    scopes = {step.name: step.scope for step in PRODUCT.steps}
    assert {scopes.get(name) for name in PRODUCT.serves} == {Scope.BOOT}


def test_nobody_outside_is_answered_before_the_firewall_is_closed() -> None:
    """What the endpoint waits for is of each start, and comes before the mounts and all that may take its time."""
    assert PRODUCT.shields == ("firewall.closed",)
    assert [step.name for step in PRODUCT.steps][:2] == ["firewall.network", "firewall.closed"]
    assert {step.scope for step in PRODUCT.steps if step.name in PRODUCT.shields} == {Scope.BOOT}


def test_the_product_names_its_turning_points() -> None:
    """The steps of an upgrade: each is done only where one was ordered."""
    assert "upgrade.setup" in PRODUCT.turns
    assert set(PRODUCT.turns) - set(FORMER_TURNS) <= {step.name for step in PRODUCT.steps}


def test_a_cut_off_exchange_is_made_whole_before_services_start() -> None:
    """Just before the services start, their certificates' files are made whole."""
    names = [each.name for each in STEPS]
    assert names.index("tls.mend") == names.index("install.services") - 1


@pytest.mark.parametrize("code", **named((*CODES, *ENGINE_CODES)))
def test_codes(code: Code) -> None:
    """Every error has whole sentences for a person at 3 a.m., on one line each."""
    assert re.fullmatch(r"ZF-[1-7]\d{3}", code.id)
    assert re.fullmatch(r"[^.\n]*[^.\n\s]", code.title)
    for sentence in (code.cause, code.remedy):
        assert re.fullmatch(r"\S[^\n]{10,}[.`)]", sentence)


def test_codes_in_their_thousands() -> None:
    """The codes of the product are outside the engine's thousand; each state has some, in its own."""
    assert all(each.id.startswith("ZF-1") for each in ENGINE_CODES)
    beginnings = tuple(f"ZF-{each}" for each in THOUSANDS.values())
    assert [each.id for each in CODES if not each.id.startswith(beginnings)] == []
    for beginning in beginnings:
        assert any(each.id.startswith(beginning) for each in CODES)


def test_every_code_is_in_the_table() -> None:
    """Each code that a module of the product has is in the product's table, so that `explain` knows it."""
    modules = [importlib.import_module(each.name) for each in pkgutil.walk_packages(states.__path__, "states.")]
    defined = {each.id for module in modules for each in vars(module).values() if isinstance(each, Code)}
    assert defined - {each.id for each in ENGINE_CODES} == {each.id for each in CODES}


@pytest.mark.parametrize("code", **named((*CODES, *ENGINE_CODES)))
def test_messages_name_what_exists(code: Code) -> None:
    """A setting that an error tells to look at exists, and each command it names is one that can be typed.

    None names a log: whether there is one is known where the error is met, and said there (`its_log`).
    """
    variables = {each.variable for each in SETTINGS} | {f"{each.variable}_FILE" for each in SETTINGS} | ENGINE_NAMES
    assert set(re.findall(rf"{PREFIX}[A-Z0-9_]*[A-Z0-9]", texts(code))) <= variables
    assert "zflow logs" not in texts(code)
    assert "step's log" not in texts(code)
    for words in re.findall(r"`zflow ([^`]*)`", texts(code)):
        verb, *rest = shlex.split(words)
        assert group.commands[verb].make_context(verb, rest)


def test_every_command_that_is_named_exists() -> None:
    """In notices, lines and pages, whoever writes them: `zflow X`, or X after an engine's `exec`."""
    within = re.compile(r"`zflow ([a-z][a-z-]*)|\bexec\b[^`\n]* zflow ([a-z][a-z-]*)")
    files = [path for part in ("zflow", "states", "docs", "deploy") for path in (ROOT / part).rglob("*")]
    told = {
        (str(path.relative_to(ROOT)), first or second)
        for path in (*files, *ROOT.glob("*.md"))
        if path.suffix in {".py", ".md", ".yaml", ".txt", ".html"}
        for first, second in within.findall(re.sub(r'"\n\s*f?"', "", path.read_text()))
    }
    assert {file for file, _ in told} >= {"README.md", "docs/errors.md", "zflow/codes.py", "states/install/patches.py"}
    assert sorted(each for each in told if each[1] not in group.commands) == []


@pytest.mark.parametrize("setting", **named(SETTINGS))
def test_settings(setting: Setting[Any]) -> None:
    """Every setting has a name, a sentence, an example that its own parser accepts, and a default that it accepts."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", setting.name)
    assert re.fullmatch(r"\S[^\n]{10,}\.", setting.about)
    assert setting.parse(setting.example) is not None
    if setting.strict is not None:
        setting.strict(setting.example)
    if setting.default is not None:
        assert setting.parse(setting.default) is not None


@pytest.mark.parametrize("setting", **named(SETTINGS))
def test_examples_through_the_environment(setting: Setting[Any], tmp_path: Path) -> None:
    """Every example is accepted in the place where an operator writes it, and told as coming from there."""
    found = load(SETTINGS, {setting.variable: setting.example}, tmp_path)
    assert found.source(setting) == setting.variable
    assert found[setting] == setting.parse(setting.example)


@pytest.mark.parametrize("rubbish", ["", " ", "\n", "x y", "-1", "ümläut", "\0"])
def test_rubbish_in_every_setting(tmp_path: Path, rubbish: str) -> None:
    """Of rubbish in all settings at once every refused one is told, on a line of its own."""
    environment = {each.variable: rubbish for each in SETTINGS}
    with pytest.raises(OperatorError) as caught:
        load(SETTINGS, environment, tmp_path)
    told = [line.removeprefix("  - ").partition(":")[0] for line in caught.value.detail.splitlines()[1:]]
    assert sorted(told) == sorted(each.variable for each in SETTINGS if not _accepts(each, rubbish.strip()))


def _accepts(setting: Setting[Any], value: str) -> bool:
    try:
        setting.parse(value)
    except ValueError:
        return False
    return True


def test_defaults_alone_are_enough(tmp_path: Path) -> None:
    """Nothing must be set for a start to begin."""
    assert load(SETTINGS, {}, tmp_path) is not None


def test_no_secret_shows(tmp_path: Path) -> None:
    """Settings with a secret are of the type that does not print, and no secret has a default."""
    for setting in SETTINGS:
        value = setting.parse(setting.example)
        secret = bool(re.search(r"password|passphrase|token|secret(?!_)", setting.name))
        assert isinstance(value, Secret) == secret, setting.name
        if isinstance(value, Secret):
            assert setting.default is None
            assert setting.example not in f"{value} {value!r}"


def test_titles_hold_no_values() -> None:
    """Titles and errors are plain texts: nothing is left to be filled in, no address, no path of this machine's."""
    here = {str(path) for path in (ROOT, Path.home()) if path != Path("/")}
    for text in [each.title for each in STEPS] + [texts(each) for each in CODES]:
        assert not re.search(r"[{}%]\w|://|/home/", text)
        assert [path for path in here if path in text] == []


def test_empty_volume_is_admitted(tmp_path: Path) -> None:
    """The product takes an empty volume and refuses a stranger's."""
    PRODUCT.admit(tmp_path)
    (tmp_path / "theirs").write_text("x")
    with pytest.raises(OperatorError):
        PRODUCT.admit(tmp_path)


def test_watches_on_an_empty_volume(tmp_path: Path) -> None:
    """What is watched has a unique name, and something to look at, at a bearable pace."""
    ctx = make_context(tmp_path, SETTINGS, {"ZFLOW_HOSTNAME": "mail.example.org"})
    files, watches = PRODUCT.watched_files(ctx), PRODUCT.watches(ctx)
    assert len({each.name for each in (*files, *watches)}) == len(files) + len(watches)
    assert all(each.paths and not each.argv for each in files)
    assert all(each.argv and not each.paths and each.every >= 1 for each in watches)


def test_another_zimbra_makes_due_what_an_upgrade_may_undo(tmp_path: Path) -> None:
    """What zflow wrote into Zimbra's configuration and folders has its version among what it was made for."""
    ctx = make_context(tmp_path, SETTINGS, {"ZFLOW_HOSTNAME": "mail.example.org"})
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)

    def keys(version: str) -> dict[str, str]:
        status.write_text(f"Package: zimbra-core\nStatus: install ok installed\nVersion: {version}\n")
        return {each.name: key_of(each, ctx) for each in STEPS}

    before, after = keys("8.8.15.GA.3869.UBUNTU18.64"), keys("10.1.0.GA.4655.UBUNTU22.64")
    assert {name for name, key in before.items() if after[name] != key} == {
        *("tls.profile", "tls.hsts", "hardening.watcher", "hardening.values", "hardening.senders"),
        *("hardening.dkim", "tls.dh_deployed"),
    }
