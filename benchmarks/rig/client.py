"""A simulated client: what a stock Yjs client says and answers, without a document."""

from __future__ import annotations

import asyncio
from array import array
from time import perf_counter

from benchmarks.rig import yjs
from benchmarks.rig.dialect import Dialect
from benchmarks.rig.frames import Entry, Frame, FrameBook
from benchmarks.rig.presence import PresenceTable
from benchmarks.rig.wire import Wire, frame_of, mask

EDITS, MOVES = 0, 1


class Client(Wire):
    """One connection with a client id of its own.

    It notes the number and the time of every frame that carries marks (`numbers`, `times`) and of
    everything it sent (`sent`, per stream, index 0 unused); what was delivered is worked out after
    the run, so that the clients stay light while they are measured.
    """

    def __init__(
        self, index: int, ident: int, path: str, dialect: Dialect, book: FrameBook
    ) -> None:
        super().__init__(path)
        self.index = index
        self.book = book
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.numbers = array("L")
        self.times = array("d")
        self.sent = (array("d", [0.0]), array("d", [0.0]))
        self.reflecting = False
        self.reflected_frames = 0
        self.resyncs = 0  # SyncStep1 after joining: the server believes that something is missing
        self._ident = ident
        self._dialect = dialect
        self._table = PresenceTable(ident)
        self._presence_clock = 0
        self._edit_clock = 0

    def stream(self, kind: int) -> int:
        """The number of this client's stream of edits or of cursor moves."""
        return 2 * self.index + kind

    def join(self) -> None:
        """Say what a stock client says when the socket opens; `joined` is set by the answer."""
        for message in self._dialect.hello:
            self.send(message)
        self._say(yjs.EMPTY_STEP1)
        self._show("~")

    def edit(self) -> None:
        """Set the title of this client's own event; the first time, make the event."""
        title = f"Meeting {self._mark(EDITS)}"
        if self._edit_clock == 0:
            update = yjs.first_edit(self._ident, f"event-{self.index}", title)
            self._edit_clock = 2
        else:
            update = yjs.next_edit(self._ident, self._edit_clock, title)
            self._edit_clock += 1
        message = yjs.update_message(update)
        self.sent[EDITS].append(perf_counter())
        self._say(message)

    def move(self) -> None:
        """Move the cursor."""
        moved = self._mark(MOVES)
        self.sent[MOVES].append(perf_counter())
        self._show(moved)

    def receive(self, payload: bytes, at: float) -> None:
        """Note a message, and answer as a stock client would."""
        frame = self.book.find(payload)
        if frame.marks:
            self.numbers.append(frame.number)
            self.times.append(at)
        if frame.entries:
            self._absorb(frame)
        elif frame.sync >= 0:
            self._answer(frame.sync)

    def _mark(self, kind: int) -> str:
        return yjs.mark(self.stream(kind), len(self.sent[kind]))

    def _say(self, message: bytes) -> None:
        self.send(self._dialect.prefix + message)

    def _show(self, moved: str) -> None:
        self._presence_clock += 1
        self._table.speak(self._presence_clock)
        state = yjs.cursor_state(f"Ada {self.index:04}", 7 * self._presence_clock, moved)
        entry = yjs.presence_entry(self._ident, self._presence_clock, state)
        self._say(yjs.presence_message([entry]))

    def _absorb(self, frame: Frame) -> None:
        news = self._table.absorb(frame)
        if not self.reflecting or not news:
            return
        self.reflected_frames += 1
        if news is not frame.entries:
            self.write(self._presence_frame(news))
            return
        # Many clients send back one and the same frame; it is encoded once.
        frame.reflection = frame.reflection or self._presence_frame(news)
        self.write(frame.reflection)

    def _presence_frame(self, entries: list[Entry]) -> bytes:
        masked = b"".join([entry.masked for entry in entries])
        head = yjs.presence_head(len(entries), len(masked))
        return frame_of(mask(self._dialect.prefix + head) + masked)

    def _answer(self, sync: int) -> None:
        if sync == yjs.STEP1:
            self.resyncs += self.joined.done()
            self._say(yjs.EMPTY_STEP2)
        elif not self.joined.done():
            self.joined.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember that it is over, also for whoever waits for the join."""
        super().connection_lost(exc)
        if not self.joined.done():
            self.joined.set_exception(ConnectionError(self.closed))
