"""What every test shares: asyncio under anyio, and a word about what was skipped."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio; what runs on trio as well says so itself."""
    return "asyncio"
