"""Opening the document of a client: from its replica, or from a fresh one if that is damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crdt_calendar.client.damage import Recovery, put_aside
from crdt_calendar.client.document import LocalDocument
from crdt_calendar.client.errors import EditsRejected, ReplicaDamaged, WrongReplica
from crdt_calendar.client.replica import Loaded, Replica, now
from crdt_calendar.client.saved import SaveLedger


@dataclass(frozen=True, slots=True)
class Opened:
    """A document that was opened; ``user`` is in whose name edits are made, "" if nobody knows."""

    document: LocalDocument
    replica: Replica | None
    user: str
    recovered: Recovery | None


def open_document(
    store: Path | None, project: str, user: str, rejected: Callable[[EditsRejected], object]
) -> Opened:
    """The document in that replica, or an empty one without a replica.

    Whoever opens a replica holds its `FileLock`. One that does not read is put aside. Raises
    `WrongReplica`, `ReplicaFailed`.
    """
    try:
        return _open(store, project, user, rejected, None)
    except ReplicaDamaged as error:
        assert store is not None
        recovered = put_aside(store, project, str(error), now())
    return _open(store, project, user, rejected, recovered)


def _open(
    store: Path | None,
    project: str,
    user: str,
    rejected: Callable[[EditsRejected], object],
    recovered: Recovery | None,
) -> Opened:
    replica = None if store is None else Replica.open(store, project)
    document = LocalDocument(replica, SaveLedger(rejected))
    try:
        loaded = document.load()
        if replica is not None and user and user != loaded.user:
            _check_user(replica, loaded, user)
            replica.set_user(user)
    except BaseException:
        document.abandon()
        raise
    return Opened(document, replica, user or loaded.user, recovered)


def _check_user(replica: Replica, loaded: Loaded, user: str) -> None:
    """The server would take another user's edits for this one's, or for an attack."""
    if loaded.user and loaded.pending:
        raise WrongReplica(
            f"{replica.path} holds {len(loaded.pending)} edits of {loaded.user} that have not "
            f"reached the server; open it as {loaded.user}, or choose another file for {user}"
        )
