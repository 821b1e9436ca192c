"""The import contracts hold, and would be found broken."""

from __future__ import annotations

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
    (tmp_path / "states/bad.py").write_text("import sqlalchemy\nimport zflow.journal.reader\n")
    (tmp_path / "zflow/supervise/inputs.py").write_text("import states\n")
    broken = lint(tmp_path)
    assert broken.returncode == 1
    assert "states.bad -> sqlalchemy" in broken.stdout
    assert "states.bad -> zflow.journal" in broken.stdout
    assert "zflow.supervise.inputs -> states" in broken.stdout
