"""The built page: its shell at ``/``, its files under ``/assets``, its service worker.

What a build holds is read once, when the server starts. A file is sent as the build compressed it.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

BUILD = Path(__file__).parents[1] / "web" / "dist"

# In the order of preference: the encoding's name, and the ending of the file that is so encoded.
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
ENDINGS = tuple(ending for _, ending in ENCODINGS)

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
class Asset:
    """One file: plain, and by encoding."""

    body: bytes
    media_type: str
    encoded: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """Its entity tag (RFC 9110 section 8.8.3)."""
        return f'"{sha256(self.body).hexdigest()[:20]}"'


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
        headers = {**SECURITY, **caching, "etag": asset.tag, "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=304, headers=headers)
        body, encoding = _chosen(asset, request.headers.get("accept-encoding", ""))
        if encoding:
            headers["content-encoding"] = encoding
        return Response(body, headers=headers, media_type=asset.media_type)


def _read(build: Path) -> Iterator[tuple[str, Asset]]:
    for path in sorted(build.rglob("*")):
        if not path.is_file() or path.suffix in ENDINGS:
            continue
        encoded = {
            name: twin.read_bytes()
            for name, ending in ENCODINGS
            if (twin := path.with_name(path.name + ending)).is_file()
        }
        yield path.relative_to(build).as_posix(), Asset(path.read_bytes(), _type(path), encoded)


def _type(path: Path) -> str:
    guessed = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return guessed or "application/octet-stream"


def _chosen(asset: Asset, accepted: str) -> tuple[bytes, str]:
    names = {word.partition(";")[0].strip().lower() for word in accepted.split(",")}
    for name, _ in ENCODINGS:
        if name in names and name in asset.encoded:
            return asset.encoded[name], name
    return asset.body, ""
