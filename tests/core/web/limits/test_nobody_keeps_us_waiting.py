"""Every way of keeping the server waiting ends, and the slow but honest are served."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web as aiohttp_web

from core.engine.ports import Signal
from core.storage.client import Database
from core.web.http.routing import Access, Route
from core.web.http.settings import Deadlines, Limits, WebSettings
from tests.support.site import SECRET, Site, site

DEADLINES = Deadlines(head=1.0, proxy=3.0, body=1.0, answer=1.0, least_rate=20_000.0)
SETTINGS = WebSettings(secret_key=SECRET, deadlines=DEADLINES)
LATEST = 8.0  #: seconds by which every connection below has been ended, on a busy machine too

BODY = b'{"text":"How do I reset my password?","locale":"en"}'
HEAD = (
    b"POST /api/conversations HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b"Accept-Language: en\r\nContent-Length: " + str(len(BODY)).encode() + b"\r\n\r\n"
)
CHUNKED = (
    (
        b"POST /api/conversations HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:20], BODY[20:]))
    + b"0\r\n\r\n"
)
GET = b"GET %s HTTP/1.1\r\nHost: here\r\n\r\n"
LARGE = 24_000_000  #: bytes of an answer: more than the system's buffers take


async def _large(_: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
    return aiohttp_web.Response(body=b"x" * LARGE)


ROUTES = (
    Route(
        method="GET", path="/large", handler=_large, access=Access.PUBLIC, summary="Much to read",
        hidden=True,
    ),
)  # fmt: skip


@pytest.fixture
async def web(db: Database) -> AsyncIterator[Site]:
    async with site(db, settings=SETTINGS, more=ROUTES) as served:
        yield served


async def connect(
    web: Site, *, small_window: bool = False
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection as programs make it; one that takes little at a time on demand."""
    plug = socket.socket()
    if small_window:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", web.server.port))
    return await asyncio.open_connection(sock=plug, limit=1024)


async def ended(reader: asyncio.StreamReader, *, within: float = LATEST) -> float:
    """The seconds until the server ended it; what it still said is read and forgotten."""
    began = time.monotonic()
    async with asyncio.timeout(within):
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass
    return time.monotonic() - began


async def left(web: Site) -> None:
    """Return once the server holds nothing but our own client's connections."""
    async with asyncio.timeout(LATEST):
        while len(web.server.connections) > 1:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("request_", [HEAD + BODY, CHUNKED], ids=["length", "chunked"])
async def test_a_request_cut_short_anywhere_ends(web: Site, request_: bytes) -> None:
    """Half-open, half a head, half a body: wherever a client falls silent."""

    async def silent_after(count: int) -> tuple[int, float]:
        reader, writer = await connect(web)
        writer.write(request_[:count])
        took = await ended(reader)
        writer.close()
        return count, took

    cuts = [*range(0, len(request_), 7), len(request_) - 1]
    for _, took in await asyncio.gather(*map(silent_after, cuts)):
        assert took > 0.5  # nobody is thrown out who may only be slow
    await left(web)


@pytest.mark.parametrize("request_", [HEAD + BODY, CHUNKED], ids=["length", "chunked"])
async def test_a_request_that_drips_ends(web: Site, request_: bytes) -> None:
    """A byte now and then is no progress, neither in a head nor in a body."""

    async def drips_after(count: int) -> None:
        reader, writer = await connect(web)
        writer.write(request_[:count])

        async def drip() -> None:
            for place in range(count, len(request_) - 1):
                await asyncio.sleep(0.3)
                writer.write(request_[place : place + 1])
                await writer.drain()

        dripping = asyncio.create_task(drip())
        await ended(reader)
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.close()

    await asyncio.gather(*(drips_after(n) for n in (0, 5, 60, len(HEAD) - 3, len(HEAD) + 2)))
    await left(web)


async def test_a_body_that_drips_is_told_why(web: Site) -> None:
    reader, writer = await connect(web)
    writer.write(HEAD + BODY[:10])
    answer = await asyncio.wait_for(reader.read(65_536), LATEST)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    assert b"connection: close" in answer.lower()
    await ended(reader)
    writer.close()


async def test_a_head_without_end_is_not_kept(web: Site) -> None:
    _, writer = await connect(web)
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n")
    sent = 0

    async def go_on() -> None:
        nonlocal sent
        while True:
            line = b"X-%d: %s\r\n" % (sent, b"y" * 4_000)
            writer.write(line)
            await writer.drain()
            sent += len(line)

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(go_on(), LATEST)
    assert sent < 8_000_000  # what fits the system's buffers
    await left(web)
    writer.close()


async def test_a_connection_that_asks_nothing_more_ends(web: Site) -> None:
    reader, writer = await connect(web)
    for _ in range(3):
        writer.write(GET % b"/healthz")
        assert (await reader.read(1024)).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.4)  # each answer begins the time anew
    assert await ended(reader) > 0.3
    writer.close()


@pytest.mark.parametrize("asks", [1, 200], ids=["one", "pipelined"])
async def test_whoever_takes_no_answer_is_let_go(web: Site, asks: int) -> None:
    _, writer = await connect(web, small_window=True)
    writer.write(GET % b"/large" * asks)
    await asyncio.sleep(0.3)
    assert len(web.server.connections) >= 1
    await left(web)
    writer.close()


async def test_whoever_asks_without_end_and_reads_nothing_fills_no_memory(db: Database) -> None:
    """Each answer is small and fits the buffer; all of them together do not."""
    answered = 0

    async def small(_: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        nonlocal answered
        answered += 1
        return aiohttp_web.Response(body=b"x" * 10_000)

    route = Route(
        method="GET", path="/small", handler=small, access=Access.PUBLIC, summary="Little",
        hidden=True, unlimited=True,
    )  # fmt: skip
    async with site(db, settings=SETTINGS, more=(route,)) as web:
        _, writer = await connect(web, small_window=True)

        async def ask() -> None:
            while True:
                writer.write(GET % b"/small" * 50)
                await writer.drain()

        with pytest.raises((ConnectionError, TimeoutError)):
            await asyncio.wait_for(ask(), LATEST)
        await left(web)
        assert answered < 1_000  # what the system's buffers take, and a little more
        writer.close()


async def test_whoever_reads_a_byte_now_and_then_is_let_go(web: Site) -> None:
    reader, writer = await connect(web, small_window=True)
    writer.write(GET % b"/large")

    async def sip() -> None:
        while await reader.read(512):
            await asyncio.sleep(0.25)

    sipping = asyncio.create_task(sip())
    await left(web)
    sipping.cancel()
    await asyncio.gather(sipping, return_exceptions=True)
    writer.close()


async def test_a_stream_nobody_reads_ends(db: Database) -> None:
    async with site(db, settings=SETTINGS) as web:
        chat, token = await web.open()
        _, writer = await connect(web, small_window=True)
        head = f"GET /api/conversations/{chat}/events HTTP/1.1\r\nHost: here\r\n"
        writer.write(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
        await asyncio.sleep(0.3)
        for _ in range(400):
            signal = Signal(conversation_id=chat, kind="delta", text="z" * 50_000)
            web.world.conversations.signal(signal)
            await asyncio.sleep(0.005)
        await left(web)
        writer.close()


async def test_the_slow_but_honest_are_served(web: Site) -> None:
    """Slower than the first deadline allows, yet faster than the least rate."""
    deadlines = web.settings.deadlines
    text = '{"text":"%s","locale":"en"}' % ("long " * 1_500)
    body = text.encode() + b" " * 80_000
    reader, writer = await connect(web)
    writer.write(HEAD.replace(str(len(BODY)).encode(), str(len(body)).encode()))
    began = time.monotonic()
    for start in range(0, len(body), 4_000):
        writer.write(body[start : start + 4_000])
        await asyncio.sleep(0.1)
    assert time.monotonic() - began > deadlines.body * 1.5
    assert (await reader.read(1024)).startswith(b"HTTP/1.1 201 ")
    writer.close()

    reader, writer = await connect(web, small_window=True)
    writer.write(GET % b"/large")
    began, got = time.monotonic(), 0
    async with asyncio.timeout(60):
        while got < LARGE:
            piece = await reader.read(1_000_000)
            assert piece, f"cut after {got} bytes"
            got += len(piece)
            if time.monotonic() - began < deadlines.answer * 2.5:
                await asyncio.sleep(0.02)
    assert time.monotonic() - began > deadlines.answer * 2
    writer.close()


async def test_a_handler_that_works_long_is_none_of_this(db: Database) -> None:
    async def long(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        # The body waits with us, unread: it is not the client who is slow.
        await asyncio.sleep(DEADLINES.body * 2.5)
        return aiohttp_web.json_response({"bytes": len(await request.read())})

    route = Route(
        method="POST", path="/long", handler=long, access=Access.PUBLIC, summary="Long work",
        max_body=2_000_000, hidden=True,
    )  # fmt: skip
    async with site(db, settings=SETTINGS, more=(route,)) as web:
        status, said = await web.call("POST", "/long", data=b"x" * 1_500_000)
        assert (status, said) == (200, {"bytes": 1_500_000})


async def test_silent_neighbours_keep_nobody_out(db: Database) -> None:
    """All of one address: 40 places, 400 silent connections, and every question is answered."""
    limits = Limits(connections=80, connections_per_address=40)
    settings = replace(SETTINGS, limits=limits, deadlines=replace(DEADLINES, head=60.0, body=60.0))
    async with site(db, settings=settings) as web:
        silent = []
        for number in range(400):
            _, writer = await connect(web)
            writer.write((HEAD + BODY)[: number % len(HEAD + BODY)])
            silent.append(writer)
            if number % 20 == 0:
                assert (await web.call("GET", "/healthz"))[0] == 200
                await web.open("How do I reset my password?")
        assert len(web.server.connections) <= 41
        for writer in silent:
            writer.close()


MINCED = b"1\r\na\r\n" * 40_000


async def test_a_body_in_pieces_of_a_byte_is_not_read_to_its_end(web: Site) -> None:
    """Each chunk costs as much as a large one: ten uploads of a byte each held us for seconds."""
    head = CHUNKED.partition(b"\r\n\r\n")[0].replace(
        b"conversations", b"conversations/x/attachments"
    )
    for first in (head + b"\r\n\r\n" + MINCED, head + b"\r\n\r\n"):
        reader, writer = await connect(web)
        writer.write(first)
        for _ in range(4):
            writer.write(MINCED)
        try:
            async with asyncio.timeout(LATEST):
                answer = await reader.read()
        except ConnectionError:
            answer = b""
        assert b" 20" not in answer[:20]
        writer.close()


async def test_a_body_in_few_pieces_is(web: Site) -> None:
    """A program that sends each line by itself is nobody who means ill."""
    text = b'{"text":"' + b"a" * 2_000 + b'"}'
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in text) + b"0\r\n\r\n"
    reader, writer = await connect(web)
    writer.write(CHUNKED.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body)
    async with asyncio.timeout(LATEST):
        assert b" 201 " in await reader.readline()
    writer.close()
