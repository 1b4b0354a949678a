"""A store in a temporary directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.storage.sqlite import Store, open_store

pytest.register_assert_rewrite("tests.contracts.log")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where a database may be made."""
    return tmp_path / "calendar.db"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    """An open store in that file."""
    async with open_store(database) as store:
        yield store
