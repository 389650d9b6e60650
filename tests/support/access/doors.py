"""The doors of the running center: how anybody comes in, and what he hears when he knocks."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp

from app import App
from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR
from core.web.http.routing import Route


def filled(path: str, value: Callable[[str], str]) -> str:
    """The path with each {name:pattern} replaced; patterns may hold braces themselves."""
    out, depth, inside = [], 0, ""
    for char in path:
        if char == "{":
            depth += 1
        if depth:
            inside += char
        else:
            out.append(char)
        if char == "}":
            depth -= 1
            if not depth:
                out.append(value(inside[1:-1].partition(":")[0]))
                inside = ""
    return "".join(out)


def name_of(route: Route) -> str:
    """The route as the documentation writes it."""
    return f"{route.method} {filled(route.path, lambda name: f'{{{name}}}')}"


def is_page(route: Route) -> bool:
    """Whether a stranger is led to the sign-in page instead of refused."""
    return route.page and route.method == "GET"


async def door(
    app: App, users: dict[Role, User], who: Role | str, face: str, visitor: str
) -> dict[str, str]:
    """The headers by which somebody comes; a new door each time, for some routes close it."""
    if who == "anonymous":
        return {}
    if who == "visitor":
        if face == "api":
            return {"Authorization": f"Bearer {visitor}"}
        return {"Cookie": f"visitor={visitor}; session={visitor}"}
    assert isinstance(who, Role)
    user = users[who]
    if face == "api":
        token = await app.core.accounts.issue_token(user, actor=OPERATOR)
        return {"Authorization": f"Bearer {token}"}
    cookie = await app.access.open(user, address="127.0.0.1", browser="test")
    session = await app.access.by_session(cookie, is_activity=False)
    assert session is not None
    return {"Cookie": f"session={cookie}", "X-CSRF-Token": session.csrf}


async def knock(
    http: aiohttp.ClientSession,
    route: Route,
    headers: dict[str, str],
    *,
    conversation: str = "nosuchthing",
) -> int:
    """The status; the body is what the route wants as little as possible."""
    ids = {"id": conversation, "seq": "1", "file": "1-0"}
    if route.path.startswith("/api/deliveries"):
        ids["id"] = "nosuchthing.1"
    path = filled(route.path, lambda name: ids.get(name, "nosuchthing"))
    sent = dict(headers)
    data = None
    if route.method not in ("GET", "HEAD"):
        sent["Content-Type"] = "application/x-www-form-urlencoded" if route.form else ""
        if not route.form:
            sent["Content-Type"] = "application/json"
            data = b"{}"
    async with http.request(
        route.method, path, headers=sent, data=data, allow_redirects=False
    ) as answer:
        return answer.status
