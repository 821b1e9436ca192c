"""Shows the matrix after the tests, and keeps that of the long form in the docs."""

from __future__ import annotations

import pytest

from tests.faults import matrix


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Print the matrix; the docs keep it when everything was tried and nothing was wrong."""
    if not matrix.ROWS:
        return
    terminalreporter.section(f"faults, seed {matrix.SEED}")
    terminalreporter.write(matrix.render(matrix.ROWS))
    if matrix.LONG and exitstatus == 0:
        matrix.keep(matrix.ROWS)
