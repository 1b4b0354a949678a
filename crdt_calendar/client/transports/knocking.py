"""Is anybody there? What it takes to see that a server is back, without a line to it."""

from __future__ import annotations

import ssl
from contextlib import suppress

import anyio

from crdt_calendar.client.transports import Address


async def is_reachable(address: Address) -> bool:
    """Whether anybody takes connections there."""
    with suppress(OSError):
        stream = await anyio.connect_tcp(address.host, address.port)
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)
        return True
    return False


async def is_serving(address: Address, tls: ssl.SSLContext | None) -> bool:
    """Whether the server answers, and not only a proxy in front of it."""
    import httpx  # a tenth of a second that only those pay who are behind such a proxy

    with suppress(httpx.HTTPError, OSError):
        async with httpx.AsyncClient(verify=tls or True) as client:
            return (await client.get(address.health_url)).is_success
    return False
