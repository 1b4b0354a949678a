"""An event loop whose clock stands still while there is work, and jumps when there is none.

What waits for time, waits no longer than it takes to notice; and since nothing depends on how fast
the machine is, the same choices lead to the same history every time.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop on virtual time, which begins at zero."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        """The virtual time, in seconds."""
        return self._clock.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def govern(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Let the modules of a package that look at the clock look at that of the loop."""
    for name, module in sys.modules.items():
        if name.startswith(f"{package}.") and hasattr(module, "monotonic"):
            monkeypatch.setattr(module, "monotonic", _now)


def _now() -> float:
    return asyncio.get_running_loop().time()
