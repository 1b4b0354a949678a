"""Merging what is stored, and building documents where they can do no harm."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest
from pycrdt import Doc

from crdt_calendar.errors import CorruptData
from server.storage import documents
from server.storage.documents import EMPTY, Piece, merge, prove
from server.storage.scratch import Scratch
from tests.storage.histories import concurrent_edits, content, deep_value, edits

DEADLY = 500_000  # levels: ten times what ends a process with an eight-megabyte stack


def pieces(updates: list[bytes]) -> list[Piece]:
    """Numbered from 1."""
    return list(enumerate(updates, 1))


def test_merging_many_is_not_quadratic() -> None:
    updates = pieces(edits(20_000, keys=50))
    started = time.thread_time()
    merged = merge("room", updates)
    assert time.thread_time() - started < 1  # 0.05 s, and 2 s in one call
    assert content(merged) == content(*(update for _, update in updates))


@pytest.mark.parametrize("neighbourhood", [2, 3, 7])
@pytest.mark.parametrize("seed", range(5))
def test_merging_by_neighbourhoods_loses_nothing(
    seed: int, neighbourhood: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "NEIGHBOURHOOD", neighbourhood)
    updates = concurrent_edits(seed, 120)
    for order in (updates, updates[::-1], updates[::2] + updates[1::2]):
        assert content(merge("room", pieces(order))) == content(*updates)


def test_a_document_is_proven_compact() -> None:
    updates = edits(300, client=7)
    proof = prove("room", pieces(updates))
    assert content(proof.snapshot) == content(*updates)
    assert len(proof.snapshot) * 4 < len(merge("room", pieces(updates)))
    assert (proof.clocks, proof.events, proof.parked) == ({7: 300}, 5, False)


def test_nothing_makes_an_empty_document() -> None:
    proof = prove("room", [])
    assert (proof.snapshot, proof.clocks, proof.events, proof.parked) == (EMPTY, {}, 0, False)


def test_what_lacks_a_predecessor_is_parked_and_kept() -> None:
    updates = edits(3)
    proof = prove("room", pieces([updates[0], updates[2]]))
    assert proof.parked
    assert content(merge("room", [(1, proof.snapshot), (2, updates[1])])) == content(*updates)


def test_a_deletion_of_what_is_missing_is_parked_and_kept() -> None:
    (first, second) = edits(2, keys=1)
    deletion_alone = b"\x00" + second[second.rindex(b"\x01\x01\x01\x00\x01") :]
    assert not prove("room", pieces([first, deletion_alone])).parked
    proof = prove("room", pieces([deletion_alone]))
    assert proof.parked
    assert content(merge("room", [(1, proof.snapshot), (2, first)]))[0] == {}


def test_what_does_not_decode_is_named() -> None:
    good = edits(3)
    with pytest.raises(CorruptData, match="room attic: update number 2 does not decode"):
        prove("attic", pieces([good[0], b"\x01\x01", good[1]]))


def test_an_error_of_our_own_is_not_taken_for_corruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: bytes) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(documents, "merge_updates", interrupt)
    with pytest.raises(KeyboardInterrupt):
        merge("room", pieces(edits(2)))


def test_a_panic_of_the_library_is_corruption(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):  # as pyo3's, which cannot be imported
        pass

    def panic(*_: object) -> NoReturn:
        raise PanicException("index out of bounds")

    monkeypatch.setattr(Doc, "apply_update", panic)
    with pytest.raises(CorruptData, match=r"together do not decode \(index out of bounds\)"):
        prove("room", pieces(edits(2)))


def test_another_process_proves_the_same() -> None:
    with Scratch() as scratch:
        for updates in (edits(50), concurrent_edits(1, 100), []):
            there, here = scratch.prove("회의", pieces(updates)), prove("회의", pieces(updates))
            assert content(there.snapshot) == content(here.snapshot)
            assert (there.clocks, there.events, there.parked) == (
                here.clocks,
                here.events,
                here.parked,
            )
        with pytest.raises(CorruptData, match="room attic: update number 1 does not decode"):
            scratch.prove("attic", pieces([b"\xff"]))


def test_an_update_that_ends_the_process_ends_only_the_other_one() -> None:
    with Scratch() as scratch:
        for _ in range(2):
            with pytest.raises(CorruptData, match="room attic: building its document ended"):
                scratch.prove("attic", pieces([deep_value(DEADLY)]))
            assert scratch.prove("room", pieces(edits(5))).events == 5


def test_a_request_larger_than_a_pipe_to_a_process_that_is_gone() -> None:
    with Scratch() as scratch:
        scratch.prove("room", pieces(edits(1)))
        assert scratch._child is not None
        scratch._child.kill()
        with pytest.raises(CorruptData, match="exit status -9"):
            scratch.prove("room", [(1, b"\x00\x00" + bytes(10_000_000))])
        assert scratch.prove("room", pieces(edits(1))).events == 1


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from server.storage.scratch import Scratch\n"
        "scratch = Scratch()\n"
        "scratch.prove('room', [])\n"
        "print(scratch._child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=False)
    child = Path(f"/proc/{int(killed.stdout)}")
    deadline = time.monotonic() + 5
    while child.exists() and " Z " not in child.joinpath("stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
