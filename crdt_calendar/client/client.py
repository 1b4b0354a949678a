"""The client: a project's calendar on this machine, and in step with the server when there is one.

::

    CalendarClient ── ClientCalendar         what people use
          ├── LocalDocument ── Replica       the document, on this disk
          │        └── SaveLedger            what has not arrived
          ├── Presence                       who else is here
          └── Link ── Connection             when to come, and by which way
                └── Line ── Dialogue         what is said while a line lasts
                      └── Transport          WebSocket, or long polling
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

import anyio

from crdt_calendar.client.broadcast import Stream
from crdt_calendar.client.calendar import LocalCalendar
from crdt_calendar.client.changes import Change
from crdt_calendar.client.conflicts import ConflictWatch
from crdt_calendar.client.connection import ConnectionState, Status
from crdt_calendar.client.damage import Recovery
from crdt_calendar.client.edits import PendingEdit
from crdt_calendar.client.errors import EditsRejected, ReplicaFailed
from crdt_calendar.client.link import Link
from crdt_calendar.client.lock import FileLock
from crdt_calendar.client.opening import open_document
from crdt_calendar.client.presence import Presence
from crdt_calendar.client.saved import Progress
from crdt_calendar.client.timing import Timing
from crdt_calendar.client.token import Tokens, TokenSource, user_of
from crdt_calendar.client.transports import Address
from crdt_calendar.client.watched import WatchedDoc
from crdt_calendar.limits import Limits
from crdt_calendar.model.conflicts import Conflict, Conflicts
from crdt_calendar.model.timeline import Timeline

# A server that has kept a calendar for years sends all of it in one message.
LIMITS = Limits(frame_bytes=256 * 1024 * 1024)


class CalendarClient:
    """Opens a project's calendar, as an async context manager on asyncio or trio::

        async with CalendarClient(url, "team", token, store="team.replica") as calendar:
            calendar.create(title="Lunch")
            await calendar.saved()

    ``url`` is the server's, http(s) or ws(s); ``token`` a token, or an async function that gives
    one out (see `Tokens`); ``store`` the file of the local replica, None to keep nothing. ``user``
    is in whose name edits are made, unless the token says. The callbacks are called on the event
    loop and may not block; each has a stream or a property beside it.

    Entering raises `ReplicaLocked`, `WrongReplica`, `ReplicaFailed`, and `InvalidValue` for a URL;
    never because of the network. A replica that does not read is put aside (`recovered`).
    """

    def __init__(
        self,
        url: str,
        project: str,
        token: Tokens,
        store: str | Path | None = None,
        *,
        user: str | None = None,
        timing: Timing | None = None,
        tls: ssl.SSLContext | None = None,
        on_state: Callable[[ConnectionState], object] | None = None,
        on_rejected: Callable[[EditsRejected], object] | None = None,
        on_progress: Callable[[Progress], object] | None = None,
        on_recovered: Callable[[Recovery], object] | None = None,
        on_conflict: Callable[[Conflict], object] | None = None,
    ) -> None:
        self.project = project
        self.recovered: Recovery | None = None
        """What became of a replica that did not read; None if there was none such."""
        self._timing = timing or Timing()
        self._store = None if store is None else Path(store).absolute()
        self._tokens = TokenSource(token, self._timing.token)
        self._user = user if user is not None else user_of(token) if isinstance(token, str) else ""
        self._is_user_given = user is not None
        self._address = Address.parse(url, project)
        self._tls = tls
        self._on_state = on_state
        self._on_progress = on_progress
        self._on_rejected = on_rejected or _ignore
        self._on_recovered = on_recovered or _ignore
        self._on_conflict = on_conflict
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> ClientCalendar:
        async with AsyncExitStack() as stack:
            if self._store is not None:
                stack.callback(FileLock.acquire(self._store).release)
            opened = open_document(self._store, self.project, self._user, self._on_rejected)
            self._document, self._replica = opened.document, opened.replica
            self._user, self.recovered = opened.user, opened.recovered
            stack.callback(self._document.close)
            timeline = stack.enter_context(Timeline(self._document.doc))
            self.calendar = ClientCalendar(self, self._document.doc, self._user, timeline)
            self._watch = ConflictWatch(self._document.doc)
            stack.callback(self._watch.close)
            self._watch.found.listen(self._on_conflict)
            self._document.told = lambda: self._watch.tell(self.calendar)
            self._make_link()
            stack.callback(self._let_go)
            self._tasks = await stack.enter_async_context(anyio.create_task_group())
            self._tasks.start_soon(self._link.run)
            self._tasks.start_soon(self._document.keep_writing, self._timing)
            self._stack = stack.pop_all()
        if self.recovered is not None:
            self._on_recovered(self.recovered)
        return self.calendar

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self.state.status is Status.CONNECTED:
            await self._say_goodbye()
        self._tasks.cancel_scope.cancel()
        # What the block raised goes on as it is: a task group would make a group of it.
        await self._stack.__aexit__(None, None, None)

    # The edits

    @property
    def pending(self) -> tuple[PendingEdit, ...]:
        """The edits that are not on the server's disk, as far as is known; oldest first."""
        return self._document.ledger.pending

    async def saved(self) -> None:
        """Wait until everything written so far is on the server's disk. Raises `EditsRejected`."""
        await self._document.ledger.settled()

    def changes(self) -> Stream[Change]:
        """What changes from now on, written here or elsewhere, as an async iterator.

        Raises `MissedNews` for whoever leaves very many of them unread.
        """
        return self._document.changes.stream()

    def conflicts(self) -> Stream[Conflict]:
        """Conflicts that come to be open from now on, as an async iterator.

        Those that are open are in ``calendar.conflicts``, where they are also decided.
        """
        return self._watch.found.stream()

    @property
    def disk_error(self) -> ReplicaFailed | None:
        """Why this machine's disk did not take what was written last; None when it did."""
        return self._document.disk_error

    # The connection

    @property
    def state(self) -> ConnectionState:
        """How the connection is."""
        return self._link.state

    @property
    def synced(self) -> bool:
        """Whether there is a connection and what the server had is here."""
        return self._link.synced

    async def caught_up(self) -> None:
        """Wait until there is a connection and what the server has is here."""
        await self._link.caught_up()

    @property
    def read_only(self) -> bool:
        """Whether the server refuses this user's edits (`EditsRejected` says why)."""
        return self._link.read_only

    def states(self) -> Stream[ConnectionState]:
        """How the connection is, and then how it comes to be, as an async iterator.

        Of whoever does not read, only the latest some hundred states are kept.
        """
        return self._link.follow()

    def retry_now(self) -> None:
        """Try to connect at once, whatever was refused before."""
        self._link.retry_now()

    # How

    def _make_link(self) -> None:
        self.presence = Presence(self._document.doc.client_id, LIMITS, lambda: self._link.wake())
        self._link = Link(
            self._document,
            self.presence,
            self._address,
            self._tokens,
            self._timing,
            LIMITS,
            self._tls,
            self._hear_user,
        )
        self._link.states.listen(self._on_state)
        self._link.progress.listen(self._on_progress)
        self._document.edited = self._link.edited

    def _let_go(self) -> None:
        self._document.ledger.end()
        self._link.close()
        self.presence.end()

    def _hear_user(self, token: str) -> None:
        """Whose token it is: from now on edits are made in that name."""
        user = user_of(token)
        if not user or self._is_user_given or user == self._user:
            return
        self._user = user
        self.calendar.rename(user)
        if self._replica is not None:
            self._replica.set_user(user)

    async def _say_goodbye(self) -> None:
        """Let what is under way arrive; what does not is in the replica."""
        with anyio.move_on_after(self._timing.farewell):
            try:
                await self.saved()
            except EditsRejected:
                return


class ClientCalendar(LocalCalendar):
    """The calendar that a client yields. Everything about the connection is in ``client``."""

    def __init__(self, client: CalendarClient, doc: WatchedDoc, user: str, line: Timeline) -> None:
        super().__init__(doc, user, line)
        self.client = client
        self.conflicts = Conflicts(doc, self)
        """What was written without knowledge of something else; ``resolve`` decides."""

    @property
    def pending(self) -> tuple[PendingEdit, ...]:
        """The edits that are not on the server's disk, as far as is known; oldest first."""
        return self.client.pending

    async def saved(self) -> None:
        """Wait until everything written so far is on the server's disk.

        While there is no connection that may take for ever: set a limit by `anyio.fail_after`.
        Raises `EditsRejected` when the server does not take it.
        """
        await self.client.saved()

    def changes(self) -> Stream[Change]:
        """What changes from now on, written here or elsewhere; see `CalendarClient.changes`."""
        return self.client.changes()


def _ignore(value: object) -> None:
    """Nobody wants to know."""
