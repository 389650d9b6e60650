"""The site on the test's own store, as the tests of the frame have it."""

from __future__ import annotations

from tests.core.conftest import web

__all__ = ["web"]
