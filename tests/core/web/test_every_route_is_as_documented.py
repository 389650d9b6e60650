"""All routes of the whole program, an admin's among them, against what the document says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.web import openapi

pytestmark = pytest.mark.long

if TYPE_CHECKING:
    from app import App

SECONDS = 20  #: of trying; whoever doubts lets `schemathesis run` go on for as long as he likes


@pytest.fixture
async def admin(app: App) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with an admin's token."""
    user = await app.core.accounts.add(OPERATOR, "ann@example.com", role=Role.ADMIN)
    token = await app.core.accounts.issue_token(user, actor=OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(app.core.site.url(), headers=headers) as http:
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
        filled = filled.replace("{file}", "1-0").replace("{", "").replace("}", "")
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - documented:
            async with admin.request(method, filled) as answer:
                assert answer.status == 405, (method, path)
                assert set(answer.headers["Allow"].split(",")) == documented, (method, path)


async def test_no_route_repeats_what_the_frame_says_by_itself(app: App) -> None:
    repeated = {
        (route.method, route.path, status)
        for route in app.web.routes
        for status, model in route.responses.items()
        if model is None and status in openapi.refusals(route)
    }
    assert repeated == set()


@pytest.mark.timeout(120)
async def test_schemathesis_finds_no_answer_undocumented(app: App, tmp_path: Path) -> None:
    user = await app.core.accounts.add(OPERATOR, "ann@example.com", role=Role.ADMIN)
    token = await app.core.accounts.issue_token(user, actor=OPERATOR)
    program = Path(__file__).parents[3] / ".venv" / "bin" / "schemathesis"
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance,response_headers_conformance,unsupported_method"
    )
    process = await asyncio.create_subprocess_exec(
        str(program),
        "run",
        f"{app.core.site.url()}/api/openapi.json",
        # Streams never end; the tests of a plugin and an erasure would outlast us; what visitors
        # and users do is tried longer in test_frame.
        "--include-path-regex=^/(api/(approvals|knowledge|dashboard|reports|deliveries|plugins"
        "|privacy/export|openapi)|webhooks)",
        "--exclude-path-regex=/test$",
        f"--header=Authorization: Bearer {token}",
        f"--checks={checks}",
        "--phases=coverage",
        "--mode=all",
        f"--max-time={SECONDS}",
        "--workers=1",  # Python 3.11 counts the depth of its parser once for all threads
        "--seed=1",
        "--suppress-health-check=all",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()[-6000:]
