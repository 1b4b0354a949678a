"""The built page over HTTP: headers, encodings, caching; and the plain page where none is built.

The server runs from a copy of its package with a build, or without one, that a test has made.
"""

from __future__ import annotations

import gzip
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import crdt_calendar
import server as package
from server.gateways.assets import BUILD
from tests.serving.polling import bearer, site
from tests.support.server import ServerProcess, started
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

SHELL = b'<!doctype html><title>built</title><script src="/assets/index-a1B2c3.js"></script>'
SCRIPT = b"console.log('hello')\n" * 50
BROTLI = b"what a brotli encoder made of the script"  # the server passes it on as it is
GZIPPED = gzip.compress(SCRIPT)
FILES = {
    "index.html": SHELL,
    "sw.js": b"self.skipWaiting()",
    "assets/index-a1B2c3.js": SCRIPT,
    "assets/index-a1B2c3.js.br": BROTLI,
    "assets/index-a1B2c3.js.gz": GZIPPED,
    "assets/plain-d4E5f6.css": b"body{}",
    "assets/icon.svg": b"<svg/>",
    "assets/manifest.webmanifest": b"{}",
}
HASHED = "/assets/index-a1B2c3.js"


class CopiedServer(ServerProcess):
    """``crdt-calendar serve`` out of another folder."""

    def command(self) -> list[str]:
        """What starts it; -P keeps the folder of the tests out of the way."""
        return [sys.executable, "-P", "-m", "server", *super().command()[1:]]


@contextmanager
def with_build(folder: Path, files: Mapping[str, bytes]) -> Iterator[ServerProcess]:
    """A server whose build has these files."""
    for each in (package, crdt_calendar):
        source = Path(str(each.__file__)).parent
        unwanted = shutil.ignore_patterns("web", "__pycache__")
        shutil.copytree(source, folder / source.name, ignore=unwanted)
    for name, content in files.items():
        path = folder / "server" / "web" / "dist" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with started(CopiedServer(folder / "data", PYTHONPATH=str(folder))) as server:
        yield server


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with `FILES` as its build."""
    with with_build(tmp_path_factory.mktemp("built"), FILES) as server:
        yield server


@pytest.fixture
async def page(built: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, more or less, that accepts no encoding unless a test says so."""
    async with site(built.port, headers={"accept-encoding": "identity"}) as page:
        yield page


async def raw(page: httpx.AsyncClient, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer and its body as it came, not decoded."""
    async with page.stream("GET", path, headers=headers) as answer:
        return answer, b"".join([part async for part in answer.aiter_raw()])


def policy_of(answer: httpx.Response) -> dict[str, str]:
    """The directives of a content security policy."""
    directives = answer.headers["content-security-policy"].split(";")
    return {name: value for name, _, value in (each.strip().partition(" ") for each in directives)}


async def test_the_index_lets_only_its_own_scripts_run_and_nobody_frame_it(
    page: httpx.AsyncClient,
) -> None:
    answer = await page.get("/")
    assert (answer.status_code, answer.content) == (200, SHELL)
    assert answer.headers["content-type"].startswith("text/html")
    policy = policy_of(answer)
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("br", "br"),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("GZIP;q=0.8", "gzip"),
        ("deflate, zstd", None),
        ("identity", None),
        ("br;q=0, gzip", "gzip"),
        ("br ; Q=0.000, gzip;q=0.001", "gzip"),
        ("gzip;q=0, br;q=0", None),
        ("*", "br"),
        ("*;q=0, gzip", "gzip"),
        ("br;q=0, *", "gzip"),
        ("", None),
    ],
)
async def test_a_file_is_sent_in_the_best_encoding_that_is_accepted(
    page: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    answer, came = await raw(page, HASHED, **{"accept-encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.headers["content-length"] == str(len(came))
    assert came == {"br": BROTLI, "gzip": GZIPPED, None: SCRIPT}[encoding]


async def test_what_the_build_did_not_compress_is_sent_plain(page: httpx.AsyncClient) -> None:
    answer, came = await raw(page, "/assets/plain-d4E5f6.css", **{"accept-encoding": "br, gzip"})
    assert "content-encoding" not in answer.headers
    assert came == b"body{}"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (HASHED, "text/javascript"),
        ("/assets/plain-d4E5f6.css", "text/css"),
        ("/assets/icon.svg", "image/svg+xml"),
        ("/assets/manifest.webmanifest", "application/manifest+json"),
        ("/sw.js", "text/javascript"),
    ],
)
async def test_a_file_says_what_it_is(page: httpx.AsyncClient, path: str, kind: str) -> None:
    answer = await page.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_names_with_a_hash_are_kept_for_ever(page: httpx.AsyncClient) -> None:
    for path in (HASHED, "/assets/plain-d4E5f6.css"):
        caching = (await page.get(path)).headers["cache-control"]
        assert caching == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/", "/sw.js", "/assets/icon.svg"])
async def test_what_may_change_is_asked_for_each_time(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert answer.headers["cache-control"] == "no-cache"
    again = await page.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    other = await page.get(path, headers={"if-none-match": '"of another build"'})
    assert other.status_code == 200


async def test_each_encoding_has_a_tag_of_its_own(page: httpx.AsyncClient) -> None:
    accepted = ("identity", "gzip", "br")
    tags = {
        (await raw(page, HASHED, **{"accept-encoding": each}))[0].headers["etag"]
        for each in accepted
    }
    assert len(tags) == len(accepted)
    for each in accepted:
        # A cache that holds only what is encoded otherwise lacks what is asked for.
        for tag in tags:
            headers = {"accept-encoding": each, "if-none-match": tag}
            answer, came = await raw(page, HASHED, **headers)
            held = answer.headers["etag"] == tag
            assert (answer.status_code, came == b"") == ((304, True) if held else (200, False))


@pytest.mark.parametrize("form", ["W/{}", '"other", {}', '{},"other"', 'W/"other" , W/{}', "*"])
async def test_a_tag_counts_in_every_form_of_the_question(
    page: httpx.AsyncClient, form: str
) -> None:
    # RFC 9110 section 13.1.2: a list of tags, compared weakly, or any.
    tag = (await page.get("/")).headers["etag"]
    again = await page.get("/", headers={"if-none-match": form.format(tag)})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag


@pytest.mark.parametrize("asked", ['"other"', '"*"', '"a, *, b"', "", "other"])
async def test_another_tag_is_no_reason_to_send_nothing(
    page: httpx.AsyncClient, asked: str
) -> None:
    answer = await page.get("/", headers={"if-none-match": asked})
    assert (answer.status_code, answer.content) == (200, SHELL)


@pytest.mark.parametrize(
    "path", ["/assets/", "/assets/none.js", "/index.html", "/assets/index-a1B2c3.js.br"]
)
async def test_an_unknown_path_is_not_found(page: httpx.AsyncClient, path: str) -> None:
    assert (await page.get(path)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../index.html",
        "/assets/../../../__init__.py",
        "/assets/%2e%2e/index.html",
        "/assets/..%2f..%2f..%2fapp.py",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/..\\..\\index.html",
        "/assets/index-a1B2c3.js%00.css",
        "/../../etc/passwd",
    ],
)
async def test_no_path_leads_out_of_the_assets(built: ServerProcess, path: str) -> None:
    # By hand: a client would tidy the path up before it asks.
    async with wire(built) as line:
        await line.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await line.reader.read()
    assert re.match(rb"HTTP/1.1 40[04] ", answer), answer
    assert SHELL not in answer
    assert b"import" not in answer
    assert b"root:" not in answer


async def test_without_a_build_a_plain_page_shows_the_projects(tmp_path: Path) -> None:
    with with_build(tmp_path, {}) as server:
        async with site(server.port) as http:
            stranger = await http.get("/")
            assert stranger.status_code == 401
            assert "printed a URL with a token" in stranger.text
            answer = await http.get(
                "/", headers=bearer(server.token("alice", name="<b>앨리스</b>"))
            )
            assert answer.status_code == 200
            assert "<code>demo</code>" in answer.text
            assert "&lt;b&gt;앨리스&lt;/b&gt;" in answer.text
            assert policy_of(answer)["default-src"] == "'none'"
            assert answer.headers["cache-control"] == "no-store"
            assert "<script" not in answer.text
            for path in ("/sw.js", HASHED):
                assert (await http.get(path)).status_code == 404


@pytest.mark.skipif(not (BUILD / "index.html").is_file(), reason="the page is not built")
async def test_all_that_the_built_index_asks_for_is_there(http: httpx.AsyncClient) -> None:
    index = await http.get("/")
    wanted = re.findall(r'(?:src|href)="\.?/?(assets/[^"]+)"', index.text)
    assert any(name.endswith(".js") for name in wanted)
    for name in wanted:
        answer = await http.get(f"/{name}")
        assert (answer.status_code, bool(answer.content)) == (200, True)
        if name.endswith((".js", ".css")):
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-encoding"] in ("br", "gzip")
