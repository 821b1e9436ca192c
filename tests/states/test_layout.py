"""Where code lies: a step in the file of its name, and what two states need in a room that imports neither."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import states
from states.product import PRODUCT

ROOT = Path(states.__file__).parent.parent
SIBLINGS = ("bootstrap", "updates", "install", "firewall", "tls", "hardening", "upgrade", "serving")
MOST = 40
"""Names that siblings may take of each other in all."""
LONGEST = 300
"""Lines that a file of the product may have: one reason each."""
STEPS = {step.name: step for state in PRODUCT.states for step in state.steps}


def taken(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each name that a file of one state imports of another: the file, and the name in full."""
    for file in sorted(folder.rglob("*.py")):
        own = file.relative_to(folder).parts[0]
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                for name in (f"{node.module}.{each.name}" for each in node.names):
                    parts = name.split(".")
                    if parts[0] == "states" and own in SIBLINGS and parts[1] in SIBLINGS and parts[1] != own:
                        yield str(file.relative_to(folder)), name


def test_siblings_take_few_names_of_each_other() -> None:
    """What two states need is a fact, and lies in states/zimbra or states/ubuntu."""
    found = list(taken(ROOT / "states"))
    assert len(found) <= MOST, found


def test_a_name_taken_is_seen_in_either_form(tmp_path: Path) -> None:
    """A module of a sibling, and a name of such a module; not what is one's own, a fact, or the engine's."""
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls/pair.py").write_text(
        "from states import install, zimbra\nfrom states.install.dns import PID, RUN\nfrom states.tls import chain\n"
        "from states.zimbra import order\nfrom zflow.api import Step\n"
    )
    assert list(taken(tmp_path)) == [("tls/pair.py", f"states.install{each}") for each in ("", ".dns.PID", ".dns.RUN")]


def test_each_step_lies_in_the_file_of_its_name() -> None:
    """`install.setup` is made in states/install/setup.py, or in a package of that name."""
    lying = {
        name: module
        for name, step in STEPS.items()
        if getattr(sys.modules.get(module := f"states.{name}"), "STEP", None) is not step
    }
    assert lying == {}


def test_no_step_imports_another_states_step() -> None:
    """What two steps need is a fact; but an installer works behind closed ports, and an upgrade keeps what is tuned."""
    allowed = {"states.firewall.closed", "states.hardening.values"}
    steps = {f"states.{name}" for name in STEPS}
    files = {f"{name.replace('.', '/')}.py" for name in STEPS}
    found = {name for file, name in taken(ROOT / "states") if file in files}
    asked = {step for step in steps for name in found if name == step or name.startswith(f"{step}.")}
    assert asked <= allowed


def test_no_file_has_grown_over_one_reason() -> None:
    """A longer file does more than one thing, and its name no longer says which."""
    files = [file for folder in ("zflow", "states") for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    assert [str(file) for file in files if len(file.read_text().splitlines()) > LONGEST] == []
