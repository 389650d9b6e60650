"""Opens the store and what stands on it, for a command or to serve; and closes it again."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from composition.center import Center
from composition.live import Serving
from composition.program import GUIDE
from config.settings import Settings
from core.control import ControlServer, socket_path
from core.data_dir import DataDir
from core.ports import Responder
from core.storage.client import open_database
from core.storage.embedded import EmbeddedStore
from core.storage.indexes import ensure_indexes

#: Seconds for which a thread that computes keeps the others waiting: a search or a channel being
#: imported would hold up every message by Python's usual 5 ms, again and again.
TURN = 0.00005


@asynccontextmanager
async def opened(
    settings: Settings, data_dir: DataDir, *, store: EmbeddedStore | None
) -> AsyncIterator[Center]:
    """The center on this data directory, which the caller holds; `store` is already launched."""
    async with AsyncExitStack() as stack:
        uri = settings.store.mongodb_uri or ""
        if store is not None:
            stack.push_async_callback(store.stop)
            await store.start()
            uri = store.uri
        db = await open_database(uri)
        stack.push_async_callback(db.client.close)
        await ensure_indexes(db)
        center = Center(settings, data_dir, db, store=store)
        await stack.enter_async_context(center.closing)
        yield center


@asynccontextmanager
async def serving(
    settings: Settings,
    data_dir: DataDir,
    *,
    store: EmbeddedStore | None,
    guide: Path | None = GUIDE,
    responder: Responder | None = None,
) -> AsyncIterator[Serving]:
    """Everything running, on a data directory that the caller holds.

    When nothing is known yet, the guide is taken in, in the background. `responder` answers in
    place of the one that the settings ask for.
    """
    sys.setswitchinterval(TURN)
    async with opened(settings, data_dir, store=store) as center:
        live = center.live = Serving(center, await center.rag(), responder=responder)
        control = ControlServer(center.commands(), path=socket_path(data_dir.path))
        try:
            await live.start(guide=guide)
            await control.start()
            yield live
        finally:
            await control.stop()
            await live.stop()
