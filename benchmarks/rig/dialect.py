"""How a server wants to be spoken to: plain y-protocols, or Hocuspocus' variety of it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.rig import yjs


@dataclass(frozen=True, slots=True)
class Dialect:
    """What goes before every message, and what is said first."""

    prefix: bytes = b""
    hello: tuple[bytes, ...] = ()


def plain() -> Dialect:
    """y-protocols as y-websocket speaks it."""
    return Dialect()


def hocuspocus(document: str) -> Dialect:
    """Every message starts with the document's name; an authentication comes first.

    As `@hocuspocus/provider` does it: message type 2, kind 0 (token), token, provider version. The
    server keeps what follows until it has let the connection in.
    """
    prefix = yjs.varstring(document)
    token = bytes((yjs.AUTH, 0)) + yjs.varstring("-") + yjs.varstring("4.7.0")
    return Dialect(prefix, (prefix + token,))
