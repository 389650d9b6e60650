"""All routes of the whole program, an admin's among them, against what the document says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from core.accounts.rules import Role
from core.accounts.service import OPERATOR

if TYPE_CHECKING:
    from composition import Serving

SECONDS = 20  #: of trying; whoever doubts lets `schemathesis run` go on for as long as he likes


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


@pytest.mark.timeout(120)
async def test_schemathesis_finds_no_answer_undocumented(app: Serving, tmp_path: Path) -> None:
    user = await app.center.accounts.add(OPERATOR, "ann@example.com", role=Role.ADMIN)
    token = await app.center.accounts.issue_token(user, actor=OPERATOR)
    program = Path(__file__).parents[3] / ".venv" / "bin" / "schemathesis"
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance,response_headers_conformance,unsupported_method"
    )
    process = await asyncio.create_subprocess_exec(
        str(program),
        "run",
        f"{app.center.base_url}/api/openapi.json",
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
