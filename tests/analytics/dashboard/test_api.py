"""The dashboard's API over HTTP: who may ask, what is answered, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from core.accounts.roles import Role
from core.accounts.service import OPERATOR

if TYPE_CHECKING:
    from app import App


async def get(app: App, path: str, role: Role | None) -> tuple[int, Any]:
    """Status and JSON."""
    headers = {}
    if role is not None:
        user = await app.core.accounts.add(OPERATOR, f"{role}@example.com", role=role)
        token = await app.core.accounts.issue_token(user, actor=OPERATOR)
        headers["Authorization"] = f"Bearer {token}"
    async with (
        aiohttp.ClientSession(app.core.site.url(), headers=headers) as http,
        http.get(path) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


async def test_what_customers_did_is_counted_at_once(app: App) -> None:
    async with aiohttp.ClientSession(app.core.site.url()) as http:
        for text in ("Where is my order?", "I want a refund"):
            async with http.post("/api/conversations", json={"text": text}) as answer:
                assert answer.status == 201
    status, found = await get(app, "/api/dashboard/summary", Role.SUPERVISOR)
    assert status == 200
    assert found["conversations"] == 2
    assert found["channels"] == {"web": 2}
    status, series = await get(
        app, "/api/dashboard/timeseries?metric=conversations&interval=hour", Role.ADMIN
    )
    assert status == 200
    assert sum(p["value"] for p in series["points"]) == 2
    today = datetime.now(UTC).date()
    user = await app.core.accounts.find("supervisor@example.com")
    token = await app.core.accounts.issue_token(user, actor=OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(app.core.site.url(), headers=headers) as http,
        http.get(f"/api/reports/daily/{today}") as answer,
    ):
        assert (await answer.json())["conversations"] == 2
    tomorrow = today + timedelta(days=1)
    async with (
        aiohttp.ClientSession(app.core.site.url(), headers=headers) as http,
        http.get(f"/api/dashboard/summary?from={tomorrow}&to={tomorrow}T01:00:00Z") as answer,
    ):
        assert (await answer.json())["conversations"] == 0


@pytest.mark.parametrize(
    ("path", "role", "status"),
    [
        ("/api/dashboard/summary", None, 401),
        ("/api/dashboard/summary", Role.AGENT, 403),
        ("/api/dashboard/summary?from=yesterday", Role.SUPERVISOR, 422),
        ("/api/dashboard/timeseries?metric=nonsense", Role.SUPERVISOR, 422),
        ("/api/reports/daily/2026-13-01", Role.SUPERVISOR, 422),
        ("/api/reports/daily/2026-01-01", Role.AGENT, 403),
    ],
)
async def test_refusals(app: App, path: str, role: Role | None, status: int) -> None:
    assert (await get(app, path, role))[0] == status


@pytest.mark.parametrize("topic", ["a~b", "배송과 환불 " * 25, "x" * 200])
async def test_behind_a_number_is_the_inbox_whatever_the_topic_is_called(
    app: App, topic: str
) -> None:
    user = await app.core.accounts.add(OPERATOR, "s@example.com", role=Role.SUPERVISOR)
    token = await app.core.accounts.issue_token(user, actor=OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(app.core.site.url(), headers=headers) as http,
        http.get("/console/dashboard/conversations", params={"topic": topic}) as answer,
    ):
        assert (answer.status, answer.url.path) == (200, "/console/conversations")
        assert "Behind the number" in await answer.text()
