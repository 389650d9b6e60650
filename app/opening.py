"""Opens the store and what stands on it, for a command or to serve; and closes it again."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from app.app import App
from config.settings import Settings
from core.cluster.model import Role
from core.cluster.settings import is_cluster
from core.engine.ports import Responder
from core.runtime.control_socket import ControlServer, socket_path
from core.runtime.data_dir import DataDir
from core.runtime.shipped import GUIDE
from core.runtime.version import SCHEMA
from core.storage.client import open_database, refuse_weaker
from core.storage.embedded import EmbeddedStore
from core.storage.indexes import ensure_indexes
from core.storage.stored_format import admit, agree

#: Seconds for which a thread that computes keeps the others waiting: a search or a channel being
#: imported would hold up every message by Python's usual 5 ms, again and again.
TURN = 0.00005


@asynccontextmanager
async def opened(
    settings: Settings,
    data_dir: DataDir,
    *,
    store: EmbeddedStore | None,
    guide: Path | None = GUIDE,
    responder: Responder | None = None,
    role: Role = Role.ALL,
) -> AsyncIterator[App]:
    """The application at rest on a data directory that the caller holds; `store` is launched.

    `guide` is the folder of the product's guide; without it there is no Help, no demonstration.
    `responder` answers in place of the one that the settings ask for.
    """
    async with AsyncExitStack() as stack:
        uri = settings.store.mongodb_uri or ""
        if store is not None:
            stack.push_async_callback(store.stop)
            await store.start()
            uri = store.uri
        else:
            refuse_weaker(uri)
        db = await open_database(uri)
        stack.push_async_callback(db.client.close)
        await admit(db)
        await ensure_indexes(db)
        beats = None
        if not is_cluster(settings):
            await agree(db, SCHEMA)  # of many processes the members find out what all of them know
        else:
            beats = await open_database(uri)
            stack.push_async_callback(beats.client.close)
        app = App(
            settings,
            data_dir,
            db,
            store=store,
            guide=guide,
            responder=responder,
            role=role,
            beats=beats,
        )
        await stack.enter_async_context(app.closing)
        yield app


@asynccontextmanager
async def serving(
    settings: Settings,
    data_dir: DataDir,
    *,
    store: EmbeddedStore | None,
    guide: Path | None = GUIDE,
    responder: Responder | None = None,
    role: Role = Role.ALL,
) -> AsyncIterator[App]:
    """Everything running, on a data directory that the caller holds.

    `guide` and `responder` are as in `opened`.
    """
    sys.setswitchinterval(TURN)
    async with opened(
        settings, data_dir, store=store, guide=guide, responder=responder, role=role
    ) as app:
        control = ControlServer(app.commands(), path=socket_path(data_dir.path))
        try:
            await app.start()
            await control.start()
            yield app
        finally:
            await control.stop()
            await app.stop()
