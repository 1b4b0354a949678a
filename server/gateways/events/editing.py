"""Editing: what one client changes, written at once and acknowledged when it is on disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import msgspec

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.lineup import Lineup
from crdt_calendar.model.merging import Merging
from crdt_calendar.shapes.boards import Edit
from crdt_calendar.shapes.envelopes import Envelope
from crdt_calendar.shapes.messages import BOARD, KINDS, Kind, TargetPayload
from server.auth.grants import Grant, Role
from server.gateways.events import edits
from server.gateways.events.client import Client
from server.gateways.events.commons import Common
from server.gateways.events.edits import Author, Done, Work

EDITS: Mapping[str, Callable[..., Work]] = {
    "create": edits.create,
    "update": edits.update,
    "delete": edits.delete,
    "restore": edits.restore,
    "project": edits.properties,
    "resolve": edits.resolve,
}
SAID_OF_LINEUPS = tuple(kind.key for kind in KINDS if kind.project == BOARD)

Ack = Callable[[Envelope, Kind, object], None]


class Editing:
    """The edits of one client. ``ack`` acknowledges a message with what became of it."""

    def __init__(self, client: Client, ack: Ack) -> None:
        self._client = client
        self._ack = ack
        self._written = anyio.Event()
        self.writing_bytes = 0  # of messages whose edits are on their way to the disk

    async def written(self) -> None:
        """Wait until something of that is on disk."""
        if self.writing_bytes:
            await self._written.wait()

    def take(self, envelope: Envelope, kind: Kind) -> Awaitable[None] | None:
        """Do what the message says, unless it is done already. Raises `CalendarError`."""
        client = self._client
        payload: Any = client.voice.codec.payload(envelope, kind.payload)
        if isinstance(payload, str):
            payload = TargetPayload(id=payload)
        project = self._project(payload, kind)
        assert client.claims is not None
        author = Author(client.claims.user, envelope.id, envelope.version)
        if self._is_known(envelope, kind, project, author):
            return None
        attendance = client.attendances.get(project)
        if attendance is None or attendance.common is None:
            return self._edit_elsewhere(envelope, kind, project, author, payload)
        self._write(envelope, kind, attendance.common, attendance.grant, author, payload)
        return None

    def _is_known(self, envelope: Envelope, kind: Kind, project: str, author: Author) -> bool:
        """Whether the message came before; then it is acknowledged again, when it is on disk."""

        def again(result: bytes) -> None:
            done = msgspec.msgpack.decode(result, type=Done)
            self._ack(envelope, kind, msgspec.structs.replace(done, duplicate=True))

        key = (author.user, project, envelope.id)
        return bool(envelope.id) and self._client.house.memory.tell(key, kind.key, again)

    def _write(
        self,
        envelope: Envelope,
        kind: Kind,
        common: Common,
        grant: Grant,
        author: Author,
        payload: Any,
    ) -> None:
        """Write it now; the acknowledgement leaves after the news of it."""
        memory, room, size = self._client.house.memory, common.room, len(bytes(envelope.payload))
        done = _do(kind, common, grant, author, payload)
        outcome = memory.begin((author.user, room.name, author.message_id), kind.key)
        self.writing_bytes += size

        def committed() -> None:
            self.writing_bytes -= size
            self._written.set()
            self._written = anyio.Event()
            edits.complete(common, done)
            self._ack(envelope, kind, done)
            memory.finish(outcome, msgspec.msgpack.encode(done))

        room.after_commit(committed)

    async def _edit_elsewhere(
        self, envelope: Envelope, kind: Kind, project: str, author: Author, payload: Any
    ) -> None:
        """The same in a project that the client does not hear of."""
        client = self._client
        grant = await client.admit(project)
        grant.require(Role.EDITOR)
        async with client.registry.visit(project, author.user) as room:
            async with client.commons.of(room) as common:
                self._write(envelope, kind, common, grant, author, payload)

    def _project(self, payload: Any, kind: Kind) -> str:
        """The project that is meant: the one named, or the only one subscribed to."""
        named: str | None = payload.project_id
        if named is None and kind.key == "project":
            named = payload.id
        if named is not None:
            return named
        if len(self._client.attendances) != 1:
            raise InvalidValue("payload.projectId: missing; which project?")
        return next(iter(self._client.attendances))


def _do(kind: Kind, common: Common, grant: Grant, author: Author, payload: Any) -> Done:
    """Write it. Raises `CalendarError`, also where the project is of another kind."""
    common.check_kind(kind.project)
    if isinstance(payload, Edit):
        return common.room.write_as(Lineup, grant, edits.lineup(common, author, payload))
    return common.room.write_as(Merging, grant, EDITS[kind.key](common, author, payload))
