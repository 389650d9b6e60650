"""All routes of the whole program, an admin's among them, against what the document says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp
import pytest

from core.accounts.rules import Role
from core.accounts.service import OPERATOR

if TYPE_CHECKING:
    from composition import Serving


@pytest.fixture
async def admin(app: Serving) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with an admin's token."""
    user = await app.center.accounts.add(OPERATOR, "ann@example.com", role=Role.ADMIN)
    token = await app.center.accounts.issue_token(user, actor=OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(app.center.base_url, headers=headers) as http:
        yield http


async def test_a_path_takes_the_methods_the_document_gives_it(
    admin: aiohttp.ClientSession,
) -> None:
    async with admin.get("/api/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    for path, operations in paths.items():
        documented = {method.upper() for method in operations}
        # A pattern may fit a path as well that says it all itself, as `search` is no document.
        filled = path.replace("{seq}", "1").replace("deliveries/{id}", "deliveries/c.1")
        filled = filled.replace("{", "").replace("}", "")
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - documented:
            async with admin.request(method, filled) as answer:
                assert answer.status == 405, (method, path)
                assert set(answer.headers["Allow"].split(",")) == documented, (method, path)
