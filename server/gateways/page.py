"""The plain page, where there is no built one: the projects, who is in them, how to connect."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from crdt_calendar.errors import AccessError, CalendarError
from server.auth.authority import Authority
from server.auth.grants import Grant
from server.auth.middleware import credentials
from server.auth.tokens import Claims
from server.rooms.registry import Registry

# No script, nothing from elsewhere, in nobody's frame; the token stays with this page.
SECURITY = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Named(Protocol):
    """A project as the catalog has it."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


class Projects(Protocol):
    """Whoever keeps the projects."""

    async def projects(self) -> Sequence[Named]:
        """All of them, by id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One project as this visitor sees it."""

    project: Named
    grant: Grant
    people: Sequence[str]
    connections: int


class Page:
    """Shows each visitor the projects they may enter."""

    def __init__(self, registry: Registry, authority: Authority, projects: Projects) -> None:
        self._registry = registry
        self._authority = authority
        self._projects = projects

    async def show(self, request: Request) -> Response:
        """The page of whoever the credentials say."""
        presented = credentials(request.scope)
        try:
            claims = await self._authority.identify(presented.token)
        except CalendarError as error:
            return _answer(REFUSED.format(reason=escape(str(error))), error.http_status)
        token = presented.token or ""
        entries = [entry async for entry in self._entries(claims)]
        return _answer(_page(claims, entries, request.url.netloc, token))

    async def _entries(self, claims: Claims) -> AsyncIterator[Entry]:
        for project in await self._projects.projects():
            try:
                grant = await self._authority.admit(claims, project.id)
            except AccessError:
                continue
            room = self._registry.loaded(project.id)
            peers = room.peers if room else ()
            people = sorted({peer.stamp.name for peer in peers})
            yield Entry(project, grant, people, len(peers))


def _answer(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, SECURITY)


def _page(claims: Claims, entries: Sequence[Entry], place: str, token: str) -> str:
    first = entries[0].project.id if entries else "PROJECT"
    return PAGE.format(
        style=STYLE,
        user=escape(claims.name or claims.user),
        rows="".join(map(_row, entries)) or NO_PROJECTS,
        place=escape(place),
        project=escape(first),
        token=escape(token),
    )


def _row(entry: Entry) -> str:
    people = "".join(f"<b>{escape(name)}</b>" for name in entry.people) or "<i>nobody</i>"
    name = escape(entry.project.name) if entry.project.name != entry.project.id else ""
    return ROW.format(
        id=escape(entry.project.id),
        name=name,
        role=entry.grant.role.name.lower(),
        people=people,
        connections=entry.connections,
    )


STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #2563eb }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 3rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem }
header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line) }
td b { background: var(--soft); border-radius: 1rem; padding: .1rem .6rem; margin-right: .3rem }
code, pre { font: .875rem/1.5 ui-monospace, monospace }
pre { background: var(--soft); padding: 1rem; overflow: auto; border-radius: .5rem }
small, i { opacity: .7 } a { color: var(--accent) }
"""

ROW = (
    "<tr><td><code>{id}</code> {name}</td><td>{role}</td>"
    "<td>{people}</td><td>{connections}</td></tr>"
)
NO_PROJECTS = """<tr><td colspan=4>None yet. Make one:
<code>crdt-calendar projects create NAME</code></td></tr>"""

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>crdt-calendar</title><style>{style}</style>
<header><h1>crdt-calendar</h1>
<small>you are {user} &middot; <a href=".">refresh</a></small></header>
<p>The service runs. Each project is one shared document; every edit is on disk before anyone
hears of it.</p>
<h2>Projects</h2>
<table><tr><th>project<th>your role<th>who is there<th>connections</tr>{rows}</table>
<h2>Connect a Yjs editor</h2>
<pre>import * as Y from 'yjs'
import {{ WebsocketProvider }} from 'y-websocket'

const doc = new Y.Doc()
new WebsocketProvider('ws://{place}/yjs', '{project}', doc, {{
  params: {{ token: '{token}' }}
}})
doc.getMap('events').observeDeep(() =&gt; console.log(doc.getMap('events').toJSON()))</pre>
<h2>Bring a calendar</h2>
<pre>crdt-calendar import FILE.ics --project {project}
crdt-calendar export --project {project}
crdt-calendar token --user alice --project {project} --role editor</pre>
<h2>Watch the service</h2>
<p><a href="healthz">healthz</a> &middot; <a href="readyz">readyz</a> &middot;
<a href="metrics">metrics</a></p>
</html>
"""

REFUSED = (
    "<!doctype html><meta charset=utf-8><title>crdt-calendar</title><p>{reason}.</p>"
    "<p>The server printed a URL with a token in it when it started; open that one.</p>"
)
