"""The frame itself: errors in one shape, headers everywhere, a document that is true."""

from __future__ import annotations

import asyncio
import gzip
import re
import time
import zlib
from pathlib import Path

import aiohttp
import pytest

from core.accounts.roles import Role
from core.clock import SystemClock
from core.errors import AlreadyDecided, BadInput, NotYours, StoreUnavailable
from core.runtime.token_bucket import RateLimit
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from core.web.http.problems import MEDIA_TYPE, from_exception
from core.web.http.settings import WebSettings
from tests.support.site import SECRET, Site, site

pytestmark = pytest.mark.long

POST = (
    b"POST /api/conversations HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\n"
)


async def raw(web: Site, request: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.server.port)
    writer.write(request)
    await writer.drain()
    head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
    writer.close()
    return head, body


async def test_every_refusal_is_a_problem(web: Site) -> None:
    for method, path, expected in (
        ("GET", "/nothing", 404),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/conversations", 405),
        ("TRACE", "/api/conversations", 405),
        ("GET", "/api/conversations/x", 401),
        ("GET", "/api/conversations/%00", 404),
        ("GET", "/api/conversations/" + "a" * 5000, 404),
        ("GET", "/" + "a" * 9000, 400),
        ("POST", "/api/conversations", 415),
    ):
        data = b"x" if method == "POST" else None
        async with web.http.request(method, path, data=data) as answer:
            assert answer.status == expected, (path, await answer.text())
            assert answer.content_type == MEDIA_TYPE
            problem = await answer.json(content_type=None)
            assert problem["status"] == expected
            assert problem["title"]
            assert problem["type"] == "about:blank"
            if expected == 405:
                assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "request_",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Encoding: gzip\r\n\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_broken_http_is_refused_in_the_same_shape(web: Site, request_: bytes) -> None:
    head, body = await raw(web, request_)
    assert re.match(rb"HTTP/1.[01] 4\d\d ", head), head
    assert MEDIA_TYPE.encode() in head
    assert b'"status":4' in body


BOMB = zlib.compress(b" " * 100_000_000, 9)
PART = b'--b\r\nContent-Disposition: form-data; name="email"; filename="x"\r\n'


@pytest.mark.no_cover  # a tracer would be what takes the time
@pytest.mark.parametrize(
    ("path", "kind", "encoding", "body"),
    [
        ("/api/conversations", "application/json", "deflate", BOMB),
        ("/api/conversations", "application/json", "gzip", gzip.compress(b" " * 100_000_000)),
        ("/login", "application/x-www-form-urlencoded", "deflate", BOMB),
        ("/login", "multipart/form-data; boundary=b", "deflate", BOMB),
        (
            "/login",
            "multipart/form-data; boundary=b",
            "",
            PART + b"Content-Encoding: deflate\r\n\r\n" + BOMB + b"\r\n--b--\r\n",
        ),
    ],
)
async def test_nothing_that_comes_compressed_is_let_grow(
    web: Site, path: str, kind: str, encoding: str, body: bytes
) -> None:
    headers = {"Content-Type": kind, **({"Content-Encoding": encoding} if encoding else {})}
    assert len(body) < 200_000
    taken = []
    for _ in range(5):  # the process has other things to do, too: its least is what is asked
        began = time.process_time()
        async with web.http.post(path, data=body, headers=headers) as answer:
            assert 400 <= answer.status < 500, await answer.text()
        taken.append(time.process_time() - began)
        if taken[-1] < 0.1:
            break
    # 100 MB that come out of it take ten times as long, each time.
    assert min(taken) < 0.1


async def test_a_chunked_flood_is_cut(web: Site) -> None:
    async def flood() -> object:
        for _ in range(40):
            yield b" " * 16_384

    headers = {"Content-Type": "application/json"}
    async with web.http.post("/api/conversations", data=flood(), headers=headers) as answer:
        assert answer.status == 413


async def test_headers_protect_every_answer(web: Site) -> None:
    for path in ("/login", "/api/openapi.json", "/nothing", "/healthz", "/api/me"):
        async with web.http.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Referrer-Policy" in answer.headers
            assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("whose", ["cross-site", "same-site", "Cross-Site", "same-origin, none"])
async def test_a_write_of_another_page_is_refused_without_an_origin_too(
    web: Site, whose: str
) -> None:
    for path in ("/login", "/login/link/any", "/api/conversations"):
        async with web.http.post(path, headers={"Sec-Fetch-Site": whose}) as answer:
            assert answer.status == 403, path
    for ours in ("none", "same-origin"):
        headers = {"Sec-Fetch-Site": ours}
        assert (await web.call("POST", "/api/conversations", json={}, headers=headers))[0] == 201


async def test_behind_https_cookies_and_transport_are_secure(db: Database) -> None:
    settings = WebSettings(secret_key=SECRET, public_url="https://help.example.com")
    async with site(db, settings=settings) as web:
        headers = {"Origin": "https://help.example.com"}
        async with web.http.post("/api/conversations", json={}, headers=headers) as answer:
            assert answer.status == 201
            assert answer.cookies["__Host-visitor"]["secure"]
            assert "max-age" in answer.headers["Strict-Transport-Security"]


async def test_an_address_may_do_fifty_a_second_and_not_without_end(db: Database) -> None:
    settings = WebSettings(secret_key=SECRET, address_rate=60, address_burst=80)
    async with site(db, settings=settings) as web:
        statuses = [(await web.call("GET", "/api/openapi.json"))[0] for _ in range(50)]
        assert statuses == [200] * 50
        answers = await asyncio.gather(*(web.call("GET", "/api/openapi.json") for _ in range(200)))
        assert {status for status, _ in answers} == {200, 429}
        # Whoever asks whether we live is told so, however much is asked from there.
        statuses = [(await web.call("GET", "/healthz"))[0] for _ in range(20)]
        assert statuses == [200] * 20


async def test_a_proxy_is_believed_only_when_it_is_trusted(db: Database) -> None:
    many = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
    for proxies, expected in (((), "127.0.0.1"), (("127.0.0.0/8",), "198.51.100.7")):
        settings = WebSettings(secret_key=SECRET, trusted_proxies=proxies)
        async with site(db, settings=settings) as web:
            form = {"email": "a@b.cc", "password": "x", "next": ""}
            await web.call("POST", "/login", data=form, headers=many)
            [newest, *_] = await web.audit.page()
            assert newest.address == expected


async def test_the_limit_lets_the_rate_through(clock: ManualClock) -> None:
    limit = RateLimit(rate=10, burst=5, clock=clock)
    assert [limit.take("a") for _ in range(5)] == [0.0] * 5
    assert 0 < limit.take("a") <= 0.1
    assert limit.take("b") == 0.0
    passed = 0
    for _ in range(100):
        await clock.advance(0.05)
        passed += limit.take("a") == 0.0
    assert passed in (50, 51)


async def test_a_flood_of_addresses_does_not_fill_memory() -> None:
    limit = RateLimit(rate=0.001, burst=1, clock=SystemClock())
    for number in range(120_000):
        limit.take(str(number))
    assert len(limit._buckets._full_at) <= 50_000


def test_errors_of_the_core_are_problems() -> None:
    late = from_exception(AlreadyDecided(decided_by="a@b.c", decision="approve"))
    assert (late.status, late.extra) == (409, {"decided_by": "a@b.c", "decision": "approve"})
    assert from_exception(NotYours(held_by="a@b.c")).status == 409
    assert from_exception(BadInput()).status == 422
    away = from_exception(StoreUnavailable())
    assert (away.status, away.headers) == (503, {"Retry-After": "2"})
    surprise = from_exception(RuntimeError("the password is hunter2"))
    assert surprise.status == 500
    assert "hunter2" not in str(surprise.document())


async def test_health_by_part_and_numbers(web: Site) -> None:
    assert await web.call("GET", "/healthz") == (200, {"status": "ok"})
    assert await web.call("GET", "/readyz") == (200, {"status": "ready", "parts": {"store": "ok"}})
    await web.open()
    status, text = await web.call("GET", "/metrics")
    assert status == 200
    line = 'http_requests_total{method="POST",route="/api/conversations",status="201"} 1.0'
    assert line in text


async def test_the_document_describes_every_route_of_the_api(web: Site) -> None:
    status, document = await web.call("GET", "/api/openapi.json")
    assert status == 200
    assert document["openapi"].startswith("3.1")
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    for route in web.routes:
        if not route.page and not route.hidden:
            assert (route.method, route.path) in described
    for item in document["paths"].values():
        for operation in item.values():
            assert "500" in operation["responses"]
            assert any(code.startswith("2") for code in operation["responses"])
    names = re.findall(r'"#/components/schemas/(\w+)"', str(document).replace("'", '"'))
    assert set(names) <= set(document["components"]["schemas"])


@pytest.mark.timeout(300)
async def test_schemathesis_finds_nothing_undocumented(web: Site, tmp_path: Path) -> None:
    conversation_id, visitor = await web.open("How do I reset it?")
    _, chief = await web.staff("chief@example.com", Role.SUPERVISOR)
    config = tmp_path / "schemathesis.toml"
    # Path parameters that exist, so that more than 404 is seen; streams never end by themselves.
    config.write_text(
        f"""
[parameters]
"path.id" = "{conversation_id}"
[[operations]]
include-path-regex = ".*/events$"
enabled = false
""",
        encoding="utf-8",
    )
    program = Path(__file__).parents[3] / ".venv" / "bin" / "schemathesis"
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance,response_headers_conformance"
    )
    for token, pattern in ((visitor, "^/api/conversations"), (chief, "^/(api/(users|me)|.*z$)")):
        process = await asyncio.create_subprocess_exec(
            str(program),
            f"--config-file={config}",
            "run",
            f"{web.url}/api/openapi.json",
            f"--include-path-regex={pattern}",
            f"--header=Authorization: Bearer {token}",
            f"--checks={checks}",
            "--phases=examples,coverage,fuzzing",
            "--mode=all",
            "--max-examples=15",
            "--seed=1",
            "--suppress-health-check=all",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()[-6000:]


async def test_the_events_stream_answers_as_documented(web: Site) -> None:
    _, document = await web.call("GET", "/api/openapi.json")
    operation = document["paths"]["/api/conversations/{id}/events"]["get"]
    assert set(operation["responses"]) >= {"200", "401", "403", "404", "422", "429"}
    assert "text/event-stream" in operation["responses"]["200"]["content"]
    conversation_id, token = await web.open()
    url = f"/api/conversations/{conversation_id}/events"
    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=5)
    async with web.http.get(url, headers=headers, timeout=timeout) as answer:
        assert answer.content_type == "text/event-stream"
