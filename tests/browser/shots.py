"""Pictures of pages for the documents: taken where `SHOTS` names a folder for them."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import Page

SHOTS = os.environ.get("SHOTS", "")


async def shot(page: Page, name: str, *, whole: bool = True) -> None:
    """The page as it is now, down to its end or only what the screen shows."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=whole)
