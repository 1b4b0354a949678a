"""Migrations, and files that are not ours to touch."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from crdt_calendar.errors import StorageError
from server.storage.schema import APPLICATION_ID, STEPS, check_ours, migrate, migrations
from server.storage.sqlite import open_store

pytestmark = pytest.mark.anyio


def applied(connection: sqlite3.Connection) -> list[str]:
    """The names of the migrations a file has."""
    return [done.name for done in migrations.applied(Database(connection))]


def test_a_new_file_gets_every_migration_once(database: Path) -> None:
    for _ in range(2):
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            migrate(connection)
            assert applied(connection) == list(STEPS)
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            assert application == APPLICATION_ID


def test_steps_are_numbered_without_a_gap() -> None:
    assert [int(name[:4]) for name in STEPS] == list(range(1, len(STEPS) + 1))


async def test_a_file_of_a_newer_version_is_refused_and_left_alone(database: Path) -> None:
    async with open_store(database):
        pass
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('crdt-calendar', '0999_future', '2099')"
        )
        connection.commit()
    with pytest.raises(StorageError, match=r"newer version \(it has 0999_future\); upgrade"):
        async with open_store(database):
            pass
    with closing(sqlite3.connect(database)) as connection:
        assert applied(connection) == [*STEPS, "0999_future"]


async def test_a_file_of_another_program_is_refused_and_left_alone(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER PRIMARY KEY)")
        connection.commit()
    with pytest.raises(StorageError, match="another program"):
        async with open_store(database):
            pass
    with closing(sqlite3.connect(database)) as connection:
        assert Database(connection).table_names() == ["recipes"]
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        assert mode == "delete"


def test_an_empty_file_is_ours(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        check_ours(connection)
