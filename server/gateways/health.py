"""Health: ``/healthz``, ``/readyz`` and ``/metrics``, for whoever watches the service."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from server.metrics import Metrics
from server.rooms.registry import Registry


class Health:
    """Three small answers, none of which needs a token."""

    def __init__(self, registry: Registry, metrics: Metrics) -> None:
        self._registry = registry
        self._metrics = metrics

    async def alive(self, request: Request) -> Response:
        """``/healthz``: the process answers."""
        return PlainTextResponse("ok\n")

    async def ready(self, request: Request) -> Response:
        """``/readyz``: edits are accepted and reach the disk; 503 with the reason if not."""
        writer = self._registry.writer
        failing = str(writer.failing) if writer.failing else None
        ready = not (failing or self._registry.stopping)
        body = {
            "ready": ready,
            "commits": failing or "ok",
            "backlog_bytes": writer.backlog_bytes,
            "rooms": len(self._registry.rooms),
            "stopping": self._registry.stopping,
        }
        return JSONResponse(body, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """``/metrics``: the Prometheus exposition text."""
        text, content_type = self._metrics.render()
        return Response(text, headers={"content-type": content_type})
