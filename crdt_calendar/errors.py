"""Every error of the library and of the service.

::

    CalendarError
    ├── ProtocolError             the peer sent something we cannot accept
    │   ├── MalformedFrame        bytes that do not decode
    │   ├── FrameTooLarge         more than a limit allows
    │   ├── HostileUpdate         decodes, but would harm the document or its other users
    │   └── ForeignClient         speaks under a client id that belongs to somebody else
    ├── AccessError               the caller may not do that
    │   ├── Unauthenticated       we do not know who this is
    │   ├── Forbidden             we know, and the answer is no
    │   └── NoSuchProject         there is nothing of that name
    ├── OverloadError             try again later
    │   ├── RateExceeded          too many messages or bytes for too long
    │   ├── TooManyConnections    the user or the room has its share
    │   ├── BacklogFull           the disk does not keep up, or does not answer
    │   ├── TooSlow               what we had to say was not read for too long
    │   ├── ServiceRestart        this server stops; another or the same one will be there soon
    │   └── NoSuchSession         that session of long polling is over; open a new one
    ├── ContentError              a value that a calendar cannot hold
    │   ├── NoSuchEvent           no event of that id, or it is deleted
    │   ├── NoSuchLineup          no line-up of that id, or it is deleted
    │   ├── NoSuchMemo            no memo of that id
    │   └── InvalidValue          a field's value is not of its form
    ├── RequestError              an HTTP request that cannot be served as it is
    │   ├── MalformedRequest      a body or an address that does not decode
    │   ├── NotFound              nothing is at that address
    │   ├── WrongMethod           something is there, and does not take this method
    │   ├── WrongMediaType        a body of a kind that nobody here reads
    │   ├── PreconditionFailed    it has changed since the version the caller knows
    │   ├── Taken                 it contradicts what is there
    │   └── KeyReused             an idempotency key that came with another request before
    └── StorageError              the data directory
        ├── DataLocked            another process writes it
        ├── CorruptData           what is stored does not decode
        └── CommitFailed          an update could not be made durable

Each class knows how it leaves the house: ``close_code`` on a WebSocket, ``http_status`` in an
answer. Codes 4400 to 4499 tell a client not to retry unchanged.
"""

from __future__ import annotations

from typing import ClassVar


class CalendarError(Exception):
    """Base of everything this project raises on purpose.

    ``close_code`` is a WebSocket close code (RFC 6455 section 7.4), ``http_status`` an HTTP status,
    ``slug`` a stable word for metrics and for programs.
    """

    close_code: ClassVar[int] = 1011
    http_status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"


class ProtocolError(CalendarError):
    """The peer sent something we cannot accept; its connection closes, nobody else's."""

    close_code = 1008
    http_status = 400
    slug = "protocol"


class MalformedFrame(ProtocolError):
    """Bytes that do not decode: truncated, over-long numbers, unknown types, trailing garbage."""

    slug = "malformed"


class FrameTooLarge(ProtocolError):
    """More bytes, entries or levels than a limit allows."""

    close_code = 1009
    http_status = 413
    slug = "too-large"


class HostileUpdate(ProtocolError):
    """An update that decodes but would harm the document: nesting, giant ranges, false counts."""

    slug = "hostile"


class ForeignClient(ProtocolError):
    """Structs or presence under a client id that belongs to another user or connection."""

    http_status = 403
    slug = "foreign-client"


class AccessError(CalendarError):
    """The caller may not do that."""

    close_code = 4403
    http_status = 403
    slug = "access"


class Unauthenticated(AccessError):
    """No token, or one that does not verify or has expired."""

    close_code = 4401
    http_status = 401
    slug = "unauthenticated"


class Forbidden(AccessError):
    """A known user without the role for this."""

    slug = "forbidden"


class NoSuchProject(AccessError):
    """No project of that name."""

    close_code = 4404
    http_status = 404
    slug = "no-such-project"


class OverloadError(CalendarError):
    """Not now; try again later."""

    close_code = 1013
    http_status = 503
    slug = "overload"


class RateExceeded(OverloadError):
    """Too many messages or bytes for too long."""

    http_status = 429
    slug = "rate"


class TooManyConnections(OverloadError):
    """The user or the room already has its share of connections."""

    http_status = 429
    slug = "connections"


class BacklogFull(OverloadError):
    """The disk does not keep up, or does not answer."""

    slug = "backlog"


class TooSlow(OverloadError):
    """What we had to say was not read for too long."""

    slug = "slow"


class ServiceRestart(OverloadError):
    """This server stops; another, or the same one, will be there soon."""

    close_code = 1012
    slug = "restart"


class NoSuchSession(OverloadError):
    """That session of long polling is over, or somebody else's; open a new one."""

    close_code = 1012
    http_status = 410
    slug = "no-such-session"


class ContentError(CalendarError):
    """A value that a calendar cannot hold."""

    close_code = 1008
    http_status = 422
    slug = "content"


class NoSuchEvent(ContentError):
    """No event of that id, or it is deleted."""

    http_status = 404
    slug = "no-such-event"


class NoSuchLineup(ContentError):
    """No line-up of that id, or it is deleted."""

    http_status = 404
    slug = "no-such-lineup"


class NoSuchMemo(ContentError):
    """No memo of that id."""

    http_status = 404
    slug = "no-such-memo"


class NoSuchConflict(ContentError):
    """No conflict of that id."""

    http_status = 404
    slug = "no-such-conflict"


class InvalidValue(ContentError):
    """A field's value is not of its form; the message names the field."""

    slug = "invalid-value"


class RequestError(CalendarError):
    """An HTTP request that cannot be served as it is."""

    close_code = 1008
    http_status = 400
    slug = "request"


class MalformedRequest(RequestError):
    """A body or an address that does not decode."""

    slug = "malformed-request"


class NotFound(RequestError):
    """Nothing is at that address."""

    http_status = 404
    slug = "not-found"


class WrongMethod(RequestError):
    """Something is at that address, and does not take this method."""

    http_status = 405
    slug = "wrong-method"


class WrongMediaType(RequestError):
    """A body of a kind that nobody here reads."""

    http_status = 415
    slug = "wrong-media-type"


class PreconditionFailed(RequestError):
    """It has changed since the version that the caller knows; read it again."""

    http_status = 412
    slug = "precondition-failed"


class Taken(RequestError):
    """It contradicts what is there."""

    http_status = 409
    slug = "taken"


class KeyReused(RequestError):
    """An idempotency key that came with another request before."""

    http_status = 422
    slug = "key-reused"


class StorageError(CalendarError):
    """Something about the data directory."""

    http_status = 503
    slug = "storage"


class DataLocked(StorageError):
    """Another process writes this data directory."""

    slug = "locked"


class CorruptData(StorageError):
    """What is stored does not decode."""

    slug = "corrupt"


class CommitFailed(StorageError):
    """An update could not be made durable."""

    slug = "commit"
