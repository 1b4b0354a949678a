"""The built page: its shell at ``/``, its files under ``/assets``, its service worker.

What a build holds is read once, when the server starts. A file is sent as the build compressed it.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

BUILD = Path(__file__).parents[1] / "web" / "dist"

# In the order of preference: the encoding's name, and the ending of the file that is so encoded.
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
ENDINGS = tuple(ending for _, ending in ENCODINGS)
# The weight of an encoding that is not wanted (RFC 9110 section 12.4.2).
UNWANTED = re.compile(r"\s*q=0(\.0{0,3})?\s*", re.IGNORECASE)

# FullCalendar and the description's editor set styles on elements; scripts are files of ours only.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
    )
)
SECURITY = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
# Names under /assets that hold a hash of what is in the file never mean anything else.
FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}
ASKED_EACH_TIME = {"cache-control": "no-cache"}

TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class Form:
    """The bytes of a file, plain or encoded.

    Each form has an entity tag of its own, by its bytes (RFC 9110 section 8.8.3.3).
    """

    body: bytes
    tag: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, path: Path, encoding: str = "") -> Form:
        """The form that is in that file."""
        body = path.read_bytes()
        headers = {"content-encoding": encoding} if encoding else {}
        return cls(body, f'"{sha256(body).hexdigest()[:20]}"', headers)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: plain, and by encoding."""

    media_type: str
    plain: Form
    encoded: Mapping[str, Form]


class Assets:
    """The files of one build, by their path."""

    def __init__(self, build: Path = BUILD) -> None:
        self._files = dict(_read(build))

    def __bool__(self) -> bool:
        """Whether there is a build."""
        return "index.html" in self._files

    async def shell(self, request: Request) -> Response:
        """``/``: the page itself, asked for anew each time so that a new version is seen."""
        return self._send(request, "index.html", ASKED_EACH_TIME)

    async def worker(self, request: Request) -> Response:
        """``/sw.js``: the service worker, which must lie at the top to serve the whole page."""
        return self._send(request, "sw.js", ASKED_EACH_TIME)

    async def file(self, request: Request) -> Response:
        """``/assets/{path}``."""
        path = "assets/" + request.path_params["path"]
        is_hashed = "-" in Path(path).stem
        return self._send(request, path, FOR_EVER if is_hashed else ASKED_EACH_TIME)

    def _send(self, request: Request, path: str, caching: Mapping[str, str]) -> Response:
        asset = self._files.get(path)
        if asset is None:
            return PlainTextResponse("Not Found", 404)
        form = _chosen(asset, _list(request, "accept-encoding"))
        headers = {**SECURITY, **caching, "etag": form.tag, "vary": "accept-encoding"}
        if _is_held(form.tag, _list(request, "if-none-match")):
            return Response(status_code=304, headers=headers)
        headers |= form.headers
        return Response(form.body, headers=headers, media_type=asset.media_type)


def _read(build: Path) -> Iterator[tuple[str, Asset]]:
    for path in sorted(build.rglob("*")):
        if not path.is_file() or path.suffix in ENDINGS:
            continue
        encoded = {
            name: Form.of(twin, name)
            for name, ending in ENCODINGS
            if (twin := path.with_name(path.name + ending)).is_file()
        }
        yield path.relative_to(build).as_posix(), Asset(_type(path), Form.of(path), encoded)


def _type(path: Path) -> str:
    guessed = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return guessed or "application/octet-stream"


def _list(request: Request, header: str) -> list[str]:
    """The members of a header that is a list, on however many lines (RFC 9110 section 5.3)."""
    return [each.strip() for line in request.headers.getlist(header) for each in line.split(",")]


def _chosen(asset: Asset, accepted: Sequence[str]) -> Form:
    """The form to send, by Accept-Encoding: ``*`` is every encoding that it does not name.

    RFC 9110 section 12.5.3. Who wants none of ours, and not the plain one either, gets the plain.
    """
    words = (each.partition(";") for each in accepted)
    wanted = {name.strip().lower(): not UNWANTED.fullmatch(weight) for name, _, weight in words}
    for name, _ in ENCODINGS:
        if name in asset.encoded and wanted.get(name, wanted.get("*", False)):
            return asset.encoded[name]
    return asset.plain


def _is_held(tag: str, held: Sequence[str]) -> bool:
    """Whether If-None-Match names that tag: compared weakly, or any (RFC 9110 section 13.1.2)."""
    return held == ["*"] or tag in (each.removeprefix("W/") for each in held)
