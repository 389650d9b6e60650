"""A supervisor in front of the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from playwright.async_api import Browser, Page

from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from tests.browser.signing_in import by_link

if TYPE_CHECKING:
    from app import App


@asynccontextmanager
async def signed_in_page(
    chromium: Browser, app: App, *, width: int, height: int
) -> AsyncIterator[Page]:
    """A supervisor's page of this size in pixels; fails when its console complained."""
    user = await app.core.accounts.add(OPERATOR, "sara@example.com", role=Role.SUPERVISOR)
    link = await app.core.accounts.issue_link(user, actor=OPERATOR)
    profile = await chromium.new_context(
        locale="en-US", viewport={"width": width, "height": height}
    )
    page = await profile.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.set_default_timeout(20_000)
    await by_link(page, f"{app.core.site.url()}/login/link/{link}")
    yield page
    assert complaints == []
