"""Made-up updates against yrs, in a process that may die: none of them may kill it.

Each goes through the ledger; what it lets pass is applied. After every one the document must have
got exactly as far as the ledger says (so nothing is parked), and every few it must survive being
read, edited by the server, encoded, and loaded again.

Longer: ``CASES=1000000 SEED=7 python -m tests.properties.test_generated_updates``. To see every
access to freed memory, and not only those that crash, run the interpreter under valgrind with
``PYTHONMALLOC=malloc`` (50 times slower). yrs hashes at random: a seed fixes what is sent, not all
of what happens.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from pycrdt import Array, Doc, Map, Text, XmlFragment

from crdt_calendar.errors import ProtocolError
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.ledger import Ledger, finish
from tests.protocol.gate import Gate, read_state, write_state
from tests.protocol.generator import Generator

CASES = int(os.environ.get("CASES", "20000"))
SEED = int(os.environ.get("SEED", "20260713"))
LIFE = 200  # updates in the life of a document
CHECK_EVERY = 10
HANG_SECONDS = 20.0
ROOT = Path(__file__).parents[2]


def test_no_update_that_passes_can_kill_the_process() -> None:
    environment = {**os.environ, "CASES": str(CASES), "SEED": str(SEED), "RUST_BACKTRACE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.properties.test_generated_updates"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"seed {SEED}: {done.stderr[-4000:]}"
    counts = json.loads(done.stdout)
    assert counts["cases"] == CASES
    assert counts["applied"] > CASES / 3
    assert counts["refused"] > CASES / 20
    assert counts["rewritten"] > CASES / 100
    assert counts["panics"] == 0, f"seed {SEED}: {done.stderr[-4000:]}"


class Trial:
    """One run: documents live and die, updates come and are counted."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.counts = Counter(cases=0, applied=0, refused=0, rewritten=0, unread=0, panics=0)
        self.begin()

    def begin(self) -> None:
        """A new document, and people who know nothing of the old one."""
        self.gate = Gate(client=self.random.getrandbits(53))
        self.generator = Generator(self.random)
        self.strange = self.random.choice((0.02, 0.1, 0.2, 0.5))

    def step(self) -> None:
        """One update."""
        state = self.gate.ledger.state_vector
        client, update = self.generator.update(state, strange=self.strange)
        self.counts["cases"] += 1
        try:
            admission = self.gate.receive(update, self.generator.user_of(client))
        except ProtocolError:
            self.counts["refused"] += 1
        except ValueError as error:
            # A whole update that yrs does not decode: JSON is left to it.
            assert "JSON" in str(error), update.hex()
            self.counts["unread"] += 1
        except BaseException as error:
            self.survive(error, update)
        else:
            self.counts["applied"] += bool(admission.update)
            self.counts["rewritten"] += bool(admission.update) and admission.update is not update

    def survive(self, error: BaseException, update: bytes) -> None:
        """A panic is no exception to `except Exception`; the document must be sound after it."""
        if type(error).__name__ != "PanicException":
            raise error
        self.counts["panics"] += 1
        note(f"{error}: {update.hex()}")
        reload(self.gate.doc)
        self.begin()

    def edit(self) -> None:
        """What the server itself does: set fields, delete containers, with all that is in them."""
        doc, random = self.gate.doc, self.random
        events = doc.get("map", type=Map)
        with doc.transaction():
            for key in sorted(events.keys()):
                value = events[key]
                if isinstance(value, Map):
                    value["edited"] = random.randrange(9)
                elif isinstance(value, Array) and len(value):
                    del value[0]
                if random.random() < 0.2:
                    del events[key]
            events["title"] = Map({"notes": Text("a😀b")})
        known = write_state(self.gate.ledger.state_vector)
        check = self.gate.ledger.check(doc.get_update(known), "server", foreign=True)
        admission = finish(check)
        assert not admission.gap
        self.gate.ledger.admit(admission)

    def check(self) -> None:
        """Nothing is wrong with the document, and nothing will be after a restart."""
        read(self.gate.doc)
        again = reload(self.gate.doc)
        read(again)
        restored = Ledger.restore(again.get_update(), {}, Limits())
        assert restored.state_vector == self.gate.ledger.state_vector


def read(doc: Doc[Any]) -> None:
    """All of it, the way a reader would."""
    str(doc.get("map", type=Map))
    doc.get("text", type=Text).diff()
    str(doc.get("xml", type=XmlFragment))


def reload(doc: Doc[Any]) -> Doc[Any]:
    """The document as it will be after a restart, with all its structs."""
    again: Doc[Any] = Doc()
    again.apply_update(doc.get_update())
    assert read_state(again.get_state()) == read_state(doc.get_state())
    return again


def note(line: str) -> None:
    """Say something to whoever looks into a failure."""
    sys.stderr.write(line + "\n")


def main() -> None:
    """Run the cases and print what became of them."""
    trial = Trial(SEED)
    for case in range(CASES):
        if case % LIFE == 0:
            trial.begin()
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        trial.step()
        if case % CHECK_EVERY == 0:
            trial.edit()
            trial.check()
    faulthandler.cancel_dump_traceback_later()
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(trial.counts) + "\n")


if __name__ == "__main__":
    main()
