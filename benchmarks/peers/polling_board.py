"""A line-up board as it was before: all of it over HTTP, for whoever asks every two seconds.

``python -m benchmarks.peers.polling_board PORT SECONDS`` keeps in memory the board that it is given
by ``PUT /board``, gives it by ``GET /user-lineups``, and changes it by ``PATCH /lineups/{id}``. An
answer shows the board as it was when the request came, and takes so many SECONDS.
"""

from __future__ import annotations

import sys
from typing import Any, cast

import anyio
import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Board:
    """What was in the database."""

    def __init__(self, seconds: float) -> None:
        self._lineups: dict[str, dict[str, object]] = {}
        self._seconds = seconds

    async def put(self, request: Request) -> Response:
        """All of it."""
        self._lineups = {str(line["id"]): line for line in await request.json()}
        return Response(status_code=204)

    async def get(self, _: Request) -> Response:
        """All of it, as it is now."""
        answer = JSONResponse(list(self._lineups.values()))
        await anyio.sleep(self._seconds)
        return answer

    async def patch(self, request: Request) -> Response:
        """One line-up."""
        line = self._lineups[request.path_params["id"]]
        line.update(await request.json())
        return JSONResponse(line)


async def run(port: int, seconds: float) -> None:
    """Serve until killed."""
    board = Board(seconds)
    app = Starlette(
        routes=[
            Route("/board", board.put, methods=["PUT"]),
            Route("/user-lineups", board.get),
            Route("/lineups/{id}", board.patch, methods=["PATCH"]),
        ]
    )
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.accesslog = None
    await serve(cast(Any, app), config)


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]), float(sys.argv[2])))
