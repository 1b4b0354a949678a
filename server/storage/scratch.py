"""A process of its own in which documents are built from what is stored.

Building one can hold up every other room (pycrdt keeps the interpreter's lock: 100 ms for 3 MB),
and a hostile row can end the process by a stack overflow, which nothing can catch. Neither may
happen to a server; so it happens here. The child runs this module, one request after another:

    request:  a frame with the room, then one frame for each piece: 8 bytes of number, the update
    answer:   a frame of JSON, then a frame with the snapshot

A frame is four bytes of length, big endian, and the bytes; an empty frame ends the pieces.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from crdt_calendar.errors import CorruptData
from server.storage.documents import Piece, Proof, prove

# The service's own work goes first.
NICENESS = 10


class Scratch:
    """`documents.prove` in a child process, which is started when first needed.

    Calls block; use them on a thread. They may come from several threads, and take turns.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if child := self._child:
            child.kill()  # whatever it is at: nobody waits for it any more
        self.rest()

    def prove(self, room: str, pieces: Sequence[Piece]) -> Proof:
        """Apply updates to a fresh document; see `documents.prove`.

        Raises `CorruptData` as that does, and also when the attempt ended the child.
        """
        with self._turn:
            child = self._child = self._child or _start()
            try:
                return _ask(child, room, pieces)
            except (OSError, EOFError) as error:
                code = self._end()
                raise CorruptData(
                    f"room {room}: building its document ended the process "
                    f"(exit status {code}); restore a backup"
                ) from error

    def rest(self) -> None:
        """End the child; a later call starts another."""
        with self._turn:
            self._end()

    def _end(self) -> int:
        child, self._child = self._child, None
        if child is None:
            return 0
        assert child.stdin is not None and child.stdout is not None
        child.stdout.close()
        with suppress(BrokenPipeError):  # of a request that ended the child
            child.stdin.close()  # on which the child ends
        return child.wait()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],  # where `server` is found, installed or not
        process_group=0,  # Ctrl-C in a terminal is for the service; the child ends after it
    )


def _ask(child: subprocess.Popen[bytes], room: str, pieces: Sequence[Piece]) -> Proof:
    assert child.stdin is not None and child.stdout is not None
    _write(child.stdin, room.encode())
    for seq, update in pieces:
        _write(child.stdin, struct.pack(">Q", seq) + update)
    _write(child.stdin, b"")
    child.stdin.flush()
    facts = json.loads(_read(child.stdout))
    snapshot = _read(child.stdout)
    if "corrupt" in facts:
        raise CorruptData(facts["corrupt"])
    clocks = {int(client): clock for client, clock in facts["clocks"].items()}
    return Proof(snapshot, clocks, facts["events"], facts["parked"])


def _write(stream: IO[bytes], body: bytes) -> None:
    stream.write(struct.pack(">I", len(body)))
    stream.write(body)


def _read(stream: IO[bytes]) -> bytes:
    """The next frame. Raises `EOFError` when the other side is gone."""
    size = stream.read(4)
    if len(size) < 4:
        raise EOFError("no frame")
    (length,) = struct.unpack(">I", size)
    body = stream.read(length)
    if len(body) < length:
        raise EOFError("half a frame")
    return body


def _pieces(stream: IO[bytes]) -> Iterator[Piece]:
    while frame := _read(stream):
        (seq,) = struct.unpack_from(">Q", frame)
        yield seq, frame[8:]


def _answer(room: str, pieces: Sequence[Piece]) -> tuple[dict[str, object], bytes]:
    try:
        proof = prove(room, pieces)
    except CorruptData as error:
        return {"corrupt": str(error)}, b""
    facts = {"clocks": proof.clocks, "events": proof.events, "parked": proof.parked}
    return facts, proof.snapshot


def main() -> None:
    """Answer requests on standard input until it ends."""
    os.nice(NICENESS)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            room = _read(requests).decode()
            pieces = list(_pieces(requests))
        except EOFError:
            return
        facts, snapshot = _answer(room, pieces)
        _write(answers, json.dumps(facts).encode())
        _write(answers, snapshot)
        answers.flush()


if __name__ == "__main__":
    main()
