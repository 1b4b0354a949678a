"""The service: rooms, storage, who may come in, and the gateways, served over ASGI."""
