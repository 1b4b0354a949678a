"""A calendar as one Yjs-compatible document: protocol, model and clients, without a server."""
