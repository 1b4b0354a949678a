"""The secret of a data directory: the key of the tokens this server issues."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from crdt_calendar.errors import CorruptData

SECRET_BYTES: Final = 32
"""RFC 7518 section 3.2: a key of the same size as the hash output or larger MUST be used."""

_log = logging.getLogger(__name__)


def open_secret(path: Path) -> bytes:
    """The secret kept at `path`; made there first if there is none, readable by its owner only.

    Any number of processes may do this at once: they all get the same. Raises `CorruptData` for a
    file that is too short to be one.
    """
    if not path.exists():
        _make(path)
    secret = path.read_bytes()
    if len(secret) < SECRET_BYTES:
        raise CorruptData(
            f"{path} is no secret: {len(secret)} bytes, {SECRET_BYTES} needed; "
            "restore it, or delete it to make a new one (tokens issued so far will be refused)"
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        _log.warning("others may read the secret; change its mode to 0600", extra={"file": path})
    return secret


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path)
    finally:
        draft.unlink()


def _publish(draft: Path, path: Path) -> None:
    """Give the whole file its name, unless somebody else was first: nobody reads half a secret."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
