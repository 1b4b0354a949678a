"""Socket.IO packets, read within bounds.

Of protocol version 5 (https://socket.io/docs/v4/socket-io-protocol/), without binary attachments:
nothing on a board is binary, and attachments would be kept until the last one has come. Whatever a
client sends becomes a packet that can be answered; nothing raises into the engine.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from socketio import packet

NAMESPACE: Final = "/gbs-lineup"
MALFORMED: Final = "malformed"
"""The event that stands for what could not be read; its argument says why."""

RESERVED: Final = frozenset({"connect", "connect_error", "disconnect", "disconnecting"})
MOST_ARGUMENTS: Final = 4
_LONGEST_ID_DIGITS = 15


class Json:
    """The part of the module `json` that packets use: strict, and quick."""

    @staticmethod
    def dumps(value: object, **_: object) -> str:
        """Compact JSON."""
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str) -> object:
        """The value. Raises `ValueError`, also where it is nested too deep."""
        try:
            return msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise ValueError("not JSON, or nested too deep") from error


class BoardPacket(packet.Packet):  # type: ignore[misc]
    """A packet of this door: text only, and well-formed whatever came in."""

    uses_binary_events = False
    json = Json
    data: Any

    def decode(self, encoded_packet: str | bytes) -> int:
        """Read a packet; what is none becomes the event `MALFORMED`. No attachments follow."""
        try:
            if not isinstance(encoded_packet, str):
                raise ValueError("binary; packets are text here")
            super().decode(encoded_packet)
            self._check()
        except (ValueError, IndexError) as error:
            self._take(packet.EVENT, [MALFORMED, str(error)])
        return 0

    def _check(self) -> None:
        if self.packet_type in (packet.EVENT, packet.ACK):
            self._check_event(self.data)
        elif self.packet_type == packet.CONNECT:
            if not isinstance(self.data, dict | None):
                raise ValueError("auth: not an object")
        elif self.packet_type != packet.DISCONNECT:
            raise ValueError("no type of packet that a client may send here")

    def _check_event(self, data: object) -> None:
        if not isinstance(data, list) or not 1 <= len(data) <= 1 + MOST_ARGUMENTS:
            raise ValueError(f"an event is its name and at most {MOST_ARGUMENTS} arguments")
        if self.packet_type == packet.ACK:
            raise ValueError("nothing of ours asks for an acknowledgement")
        if not isinstance(data[0], str) or data[0] in RESERVED:
            raise ValueError("an event has a name, and not one that Socket.IO uses itself")
        if self.id is not None and len(str(self.id)) > _LONGEST_ID_DIGITS:
            raise ValueError("the id of an acknowledgement is too long")

    def _take(self, packet_type: int, data: list[Any]) -> None:
        self.packet_type, self.data = packet_type, data
        self.namespace = NAMESPACE
