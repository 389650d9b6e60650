"""A revision in the store, by which processes learn that another one has changed something."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from core.errors import StoreUnavailable
from core.storage.client import MongoCollection
from core.storage.errors import store_errors

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
ID = "revision"


class SharedRevision:
    """A number in the store that rises with every change, whoever makes it.

    What others remember is dropped within a second of another process's change.
    """

    def __init__(self, collection: MongoCollection, *, name: str = ID) -> None:
        """`name` is the id of its document in the collection."""
        self._collection = collection
        self._name = name
        self._seen = 0
        self._is_ahead = False
        self._changed = asyncio.Event()
        self._elsewhere: list[Callable[[], Awaitable[None]]] = []

    def on_changed_elsewhere(self, listener: Callable[[], Awaitable[None]]) -> None:
        """Await this when another process has changed it."""
        self._elsewhere.append(listener)

    def changed(self) -> None:
        """We have changed it, and written it down."""
        self._is_ahead = True
        self._changed.set()

    async def tell(self) -> None:
        """Let others know of our changes, if there are any. Raises StoreUnavailable."""
        if not self._is_ahead:
            return
        self._is_ahead = False
        try:
            with store_errors():
                await self._collection.update_one(
                    {"_id": self._name}, {"$inc": {"n": 1}}, upsert=True
                )
        except BaseException:
            self._is_ahead = True
            raise
        self._seen += 1

    async def run(self) -> None:
        """Tell others and hear of them, until cancelled."""
        self._seen = await self._stored()
        while True:
            self._changed.clear()
            try:
                await self.look()
            except StoreUnavailable:
                pass  # nothing can be looked up either
            except Exception:
                log.exception("a change by another process could not be followed")
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Tell what is ours, and follow what is others'. Raises StoreUnavailable."""
        await self.tell()
        stored = await self._stored()
        if stored != self._seen:
            self._seen = stored
            for listener in self._elsewhere:
                await listener()

    async def _stored(self) -> int:
        with store_errors():
            found = await self._collection.find_one({"_id": self._name})
        return int(found["n"]) if found else 0
