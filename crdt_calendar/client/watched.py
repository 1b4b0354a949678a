"""A document that says when a transaction of it is over."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from pycrdt import Doc, Map, Transaction

Root = Map[object]


class WatchedDoc(Doc[Root]):
    """A `pycrdt.Doc` that calls ``settled`` after each outermost transaction, outside of it.

    An observer is called within the commit, where it may neither read the document nor raise: what
    it raises surfaces as a group, after the change. Here the disk can be written, and its error is
    that of the call that made the edit. Reading is a transaction too: ``settled`` is called often.
    """

    def __init__(self) -> None:
        super().__init__()
        self.settled: Callable[[], object] = _nothing

    def transaction(self, origin: Any = None) -> Transaction:
        """The transaction that is open, or a new one; see `pycrdt.Doc.transaction`."""
        if self._txn is not None:
            return super().transaction(origin)
        return _Watched(self, origin=origin)


class _Watched(Transaction):
    _doc: WatchedDoc

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(exc_type, exc_val, exc_tb)
        finally:
            if self._leases == 0:
                self._doc.settled()


def _nothing() -> None:
    """Nobody wants to know."""
