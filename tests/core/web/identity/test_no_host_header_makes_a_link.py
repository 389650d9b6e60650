"""What a request calls us stands in no answer: links lead where the operator says we are."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import aiohttp

from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.web.http.routing import Access
from tests.support.access.doors import filled, name_of
from tests.support.process import PRODUCT, ROOT

if TYPE_CHECKING:
    from app import App

EVIL = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Original-URL": "https://evil.example/",
    "Forwarded": "host=evil.example;proto=https",
}
READERS = {
    "core/web/http/security.py": 1,  # whether an Origin is the page's own
    "core/console/operators.py": 1,  # whether this machine is meant
    "plugins/console/api.py": 1,  # an address that a vendor may have signed; it is only compared
}
"""Where the header is read, and how often: a new one is added knowingly or not at all."""


async def test_in_no_answer_of_any_route(app: App) -> None:
    accounts = app.core.accounts
    ann = await accounts.add(OPERATOR, "ann@example.com", role=Role.ADMIN)
    token = await accounts.issue_token(ann, actor=OPERATOR)
    headers = {**EVIL, "Authorization": f"Bearer {token}"}
    values = {"email": ann.email, "token": "x", "code": "ko", "lang": "en", "page": "start"}
    timeout = aiohttp.ClientTimeout(total=90)
    asked = 0
    async with aiohttp.ClientSession(app.core.site.url(), timeout=timeout) as http:
        for route in app.web.routes:
            if route.stream or route.access is Access.PROVIDER or "everywhere" in route.path:
                continue
            path = filled(route.path, lambda name: values.get(name, "nosuchthing"))
            body: dict[str, str] | None = None if route.form or route.method == "GET" else {}
            async with http.request(
                route.method, path, headers=headers, allow_redirects=False, json=body
            ) as answer:
                said = await answer.read() + str(answer.headers).encode()
            asked += 1
            assert b"evil.example" not in said, name_of(route)
        path = f"/api/users/{ann.email}/link"
        async with http.post(path, headers=headers) as made:
            assert (await made.json())["url"].startswith(f"{app.core.site.url()}/login/link/")
    assert asked > 80


def test_nobody_else_reads_it() -> None:
    found: dict[str, int] = {}
    for folder in PRODUCT:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                named = isinstance(node, ast.Constant) and str(node.value).lower() in (
                    "host", "x-forwarded-host", "x-forwarded-proto",
                )  # fmt: skip
                asked = (
                    isinstance(node, ast.Attribute)
                    and node.attr in ("host", "url")
                    and isinstance(node.value, ast.Name)
                    and node.value.id == "request"
                )
                header = named and _is_header(file.read_text(), node)
                if asked or header:
                    where = str(file.relative_to(ROOT))
                    found[where] = found.get(where, 0) + 1
    found.pop("channels/sms/webhooks.py", None)  # the channels' request, not aiohttp's
    assert found == READERS


def _is_header(source: str, node: ast.AST) -> bool:
    line = source.splitlines()[node.lineno - 1]  # type: ignore[attr-defined]
    return "headers" in line
