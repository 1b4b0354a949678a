"""The ways to the server: encrypted, bounded, and what they say in the beginning."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crdt_calendar.client import Way
from crdt_calendar.client.connection import Ending, Status
from crdt_calendar.client.transports import Address, LineLost, Open, Target
from crdt_calendar.client.transports.polling import open_polling
from crdt_calendar.client.transports.websocket import open_websocket
from crdt_calendar.protocol.messages import SyncStep1, encode
from tests.client.conftest import Site
from tests.client.rig import QUICK, saved, until_status, until_synced
from tests.support.toxic import HOST, toxic

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of our own for the loopback, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.mark.parametrize("way", list(Way))
async def test_over_tls(site: Site, certificate: Path, way: Way) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with toxic(site.server.port, context) as proxy:
        site.proxy = proxy
        proxy.toxics.block_websocket = way is Way.POLLING
        async with site.client(tls=trusting) as ann:
            ann.create(title="in private", description="x" * 300_000)
            await saved(ann)
            assert ann.client.state.way is way


async def test_a_certificate_that_nobody_vouches_for_is_no_connection(
    site: Site, certificate: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with toxic(site.server.port, context) as proxy:
        site.proxy = proxy
        async with site.client() as ann:
            await until_status(ann.client, Status.DISCONNECTED)
            assert "certificate" in ann.client.state.reason.lower()
    assert proxy.up_bytes == 0, "the token has not left"


def target(site: Site, most_bytes: int = 1 << 20) -> Target:
    return Target(Address.parse(site.proxy.url, site.project), site.token(), QUICK, most_bytes)


@pytest.mark.parametrize("open_", [open_websocket, open_polling])
async def test_a_message_without_bound_is_not_taken(site: Site, open_: Open) -> None:
    async with site.client() as ann:
        ann.create(title="large", description="x" * 100_000)
        await saved(ann)
    endings: list[Ending] = []
    try:
        async with open_(target(site, 50_000)) as transport:
            await transport.receive()
            await transport.send([encode(SyncStep1(b"\x00"))], lambda size: None)
            await transport.receive()
    except LineLost as lost:
        endings.append(lost.ending)
    (ending,) = endings
    assert ending.code == 1009
    assert "more than 50000 bytes" in ending.reason


async def test_the_handshake_offers_no_compression_and_keeps_the_token_out_of_the_url(
    site: Site,
) -> None:
    heads: list[str] = []
    listener = await anyio.create_tcp_listener(local_host=HOST)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)

    async def record(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            heads.append((await stream.receive()).decode())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, record)
        there = Target(Address.parse(f"ws://{HOST}:{port}", "p"), "SECRET", QUICK, 1000)
        with pytest.raises(LineLost):
            async with open_websocket(there):
                pass
        tasks.cancel_scope.cancel()
    await listener.aclose()
    (head,) = heads
    first, *fields = head.splitlines()
    assert first == "GET /yjs/p HTTP/1.1"
    assert "authorization: bearer secret" in [field.lower() for field in fields]
    assert "extensions" not in head.lower()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-accept: wrong\r\n\r\n",
        b"",
    ],
)
async def test_whatever_else_answers_is_no_line(site: Site, answer: bytes) -> None:
    listener = await anyio.create_tcp_listener(local_host=HOST)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)

    async def say(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(answer)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, say)
        for open_ in (open_websocket, open_polling):
            there = Target(Address.parse(f"ws://{HOST}:{port}", "p"), "t", QUICK, 1000)
            with pytest.raises(LineLost) as caught:
                async with open_(there):
                    pass
            assert caught.value.ending.code == 1006
        tasks.cancel_scope.cancel()
    await listener.aclose()


async def test_a_large_edit_from_below_arrives_whole(site: Site) -> None:
    text = "안녕하세요 " * 100_000
    async with site.client("ann") as ann, site.client("bob") as bob:
        await until_synced(bob)
        made = ann.create(title="large", description=text)
        await saved(ann)
        changes = bob.changes()
        ann.update(made, title="larger")
        with anyio.fail_after(5):
            await anext(changes)
        assert bob.get(made).description == text
