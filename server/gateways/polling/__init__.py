"""Long polling, ``/sync/{project}``: y-protocols over plain HTTP, where WebSocket is blocked."""

from server.gateways.polling.gateway import PollingGateway

__all__ = ["PollingGateway"]
