"""Every limit, with the reason for its number. All of them are settable.

They are generous: no honest client should ever meet one. Sizes are in bytes unless a name says
otherwise, times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer may cost. See the comment beside each field."""

    # A week of offline edits may arrive as one SyncStep2. 10,000 events are 3.1 MB; ten times that.
    frame_bytes: int = 32 * 1024 * 1024
    # A presence state is a name, a colour, a cursor, a selection.
    awareness_bytes: int = 64 * 1024
    # One connection speaks for its own client and, when tabs share a browser, for a few more.
    clients_per_peer: int = 64
    # The document contract needs 3 levels, rich text in other roots 20. yrs dies near 30,000.
    type_depth: int = 64
    # Plain values: `when`, `attendee/...` need 2. yrs and JSON parsers recurse and die near 30,000.
    value_depth: int = 64
    # Collected text leaves one GC struct; 16 million characters in one piece is no calendar.
    gc_length: int = 1 << 24
    # yrs keeps clocks in 32 bits and computes `clock + length`.
    clock: int = 1 << 31
    # A map key or root name; iCalendar UIDs are at most a few hundred characters.
    key_bytes: int = 4 * 1024

    # What a peer may leave unread before its backlog is replaced by one difference.
    outbox_bytes: int = 4 * 1024 * 1024
    # How long it may then stay unread.
    stale_seconds: float = 10.0

    # Sustained rate and burst of one connection. A dragging cursor with reflection is 100 a second.
    messages_per_second: float = 1_000.0
    messages_burst: float = 10_000.0
    bytes_per_second: float = 4 * 1024 * 1024.0
    bytes_burst: float = 64 * 1024 * 1024.0
    # Time spent on one connection's updates, in seconds a second. The edits of a week offline take
    # one or two; scattered deletions can take yrs half a minute for as many bytes.
    apply_per_second: float = 0.25
    apply_burst: float = 10.0
    # A connection over its rate is not read for that long; then it is told to come back later.
    hold_seconds: float = 10.0

    # Tabs, phones and scripts of one person; benchmarks run 1,000 clients as one user.
    connections_per_user: int = 2_000
    connections_per_room: int = 10_000

    # Updates accepted and not yet on disk, for the whole process.
    backlog_bytes: int = 64 * 1024 * 1024

    # One frame at the events door, inflated if it was compressed: an event has a few hundred bytes,
    # a description at most some tens of thousands, and a queue from offline may come as one array.
    envelope_bytes: int = 1024 * 1024
    # A queue from some days offline; more of them go into a second array.
    envelopes_per_frame: int = 1_000
    # Projects and parts of projects that one connection hears of: a busy page shows a dozen.
    subscriptions_per_connection: int = 256
    # Who comes without a token says who they are in the first message.
    auth_seconds: float = 10.0
