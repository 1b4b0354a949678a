"""The benchmarks measure what they say: bytes as Yjs writes them, clients as stock ones behave,
deliveries counted right, CPU of the whole process tree. And they run."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import time
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from pycrdt import Awareness, Doc, Map, create_awareness_message
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage

from benchmarks.rig import report, yjs
from benchmarks.rig.client import Client
from benchmarks.rig.deliveries import Deliveries, Latencies, Window, count_all
from benchmarks.rig.dialect import hocuspocus, plain
from benchmarks.rig.frames import Entry, Frame, FrameBook, read_presence
from benchmarks.rig.plot import draw
from benchmarks.rig.presence import PresenceTable
from benchmarks.rig.processes import Cores, free_port, running
from benchmarks.rig.rows import ROWS, Row, choose
from benchmarks.rig.run import Figures, Timing, measure
from benchmarks.rig.servers import SERVERS, Server
from benchmarks.rig.wire import Wire, client_frame, mask

NODE = Path(__file__).resolve().parent.parent / "benchmarks" / "node"
UNPINNED = Cores(None, None)


# --- bytes ---------------------------------------------------------------------------------------


def emissions_of_pycrdt(ident: int, titles: list[str]) -> list[bytes]:
    doc: Doc[Map[Map[str]]] = Doc(client_id=ident)
    events = doc.get("events", type=Map[Map[str]])
    emitted: list[bytes] = []
    subscription = doc.observe(lambda event: emitted.append(event.update))
    with doc.transaction():
        events["event-7"] = Map({"title": titles[0]})
    for title in titles[1:]:
        events["event-7"]["title"] = title
    doc.unobserve(subscription)
    return emitted


@pytest.mark.parametrize("ident", [1, 127, 128, 4_000_000_000])
def test_edits_are_written_as_yjs_writes_them(ident: int) -> None:
    titles = [f"Besprechung 회의 {yjs.mark(14, number)}" for number in range(1, 200)]
    ours = [yjs.first_edit(ident, "event-7", titles[0])]
    ours += [yjs.next_edit(ident, at + 1, title) for at, title in enumerate(titles) if at]
    assert ours == emissions_of_pycrdt(ident, titles)


def test_presence_is_written_as_yjs_writes_it() -> None:
    doc: Doc[Map[object]] = Doc(client_id=300)
    awareness = Awareness(doc)
    state = {"user": {"name": "Ada", "color": "#30bced"}, "moved": yjs.mark(1, 2)}
    awareness.set_local_state(state)
    clock = awareness.meta[300]["clock"]
    ours = yjs.presence_message([yjs.presence_entry(300, clock, yjs.compact_json(state))])
    assert ours == create_awareness_message(awareness.encode_awareness_update([300]))


def test_marks_are_found_wherever_they_are() -> None:
    found = yjs.find_marks(b"\x00~0001000002\xff" + yjs.mark(2001, 700_000).encode() + b"~000")
    assert [yjs.split_mark(each) for each in found] == [(1, 2), (2001, 700_000)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_frames_are_masked_as_a_server_expects(size: int) -> None:
    payload = random.Random(size).randbytes(size)
    server = Connection(ConnectionType.SERVER)
    server.receive_data(client_frame(payload))
    assert b"".join(e.data for e in server.events() if isinstance(e, BytesMessage)) == payload


class Listener(Wire):
    def __init__(self) -> None:
        super().__init__("/")
        self.heard: list[bytes] = []

    def receive(self, payload: bytes, at: float) -> None:
        self.heard.append(payload)


@pytest.mark.parametrize("step", [1, 3, 1000, 1_000_000])
def test_frames_are_read_however_they_are_cut(step: int) -> None:
    async def listen() -> list[bytes]:
        listener = Listener()
        for at in range(0, len(stream), step):
            listener.data_received(stream[at : at + step])
        await listener.opened
        return listener.heard

    messages = [random.Random(size).randbytes(size) for size in (0, 1, 125, 126, 65_535, 65_536)]
    server = Connection(ConnectionType.SERVER)
    stream = b"HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n"
    stream += b"".join(server.send(BytesMessage(data=message)) for message in messages)
    assert asyncio.run(listen()) == messages


def test_a_refused_upgrade_is_an_error() -> None:
    async def refuse() -> str:
        listener = Listener()
        listener.data_received(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        listener.connection_lost(None)
        with pytest.raises(ConnectionError, match="403"):
            await listener.opened
        return listener.closed

    assert "403 Forbidden" in asyncio.run(refuse())


# --- what a stock client sends back --------------------------------------------------------------


def presence_frame(*entries: tuple[int, int, bool]) -> Frame:
    said = [Entry(client, clock, gone, b"") for client, clock, gone in entries]
    return Frame(0, -1, array("Q"), said)


def reflected(table: PresenceTable, *entries: tuple[int, int, bool]) -> list[tuple[int, int]]:
    return [(entry.client, entry.clock) for entry in table.absorb(presence_frame(*entries))]


def test_only_what_is_new_is_sent_back() -> None:
    table = PresenceTable(own=1)
    table.speak(5)
    assert reflected(table, (1, 5, False), (2, 3, False)) == [(2, 3)]
    assert reflected(table, (1, 5, False), (2, 3, False)) == []
    frame = presence_frame((2, 4, False))
    assert table.absorb(frame) is frame.entries


def test_it_goes_back_in_the_order_added_updated_removed() -> None:
    table = PresenceTable(own=1)
    reflected(table, (2, 1, False), (3, 1, False))
    assert reflected(table, (2, 2, True), (3, 2, False), (4, 1, False)) == [(4, 1), (3, 2), (2, 2)]


def random_presence(chance: random.Random, clocks: dict[int, int]) -> bytes:
    entries = []
    for client in chance.sample(range(2, 9), chance.randint(1, 6)):
        clocks[client] = max(0, clocks.get(client, 0) + chance.randint(-1, 2))
        state = None if chance.random() < 0.2 else {"n": chance.randint(0, 3)}
        entries.append(yjs.presence_entry(client, clocks[client], yjs.compact_json(state)))
    return yjs.varuint(len(entries)) + b"".join(entries)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
@pytest.mark.skipif(
    not (NODE / "node_modules").exists(), reason="needs npm ci --prefix benchmarks/node"
)
def test_reflection_is_what_y_protocols_does() -> None:
    chance, clocks, table = random.Random(7), dict[int, int](), PresenceTable(own=1)
    table.speak(0)
    lines, expected = ["1"], [""]
    for own_clock in range(1, 60):
        lines.append(f"own {own_clock}")
        table.speak(own_clock)
        expected.append("own")
        for _ in range(10):
            update = random_presence(chance, clocks)
            frame = Frame(0, -1, array("Q"), read_presence(update))
            news = [mask(entry.masked) for entry in table.absorb(frame)]
            lines.append(update.hex())
            expected.append((yjs.varuint(len(news)) + b"".join(news)).hex() if news else "")
    command = ["node", str(NODE / "reflect.mjs")]
    said = subprocess.run(
        command, input="\n".join(lines), text=True, capture_output=True, timeout=30, check=True
    ).stdout.split("\n")
    ours = [line for line in expected if line != "own"]
    theirs = [line for line, want in zip(said, expected, strict=False) if want != "own"]
    assert theirs == ours
    assert sum(map(bool, ours)) > 100


# --- counting ------------------------------------------------------------------------------------


def crowd_of(count: int) -> list[Client]:
    book = FrameBook(plain(), presence=False)
    return [Client(index, index + 1, "/", plain(), book) for index in range(count)]


def hear(client: Client, at: float, *marks: tuple[int, int]) -> None:
    text = "".join(yjs.mark(stream, number) for stream, number in marks)
    client.receive(b"\x01" + text.encode() + str(at).encode(), at)


def counted(*, own: bool = False) -> Deliveries:
    """Client 0 edits at 1, 2, 3 and 4; 2 and 3 are in the window. Client 1 hears 1, then 3 at once
    with 2 (superseded); client 2 hears 1 and 2 only; client 0 hears itself."""

    async def scene() -> Deliveries:
        clients = crowd_of(3)
        clients[0].sent[0].extend([1.0, 2.0, 3.0, 4.0])
        hear(clients[0], 4.5, (0, 4))
        hear(clients[1], 1.5, (0, 1))
        hear(clients[1], 3.5, (0, 3))
        hear(clients[2], 2.25, (0, 1), (0, 2))
        first, end = [2, 1, 1, 1, 1, 1], [4, 1, 1, 1, 1, 1]
        return count_all(clients, Window(2.0, 9.0, first, end), own=own)

    return asyncio.run(scene())


def test_superseded_messages_are_deliveries_each_with_its_own_latency() -> None:
    found = counted()
    assert found.offered == 4  # two messages to two others
    assert found.arrived.count == 3
    assert found.made == 4  # since the window opened, also of a message sent before it
    assert [round(found.arrived.quantile_ms(x)) for x in (0.1, 0.5, 1.0)] == [250, 500, 1500]


def test_what_is_missing_counts_as_long_as_it_was_waited_for() -> None:
    found = counted()
    assert found.missing.count == 1
    assert round(found.missing.quantile_ms(1.0)) == 6000
    assert round(found.arrived.merged(found.missing).quantile_ms(0.99)) == 6000


def test_an_acknowledgement_is_what_the_sender_hears() -> None:
    found = counted(own=True)
    assert (found.offered, found.arrived.count, found.missing.count) == (2, 2, 0)
    assert round(found.arrived.quantile_ms(1.0)) == 2500


def test_quantiles_of_latencies() -> None:
    latencies = Latencies()
    for hundredth in range(1, 101):
        latencies.add(hundredth / 100 - 0.00005)
    assert [round(latencies.quantile_ms(x)) for x in (0.5, 0.95, 0.99)] == [500, 950, 990]


def test_hocuspocus_frames_are_read_behind_their_prefix() -> None:
    dialect = hocuspocus("bench")
    book = FrameBook(dialect, presence=True)
    entry = yjs.presence_entry(9, 4, '{"moved":"~0003000004"}')
    frame = book.find(dialect.prefix + yjs.presence_message([entry]))
    assert [(each.client, each.clock, mask(each.masked)) for each in frame.entries] == [
        (9, 4, entry)
    ]
    assert [yjs.split_mark(found) for found in book.marks[frame.number]] == [(3, 4)]
    assert book.find(dialect.prefix + yjs.EMPTY_STEP2).sync == yjs.STEP2


# --- processes and reports -----------------------------------------------------------------------

BURN = """
import socket, subprocess, sys, time
door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
time.sleep(60)
"""


def test_cpu_of_children_counts(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", BURN, str(port)]
    with running(command, port, None, tmp_path / "log", {}) as process:
        before, until = process.cpu_seconds(), time.monotonic() + 20
        while process.cpu_seconds() - before < 0.2 and time.monotonic() < until:
            time.sleep(0.05)
        assert process.cpu_seconds() - before >= 0.2
        assert process.rss_bytes() > 1 << 20
    assert not os.path.exists(f"/proc/{process.pid}")


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no luck today')"]
    with (
        pytest.raises(RuntimeError, match="no luck today"),
        running(command, free_port(), None, tmp_path / "log", {}),
    ):
        pass


def test_rows_are_chosen_by_key() -> None:
    assert [row.key for row in choose("1,3r")] == ["1", "3r"]
    assert choose("all") == list(ROWS.values())
    assert ROWS["3r"] == replace(ROWS["3"], key="3r", reflecting=True)
    with pytest.raises(ValueError, match="no row 9"):
        choose("1,9")


OURS = Figures("crdt-calendar", "1", cpu_us=2.0, p99_ms=9.0, offered=10, delivered=1.0)
PEER = Figures("y-websocket", "1", cpu_us=3.0, p99_ms=8.0, offered=10, delivered=1.0)


def test_the_verdict_names_who_is_better_in_what() -> None:
    rows = [ROWS["1"]]
    assert report.verdicts("crdt-calendar", rows, [OURS, PEER]) == {
        "1": {"cpu": True, "p99": False}
    }
    lost = [replace(OURS, delivered=0.9), PEER]
    assert report.verdicts("crdt-calendar", rows, lost) == {"1": {"cpu": False, "p99": False}}


def test_medians_leave_failed_rounds_out() -> None:
    rounds = [replace(OURS, p99_ms=each) for each in (1.0, 5.0, 2.0)]
    rounds.append(Figures("crdt-calendar", "1", remark="did not start"))
    [middle] = report.medians(rounds)
    assert (middle.p99_ms, middle.remark) == (2.0, "did not start")


SMALL = Row("smoke", 6, writers=3, edits_per_second=20, moves_per_second=10, reflecting=True)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_a_short_run(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if missing := server.missing():
        pytest.skip(missing)
    timing = Timing(0.7, 0.2, 5.0)
    figures = measure(server, SMALL, UNPINNED, timing)
    assert figures.remark == ""
    assert figures.drained
    assert figures.offered > 5 * 0.6 * (3 * 20 + 6 * 10)
    assert 0 < figures.p50_ms <= figures.p95_ms <= figures.p99_ms < 5000
    assert figures.rss_mib > 10
    assert figures.frames > 0
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    path = report.write_json("smoke", [server], UNPINNED, timing, [figures])
    assert json.loads(path.read_text())["medians"][0]["server"] == server.name
    draw(tmp_path / "smoke.svg", [SMALL], [server.name], [figures])
    assert (tmp_path / "smoke.svg").read_text().count("<circle") == 4
    report.print_rows(report.wide_console(), [SMALL], [figures])
    assert server.name in capsys.readouterr().out
