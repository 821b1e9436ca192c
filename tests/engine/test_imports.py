"""The import contracts hold, and would be found broken; a walk loads only what every walk needs."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.where import LIMIT, ROOT

LINT = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a copy of the sources."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(
        [str(LINT), "--no-cache"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.skipif(not LINT.exists(), reason="needs import-linter")
def test_the_contracts_hold_and_catch_what_they_forbid(tmp_path: Path) -> None:
    """The sources pass; states that reach into the engine, and an engine that knows the product, do not."""
    for name in ("zflow", "states"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    clean = lint(tmp_path)
    assert clean.returncode == 0, clean.stdout
    (tmp_path / "states/bad.py").write_text("import click\nimport sqlalchemy\nimport zflow.journal.reader\n")
    for name in ("supervise/inputs.py", "commands/status.py"):
        with (tmp_path / "zflow" / name).open("a") as file:
            file.write("import states.product\n")
    broken = lint(tmp_path)
    assert broken.returncode == 1
    assert "states.bad -> sqlalchemy" in broken.stdout
    assert "states.bad -> zflow.journal" in broken.stdout
    assert "states.bad -> click" in broken.stdout
    assert "zflow.supervise.inputs -> states.product" in broken.stdout
    assert "zflow.commands.status -> states.product" in broken.stdout


def test_the_engine_imports_the_product_in_one_module() -> None:
    """Wherever in a module the import stands, within a function or for the type checker alone."""
    found = {
        path.relative_to(ROOT)
        for path in (ROOT / "zflow").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
        if name.partition(".")[0] == "states"
    }
    assert found == {Path("zflow/commands/product.py")}


LISTING = "import sys; from zflow import entry; code = entry.dispatch(sys.argv[1:]); print(*sorted(sys.modules))"


@pytest.mark.parametrize(
    ("words", "forbidden"),
    [
        ("status", {"click", "states", "sqlalchemy"}), ("health", {"click", "states", "sqlalchemy"}),
        ("--help", {"states.product", "states.tls", "sqlalchemy", "sh", "cryptography"}),
    ],
)  # fmt: skip
def test_what_a_person_waits_for_loads_little(tmp_path: Path, words: str, forbidden: set[str]) -> None:
    """Status and health need neither click nor the product; the list of commands needs no state."""
    environment = os.environ | {"ZFLOW_VOLUME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", LISTING, words], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=LIMIT, check=True,
    )  # fmt: skip
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert "zflow.entry" in loaded
    assert loaded & forbidden == set()


SOME = {"alembic", "click", "cryptography", "prometheus_client", "tenacity", "tomllib", "states.commands"}
"""What only some walks need: those that migrate, fail, deploy a certificate, or find a settings file."""


def test_a_restart_does_not_wait_for_what_only_some_walks_need() -> None:
    """The walker with all of the product's steps loads these where they are used."""
    script = (
        "import sys; from zflow.commands.product import product; product(); import zflow.walk.process; "
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=LIMIT
    )
    assert not SOME & set(loaded.stdout.split())
