"""What every test shares: asyncio under anyio, and a word about what was skipped and measured."""

from __future__ import annotations

from collections import Counter, defaultdict
from statistics import median

import pytest

from tests.support import node


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio; what runs on trio as well says so itself."""
    return "asyncio"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs Node.js on a machine without it."""
    if item.get_closest_marker("node") and (reason := node.missing()):
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have measured (`record_property`), and what was skipped and why."""
    for name, values in _figures(terminalreporter).items():
        terminalreporter.write_line(f"{name}: {_shown(values)}")
    skipped = terminalreporter.stats.get("skipped", [])
    for reason, count in Counter(str(report.longrepr[2]) for report in skipped).items():
        terminalreporter.write_line(f"{count} not run: {reason}", yellow=True)


def _figures(terminalreporter: pytest.TerminalReporter) -> dict[str, list[object]]:
    """What was measured, by test and name; the variants of a test together."""
    figures: dict[str, list[object]] = defaultdict(list)
    reports = [report for found in terminalreporter.stats.values() for report in found]
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "call":
            test = report.nodeid.partition("[")[0].rpartition("::")[2]
            for name, value in report.user_properties:
                figures[f"{test}: {name}"].append(value)
    return figures


def _shown(values: list[object]) -> str:
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) > 1:
        return f"median {median(numbers):g}, most {max(numbers):g} of {len(numbers)}"
    return ", ".join(map(str, values))
