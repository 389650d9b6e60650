"""The site on the test's own store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.storage.client import Database
from tests.support.site import Site, site


@pytest.fixture
async def web(db: Database) -> AsyncIterator[Site]:
    """A site with generous limits, as in production."""
    async with site(db) as served:
        yield served
