"""The shop that shows the chat's widget."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browser.chat.shop import Shop
from tests.browser.site import Site


@pytest.fixture
async def shop(site: Site) -> AsyncIterator[Shop]:
    """A stranger's site, serving."""
    serving = Shop(site.url)
    await serving.open()
    yield serving
    await serving.close()
