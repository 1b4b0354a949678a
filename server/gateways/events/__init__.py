"""The events door: ``/events``, JSON or MessagePack over WebSocket, and ``/events/stream``."""

from server.gateways.events.gateway import EventsGateway

__all__ = ["EventsGateway"]
