"""The doors of a running server, each as a client that knows an event by its title."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
from anyio.to_thread import run_sync

from crdt_calendar.client import CalendarClient
from tests.events.talker import JSON, MSGPACK, Talker, subscribed
from tests.graphql.rig import connected as graphql_line
from tests.rest.receiver import receiving
from tests.serving.polling import polled
from tests.support.client import Client, connected
from tests.support.node import node
from tests.support.server import HOST, ServerProcess

WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.02
EVENT = "standup"
NINE = {"startDate": "2026-03-02T09:00:00Z", "endDate": "2026-03-02T10:00:00Z"}

Title = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Door:
    """``title`` is what a client of this door knows `EVENT` by; ``write`` gives it another."""

    title: Title
    write: Callable[[str], Awaitable[object]] | None = None

    async def sees(self, title: str) -> None:
        """Wait until the event is called that. Raises `TimeoutError`."""
        with anyio.fail_after(WAIT_SECONDS):
            while await self.title() != title:  # noqa: ASYNC110  # others know
                await anyio.sleep(LOOK_SECONDS)


@dataclass(frozen=True)
class House:
    """A server, a project in it, and an HTTP client that belongs to an owner."""

    server: ServerProcess
    project: str
    http: httpx.AsyncClient
    folder: Path

    def token(self, user: str) -> str:
        """A token of an editor."""
        return self.server.token(user, self.project)

    @property
    def path(self) -> str:
        """Where the project is in REST."""
        return f"/api/v1/projects/{self.project}"


@asynccontextmanager
async def house(server: ServerProcess, project: str, folder: Path) -> AsyncIterator[House]:
    """A project of its own, with `EVENT` in it."""
    server.create(project)
    headers = {"authorization": f"Bearer {server.token('olga', project, 'owner')}"}
    base = f"http://{HOST}:{server.port}"
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=20) as http:
        home = House(server, project, http, folder)
        body = {"id": EVENT, "title": "first", **NINE}
        answer = await http.post(f"{home.path}/events", json=body)
        assert answer.status_code == 201, answer.text
        yield home


async def _yjs_title(client: Client) -> object:
    event = client.calendar.find(EVENT)
    return event and event.title


def _of(client: Client) -> Door:
    async def write(title: str) -> None:
        await client.edit(lambda calendar: calendar.update(EVENT, title=title))

    return Door(partial(_yjs_title, client), write)


@asynccontextmanager
async def yjs(home: House) -> AsyncIterator[Door]:
    """pycrdt over ``/yjs``."""
    async with connected(home.server.url, home.token("yves"), home.project) as client:
        await client.until_synced()
        yield _of(client)


@asynccontextmanager
async def polling(home: House) -> AsyncIterator[Door]:
    """pycrdt over ``/sync``."""
    async with polled(home.server.port, home.token("paul"), home.project) as client:
        await client.until_synced()
        yield _of(client)


@asynccontextmanager
async def y_websocket(home: House) -> AsyncIterator[Door]:
    """A stock client in Node.js."""
    async with node() as clients:
        client = await clients.synced(home.server.url, home.token("nora"), home.project)

        async def title() -> object:
            return (await client.events()).get(EVENT, {}).get("title")

        yield Door(title, lambda title: client.set(EVENT, "title", title))


@asynccontextmanager
async def python(home: House) -> AsyncIterator[Door]:
    """The offline-first client."""
    url = f"http://{HOST}:{home.server.port}"
    store = home.folder / "replica"
    async with CalendarClient(url, home.project, home.token("pia"), store) as calendar:

        async def title() -> object:
            event = calendar.find(EVENT)
            return event and event.title

        async def write(title: str) -> None:
            calendar.update(EVENT, title=title)
            await calendar.saved()

        yield Door(title, write)


@asynccontextmanager
async def command_line(home: House) -> AsyncIterator[Door]:
    """``crdt-calendar import`` and ``export``, beside the running server."""

    async def title() -> object:
        file = await run_sync(partial(home.server.run, "export", "--project", home.project))
        return _summary(file)

    async def write(title: str) -> None:
        path = home.folder / "file.ics"
        path.write_text(_file(title))
        await run_sync(partial(home.server.run, "import", str(path), "--project", home.project))

    yield Door(title, write)


@asynccontextmanager
async def rest(home: House) -> AsyncIterator[Door]:
    """``/api/v1``."""
    path = f"{home.path}/events/{EVENT}"

    async def title() -> object:
        return (await home.http.get(path)).json()["title"]

    async def write(title: str) -> None:
        answer = await home.http.patch(path, json={"title": title})
        assert answer.status_code == 200, answer.text

    yield Door(title, write)


@asynccontextmanager
async def instances(home: House) -> AsyncIterator[Door]:
    """A range, from the index."""
    span = {"from": "2026-03-02", "to": "2026-03-03"}

    async def title() -> object:
        answer = await home.http.get(f"{home.path}/instances", params=span)
        [one] = answer.json()["items"]
        return one["title"]

    yield Door(title)


@asynccontextmanager
async def search(home: House) -> AsyncIterator[Door]:
    """The text index."""

    async def title() -> object:
        answer = await home.http.get(f"{home.path}/events", params={"q": "from"})
        return next((one["title"] for one in answer.json()["items"]), None)

    yield Door(title)


@asynccontextmanager
async def feed(home: House) -> AsyncIterator[Door]:
    """``calendar.ics`` by a secret link, without a token."""
    made = await home.http.post(f"{home.path}/feeds", json={})
    assert made.status_code == 201, made.text
    async with httpx.AsyncClient(base_url=home.http.base_url, timeout=20) as anybody:

        async def title() -> object:
            return _summary((await anybody.get(made.json()["path"])).text)

        yield Door(title)


@asynccontextmanager
async def webhook(home: House) -> AsyncIterator[Door]:
    """Letters to an HTTP server."""
    async with receiving() as receiver:
        made = await home.http.post(f"{home.path}/webhooks", json={"url": receiver.url})
        assert made.status_code == 201, made.text

        async def title() -> object:
            letters = [body["data"] for body in receiver.bodies]
            return next((data["event"]["title"] for data in letters[::-1] if "event" in data), None)

        yield Door(title)


@asynccontextmanager
async def events(home: House, protocol: str) -> AsyncIterator[Door]:
    """``/events``, in JSON or MessagePack."""
    user = protocol.rpartition(".")[2]
    async with subscribed(home.server, home.project, user, protocol=protocol) as talker:
        yield _spoken(talker, home.project)


def _spoken(talker: Talker, project: str) -> Door:
    async def title() -> object:
        return talker.mirror(project).titles().get(EVENT)

    async def write(title: str) -> None:
        await talker.done("event:update", {"id": EVENT, "title": title})

    return Door(title, write)


@asynccontextmanager
async def stream(home: House) -> AsyncIterator[Door]:
    """``/events/stream``, server-sent events."""
    heard: list[str] = []

    async def listen(lines: AsyncIterator[str]) -> None:
        async for line in lines:
            if line.startswith("data: "):
                heard.extend(_titles(json.loads(line[6:])))

    async def title() -> object:
        return heard[-1] if heard else None

    params = {"project": home.project}
    async with home.http.stream("GET", "/events/stream", params=params) as answer:
        assert answer.status_code == 200
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen, answer.aiter_lines())
            yield Door(title)
            tasks.cancel_scope.cancel()


def _titles(message: dict[str, Any]) -> list[str]:
    payload = message.get("payload")
    found = payload.get("events", [payload]) if isinstance(payload, dict) else []
    return [one["title"] for one in found if one.get("id") == EVENT]


@asynccontextmanager
async def graphql(home: House) -> AsyncIterator[Door]:
    """``/graphql``: a mutation, and a subscription."""
    changes = (
        "subscription($p: ID!) { projectEvents(projectId: $p) { changes { event { title } } } }"
    )
    change = (
        "mutation($p: ID!, $e: ID!, $t: String!) "
        "{ updateEvent(projectId: $p, eventId: $e, input: {title: $t}) { title } }"
    )
    async with graphql_line(home.server, home.token("gil")) as line:
        told = await line.subscribe(changes, p=home.project)
        await told.next()

        async def title() -> object:
            news = [data["projectEvents"]["changes"] for data in told.heard]
            return next((each[-1]["event"]["title"] for each in news[::-1] if each), None)

        yield Door(title, lambda title: line.ask(change, p=home.project, e=EVENT, t=title))


DOORS: dict[str, Callable[[House], Any]] = {
    "yjs": yjs,
    "polling": polling,
    "y-websocket": y_websocket,
    "python": python,
    "command-line": command_line,
    "rest": rest,
    "instances": instances,
    "search": search,
    "feed": feed,
    "webhook": webhook,
    "json": partial(events, protocol=JSON),
    "msgpack": partial(events, protocol=MSGPACK),
    "stream": stream,
    "graphql": graphql,
}


def _file(title: str) -> str:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//tests//EN",
        "BEGIN:VEVENT",
        f"UID:{EVENT}",
        "SEQUENCE:1000",  # later than what is here
        "DTSTAMP:20260301T000000Z",
        "DTSTART:20260302T090000Z",
        "DTEND:20260302T100000Z",
        f"SUMMARY:{title}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines)


def _summary(file: str) -> str | None:
    return next((line[8:] for line in file.splitlines() if line.startswith("SUMMARY:")), None)
