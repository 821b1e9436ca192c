"""`python -m tests.mutants [ROW...]`: changes code that must not err, place by place, and counts what the tests notice.

A mutant is a copy of the code with one change inside a function: another comparison, number, argument, branch. The fast
tests of that code must fail. Of each row of TABLE a sample is drawn with a fixed seed, so that two states of the code
compare. The changes are mutmut's, but not its runner: some of the code runs in isolated processes (`python -I`), which
find it in the environment alone. So each of the two workers has a copy of the checkout with an environment of its own
in a temporary folder, and the checkout itself is only read.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_string

ROOT = Path(__file__).parents[1]
FAST = "not root and not container and not network and not slow"
HERE = "not container and not network"
LEFT_OUT = {operator_string}
"""The wording of messages is not behaviour."""


@dataclass(frozen=True)
class Row:
    """Some code, and the fast tests that must notice a change in it. Files that a checkout lacks are left out."""

    code: tuple[str, ...]
    tests: tuple[str, ...]
    marks: str = FAST


def engine(*names: str) -> tuple[str, ...]:
    """Return files of the engine's tests."""
    return tuple(f"tests/engine/test_{name}.py" for name in names)


TABLE = {
    "protocol": Row(
        tuple(f"zflow/walk/{name}.py" for name in ("protocol", "attempt", "decide", "faults")),
        engine("decide", "protocol", "failures"),
    ),
    "events": Row(("zflow/journal/record.py",), engine("decide", "journal", "protocol", "health")),
    "seal": Row(("zflow/journal/seal.py",), engine("journal", "pruning")),
    "writer": Row(
        ("zflow/journal/writer.py", "zflow/journal/connect.py"),
        engine("journal", "journal_faults", "protocol", "waiting"),
    ),
    "retry": Row(("zflow/retry.py",), engine("retry")),
    "firewall": Row(
        ("states/firewall/model.py", "states/firewall/render.py"),
        tuple(f"tests/states/firewall/test_{name}.py" for name in ("model", "errors", "ports", "steps")),
        HERE,  # nft's own checker
    ),
    "certificates": Row(
        ("states/tls/check.py", "states/tls/chain.py"),
        tuple(
            f"tests/states/tls/test_{name}.py"
            for name in ("check", "chain", "parse", "complete", "judge", "load", "pair")
        ),
    ),
    "SPF": Row(
        tuple(f"states/hardening/{name}.py" for name in ("judge", "compare", "spf", "spf_terms")),
        tuple(f"tests/states/hardening/test_{name}.py" for name in ("spf", "compare", "published")),
        HERE,  # name servers on this machine
    ),
}


@dataclass(frozen=True)
class Mutant:
    """A file, its text as changed, and where."""

    path: str
    line: int
    text: str


class Finder(cst.CSTVisitor):
    """Collects each change that mutmut knows inside functions, annotations left out."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.functions = 0
        self.found: list[tuple[int, cst.CSTNode, cst.CSTNode]] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802 - libcst's name
        """Enter a function."""
        self.functions += 1

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802
        """Leave it."""
        self.functions -= 1

    def visit_Annotation(self, node: cst.Annotation) -> bool:  # noqa: N802
        """Pass over what never runs."""
        return False

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Note the changes of a node."""
        if self.functions:
            for kind, operator in mutation_operators:
                if isinstance(node, kind) and operator not in LEFT_OUT:
                    line = self.get_metadata(PositionProvider, node).start.line
                    self.found += [(line, node, changed) for changed in operator(node)]
        return super().on_visit(node)


def mutants(tree: Path, row: Row, count: int, seed: str) -> list[Mutant]:
    """Draw so many mutants of a row's code, the same ones for the same code and seed."""
    every: list[tuple[str, cst.Module, int, cst.CSTNode, cst.CSTNode]] = []
    for path in row.code:
        if (tree / path).exists():
            finder, wrapped = Finder(), MetadataWrapper(cst.parse_module((tree / path).read_text()))
            wrapped.visit(finder)
            every += [(path, wrapped.module, *found) for found in finder.found]
    random.Random(seed).shuffle(every)
    return list(_first(every, count))


def _first(every: list[tuple[str, cst.Module, int, cst.CSTNode, cst.CSTNode]], count: int) -> Iterator[Mutant]:
    for path, module, line, node, changed in every:
        if not count:
            return
        text = cst.ensure_type(module.deep_replace(node, changed), cst.Module).code
        try:
            compile(text, path, "exec")
        except SyntaxError:
            continue
        count -= 1
        yield Mutant(path, line, text)


class Copy:
    """A copy of the files of a checkout, with an environment that finds the code in it."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.folder = folder / "zflow"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=tree, check=True, capture_output=True, text=True).stdout
        for name in filter(None, listed.split("\0")):
            if (tree / name).exists():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(tree / name, self.folder / name, follow_symlinks=False)
        venv.create(folder / "env", symlinks=True)
        self.python = folder / "env/bin/python"
        (library,) = (folder / "env/lib").glob("python*/site-packages")
        (library / "copy.pth").write_text(f"{self.folder}\n{site.getsitepackages()[0]}\n")
        self.moment = time.time()
        self.process: subprocess.Popen[bytes] | None = None

    def test(self, row: Row, limit: float | None = None) -> int | None:
        """Run a row's tests up to the first failure; return pytest's exit code, or None after `limit` seconds."""
        there = [path for path in row.tests if (self.folder / path).exists()]
        argv = [self.python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", row.marks, *there]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(argv, cwd=self.folder, start_new_session=True, **quiet)  # type: ignore[call-overload]
        try:
            return int(self.process.wait(limit))
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.end()

    def end(self) -> None:
        """End the tests that run, with all they started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def try_out(self, mutant: Mutant, row: Row, limit: float) -> int | None:
        """Return how the tests end with a mutant in place of its file."""
        path = self.folder / mutant.path
        before = path.read_text()
        try:
            self._write(path, mutant.text)
            return self.test(row, limit)
        finally:
            self._write(path, before)

    def _write(self, path: Path, text: str) -> None:
        """Write code with a time of its own, by which Python knows it from what it compiled."""
        path.write_text(text)
        self.moment += 2
        os.utime(path, (self.moment, self.moment))


def change(tree: Path, mutant: Mutant) -> str:
    """Return where a mutant is, and the lines that it changes."""
    before = (tree / mutant.path).read_text().splitlines()
    lines = list(difflib.unified_diff(before, mutant.text.splitlines(), n=0, lineterm=""))[2:]
    return "\n".join([f"  {mutant.path}:{mutant.line}", *(f"    {each}" for each in lines if each[0] in "+-")])


class Round:
    """Tries mutants, as many at a time as there are copies, and prints how each row ends."""

    def __init__(self, tree: Path, copies: Sequence[Copy], pool: ThreadPoolExecutor) -> None:
        self.tree = tree
        self.pool = pool
        self.free = SimpleQueue[Copy]()
        for copy in copies:
            self.free.put(copy)

    @contextmanager
    def copy(self) -> Iterator[Copy]:
        """Wait for a copy that is free."""
        copy = self.free.get()
        try:
            yield copy
        finally:
            self.free.put(copy)

    def ended(self, mutant: Mutant, row: Row, limit: float) -> int | None:
        """Return how the tests end with a mutant."""
        with self.copy() as copy:
            return copy.try_out(mutant, row, limit)

    def score(self, name: str, row: Row, drawn: Sequence[Mutant]) -> None:
        """Print the score of a row, and each mutant that nothing noticed."""
        begun = time.monotonic()
        with self.copy() as copy:
            if code := copy.test(row):
                print(f"{name}: its tests fail without any change (pytest: {code})", flush=True)
                return
        limit = 10 + 5 * (time.monotonic() - begun)
        codes = list(self.pool.map(partial(self.ended, row=row, limit=limit), drawn))
        noticed, late = len(codes) - codes.count(0), codes.count(None)
        seconds = time.monotonic() - begun
        print(f"{name:14}{noticed:3} of {len(codes)} noticed, {late} of them by time; {seconds:.0f} s", flush=True)
        for mutant, code in zip(drawn, codes, strict=True):
            if code == 0:
                print(change(self.tree, mutant), flush=True)


def main() -> int:
    """Try a sample of each row."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(TABLE)}; all by default")
    parser.add_argument("--sample", type=int, default=20, help="mutants of each row (default: 20)")
    parser.add_argument("--seed", default="17")
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout to look at")
    options = parser.parse_args()
    if unknown := set(options.rows) - TABLE.keys():
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tree = options.tree.resolve()
    rows = {name: TABLE[name] for name in options.rows or TABLE}
    drawn = {name: mutants(tree, row, options.sample, f"{options.seed} {name}") for name, row in rows.items()}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(2) as pool:
        copies = [Copy(tree, Path(folder, number)) for number in "12"]
        try:
            for name, row in rows.items():
                Round(tree, copies, pool).score(name, row, drawn[name])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for copy in copies:
                copy.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
