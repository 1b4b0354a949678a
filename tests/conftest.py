"""What every test shares: asyncio under anyio, and a word about what was skipped and measured."""

from __future__ import annotations

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
    reports = [report for found in terminalreporter.stats.values() for report in found]
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "teardown":
            for name, value in report.user_properties:
                terminalreporter.write_line(f"{report.nodeid}: {name} {value}")
    skipped = terminalreporter.stats.get("skipped", [])
    for reason in sorted({str(report.longrepr[2]) for report in skipped}):
        count = sum(report.longrepr[2] == reason for report in skipped)
        terminalreporter.write_line(f"{count} not run: {reason}", yellow=True)
