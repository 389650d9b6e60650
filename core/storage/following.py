"""Follows what other processes write, for settings that hold in every process within a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from core.errors import StoreUnavailable

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5  #: between two looks


async def follow(look: Callable[[], Awaitable[Any]], *, name: str, is_alone: bool) -> None:
    """Look again and again; with `is_alone`, where no other process writes, once.

    While the store is away everything stays as it was last read.
    """
    while True:
        try:
            await look()
            if is_alone:
                return
        except StoreUnavailable:
            log.info("%s could not be read; what was read last goes on to hold", name)
        await asyncio.sleep(LOOK_SECONDS)
