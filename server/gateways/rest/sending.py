"""Sending: one signed request to one webhook, as Standard Webhooks say."""

from __future__ import annotations

import base64
import hmac
from typing import NamedTuple

import httpx

from crdt_calendar.errors import InvalidValue
from server.gateways.rest.addresses import Addresses
from server.storage.contracts import Delivery, Webhook

ANSWER_SECONDS = 10.0
AGENT = "crdt-calendar-webhooks"
LONGEST_ERROR = 200


class Outcome(NamedTuple):
    """The status of the answer, 0 when there was none, and what went wrong."""

    status: int
    error: str

    @property
    def arrived(self) -> bool:
        """Whether it was taken."""
        return 200 <= self.status < 300


def sign(secret: str, id: str, at_seconds: int, body: bytes) -> str:
    """The signature of a letter: HMAC-SHA256 over id, time and body, in base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{id}.{at_seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


async def send(
    client: httpx.AsyncClient,
    addresses: Addresses,
    hook: Webhook,
    delivery: Delivery,
    at_seconds: int,
) -> Outcome:
    """Post it, to the address that was checked; no redirect is followed, no answer read."""
    headers = {
        "content-type": "application/json",
        "user-agent": AGENT,
        "webhook-id": delivery.id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": sign(hook.secret, delivery.id, at_seconds, delivery.body),
    }
    try:
        parts = addresses.check(hook.url)
        address = await addresses.resolve(hook.url)
        host = f"[{address}]" if ":" in address else address
        netloc = host if parts.port is None else f"{host}:{parts.port}"
        request = client.build_request(
            "POST",
            parts._replace(netloc=netloc).geturl(),
            content=delivery.body,
            headers={**headers, "host": parts.netloc},
            extensions={"sni_hostname": parts.hostname},
        )
        response = await client.send(request, stream=True)
        await response.aclose()
    except InvalidValue as error:
        return Outcome(0, str(error)[:LONGEST_ERROR])
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Outcome(0, f"no answer: {type(error).__name__}")
    status = response.status_code
    return Outcome(status, "" if 200 <= status < 300 else f"answered with status {status}")
