"""Several processes of one installation in this one: whole applications, one store and Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from app import App, serving
from config.settings import read_settings
from core.cluster.model import Role
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from tests.support.cluster import SECRET_KEY, Redis
from tests.support.servers.qdrant import qdrant_server


@asynccontextmanager
async def many_apps(
    db: Database,
    mongo_uri: str,
    folder: Path,
    *roles: Role,
    settings: Mapping[str, str] | None = None,
    guide: Path | None = None,
) -> AsyncIterator[Sequence[App]]:
    """One of each of these roles, started; all hear each other's hints."""
    async with AsyncExitStack() as stack:
        redis = Redis(folder / "redis")
        await redis.start()
        stack.push_async_callback(redis.kill)
        shared = {
            "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
            "QDRANT_URL": await stack.enter_async_context(qdrant_server()),
            "REDIS_URL": redis.url,
            "SECRET_KEY": SECRET_KEY,
            "PUBLIC_URL": "http://127.0.0.1",
            "PORT": "0",
            **(settings or {}),
        }
        made: list[App] = []
        for number, role in enumerate(roles, 1):
            own = folder / f"{role.value}-{number}"
            own.mkdir(mode=0o700, parents=True)
            wishes = read_settings({**shared, "DATA_DIR": str(own)})
            app = serving(wishes, DataDir(own), store=None, guide=guide, role=role)
            made.append(await stack.enter_async_context(app))
        async with asyncio.timeout(60):
            while not all(one.hints is not None and one.hints.is_up for one in made):
                await asyncio.sleep(0.01)
        yield made
