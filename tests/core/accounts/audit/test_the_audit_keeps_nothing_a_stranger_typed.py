"""Whatever strangers type at any public door, the chain that cannot forget keeps none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from pydantic import BaseModel

from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.web.http.routing import Access, Route
from tests.support.access.doors import filled

if TYPE_CHECKING:
    from app import App

TYPED = "customer-7f3a"
PASSWORD = "correct horse battery"


def given(model: type[BaseModel] | None) -> dict[str, str]:
    """Each text field filled with what somebody types."""
    fields = model.model_fields if model else {}
    return dict.fromkeys(fields, f"{TYPED}@example.org")


async def knock(http: aiohttp.ClientSession, route: Route) -> int:
    path = filled(route.path, lambda _: TYPED)
    headers = {"User-Agent": TYPED, "Referer": f"https://{TYPED}/", "X-Forwarded-For": TYPED}
    sent = given(route.body)
    as_json = route.method != "GET" and not route.form
    async with http.request(
        route.method,
        path,
        headers=headers,
        allow_redirects=False,
        params=given(route.query),
        data=sent if route.form else None,
        json=sent if as_json else None,
    ) as answer:
        return answer.status


async def test_at_every_public_door(app: App) -> None:
    mina = await app.core.accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT)
    await app.core.accounts.set_password(mina, PASSWORD)
    async with aiohttp.ClientSession(app.core.site.url()) as http:
        for route in app.web.routes:
            if route.access in (Access.PUBLIC, Access.PROVIDER) and not route.stream:
                await knock(http, route)
        for email in (
            f"{TYPED}@example.org",
            TYPED,
            f"{TYPED}\u0430@example.org",
            "mina@example.com",
        ):
            for path in ("/login", "/login/mail"):
                form = {"email": email, "next": ""}
                if path == "/login":
                    form["password"] = TYPED
                async with http.post(path, data=form) as answer:
                    assert answer.status in (200, 401, 404)
    entries = await app.db["audit"].find({}).to_list()
    assert TYPED not in str(entries)
    refused = [entry["who"] for entry in entries if entry["what"] == "sign_in.refused"]
    # A colleague's own account is named, because somebody tries to get into it.
    assert set(refused) == {"somebody", "mina@example.com"}
