"""The line-up board over Socket.IO: ``/socket.io``, namespace ``/gbs-lineup``."""

from server.gateways.board.gateway import Board

__all__ = ["Board"]
