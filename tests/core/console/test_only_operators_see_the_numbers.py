"""`/metrics` and the parts of `/readyz`: by token, on a port of their own, else from here only."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from app import serving
from config.settings import read_settings
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from core.web.http.settings import WebSettings
from tests.support.site import SECRET, Site, site

TOKEN = "a token for the numbers"


async def seen(web: Site, **headers: str) -> tuple[int, bool]:
    """The status of `/metrics`, and whether `/readyz` names its parts."""
    status, _ = await web.call("GET", "/metrics", headers=headers)
    ready, answer = await web.call("GET", "/readyz", headers=headers)
    assert (ready, answer["status"]) == (200, "ready")
    return status, "parts" in answer


PASSED_ON = (
    {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-Proto": "https"}, {"X-Forwarded-Host": "help.example.com"},
    {"Forwarded": "for=127.0.0.1"}, {"X-Real-IP": "127.0.0.1"}, {"Via": "1.1 proxy"},
    {"X-Forwarded-Whatever": "x"},
)  # fmt: skip


async def test_with_neither_only_from_this_machine(web: Site) -> None:
    assert await seen(web) == (200, True)
    for headers in PASSED_ON:
        assert await seen(web, **headers) == (403, False), headers
    # A page of another site, whose name was made to lead here.
    for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "10.0.0.1"):
        assert await seen(web, Host=host) == (403, False), host
    for host in ("localhost", "localhost:8080", "127.0.0.1", "[::1]:8080"):
        assert await seen(web, Host=host) == (200, True), host


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (WebSettings(secret_key=SECRET, trusted_proxies=("127.0.0.1",)), (200, True)),
        # A web server that says nothing may be in front: everybody would come from here.
        (WebSettings(secret_key=SECRET, public_url="https://help.example.com"), (403, False)),
        (WebSettings(secret_key=SECRET, public_url="http://127.0.0.1:8080"), (200, True)),
        (
            WebSettings(
                secret_key=SECRET,
                public_url="https://help.example.com",
                trusted_proxies=("127.0.0.1",),
            ),
            (200, True),
        ),
        (WebSettings(secret_key=SECRET, metrics_port=9), (403, False)),
    ],
)
async def test_by_address(db: Database, settings: WebSettings, expected: tuple[int, bool]) -> None:
    async with site(db, settings=settings) as web:
        assert await seen(web) == expected
        visitor = {"X-Forwarded-For": "203.0.113.9"}
        assert await seen(web, **visitor) == (403, False)


async def test_by_token_from_anywhere(db: Database) -> None:
    async with site(db, settings=WebSettings(secret_key=SECRET, metrics_token=TOKEN)) as web:
        for headers in ({}, *PASSED_ON):
            assert await seen(web, **headers) == (401, False)
            assert await seen(web, **headers, Authorization=f"Bearer {TOKEN}") == (200, True)
        for wrong in (f"Bearer {TOKEN}x", "Bearer ", "Bearer", TOKEN, f"Basic {TOKEN}", "bearer é"):
            assert await seen(web, Authorization=wrong) == (401, False), wrong
        async with web.http.get("/metrics") as answer:
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert (await web.call("GET", "/healthz"))[0] == 200


async def test_on_a_port_of_their_own(db: Database, mongo_uri: str, tmp_path: Path) -> None:
    settings = read_settings(
        {
            "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
            "DATA_DIR": str(tmp_path),
            "PORT": "0",
            "METRICS_PORT": "0",
        }
    )
    async with serving(settings, DataDir(tmp_path), store=None, guide=None) as live:
        public, own = live.core.site.url(), f"http://127.0.0.1:{live.operator_port.port}"
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{own}/metrics") as answer:
                assert answer.status == 200
                assert "http_requests" in await answer.text()
            async with http.get(f"{own}/readyz") as answer:
                assert set((await answer.json())["parts"]) == {
                    "store",
                    "disk",
                    "vectors",
                    "web chat",
                }
            for path in ("/", "/login", "/api/me"):
                async with http.get(own + path) as answer:
                    assert answer.status == 404
            async with http.get(f"{public}/metrics") as answer:
                assert answer.status == 403
            async with http.get(f"{public}/readyz") as answer:
                assert await answer.json() == {"status": "ready"}
