"""A Qdrant server's HTTP interface over the client's own engine in memory.

As much of it as the product calls: one node, nothing kept, and no claim to be as fast.
`python -m tests.support.servers.qdrant PORT` serves until it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from qdrant_client import AsyncQdrantClient, models

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class QdrantServer:
    """Answers as Qdrant does; counts the requests by path."""

    def __init__(self) -> None:
        self._engine = AsyncQdrantClient(":memory:")
        self._lock = asyncio.Lock()  # the engine knows nothing of two at once

    def application(self) -> web.Application:
        """What it serves."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        one = "/collections/{name}"
        routes: list[tuple[str, str, Callable[[str, dict[str, Any]], Awaitable[Any]]]] = [
            ("GET", "/collections", self._all),
            ("GET", f"{one}/exists", self._exists),
            ("GET", one, self._describe),
            ("PUT", one, self._create),
            ("DELETE", one, self._drop),
            ("PUT", f"{one}/index", self._index),
            ("PUT", f"{one}/points", self._upsert),
            ("POST", f"{one}/points/delete", self._delete),
            ("POST", f"{one}/points/query/batch", self._query),
            ("POST", f"{one}/points", self._retrieve),
            ("POST", f"{one}/points/scroll", self._scroll),
            ("POST", f"{one}/points/count", self._count),
        ]
        for method, path, work in routes:
            app.router.add_route(method, path, self._answering(work))
        return app

    def _answering(self, work: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.json() if request.can_read_body else {}
            try:
                async with self._lock:
                    result = await work(request.match_info.get("name", ""), body)
            except ValueError as error:
                status = 409 if "already exists" in str(error) else 404
                return web.json_response({"status": {"error": str(error)}}, status=status)
            return web.json_response({"result": _plain(result), "status": "ok", "time": 0.0})

        return handle

    async def _all(self, _name: str, _: dict[str, Any]) -> Any:
        return await self._engine.get_collections()

    async def _exists(self, name: str, _: dict[str, Any]) -> Any:
        return {"exists": await self._engine.collection_exists(name)}

    async def _describe(self, name: str, _: dict[str, Any]) -> Any:
        return await self._engine.get_collection(name)

    async def _create(self, name: str, body: dict[str, Any]) -> Any:
        asked = models.CreateCollection.model_validate(body)
        return await self._engine.create_collection(
            name, vectors_config=asked.vectors, sparse_vectors_config=asked.sparse_vectors
        )

    async def _drop(self, name: str, _: dict[str, Any]) -> Any:
        return await self._engine.delete_collection(name)

    async def _index(self, name: str, body: dict[str, Any]) -> Any:
        del name, body  # it scans
        return _done()

    async def _upsert(self, name: str, body: dict[str, Any]) -> Any:
        asked = models.PointsList.model_validate(body)
        await self._engine.upsert(name, asked.points)
        return _done()

    async def _delete(self, name: str, body: dict[str, Any]) -> Any:
        await self._engine.delete(name, models.FilterSelector.model_validate(body))
        return _done()

    async def _query(self, name: str, body: dict[str, Any]) -> Any:
        asked = models.QueryRequestBatch.model_validate(body)
        return await self._engine.query_batch_points(name, asked.searches)

    async def _retrieve(self, name: str, body: dict[str, Any]) -> Any:
        return await self._engine.retrieve(name, body["ids"], with_payload=True)

    async def _scroll(self, name: str, body: dict[str, Any]) -> Any:
        asked = models.ScrollRequest.model_validate(body)
        points, after = await self._engine.scroll(
            name,
            scroll_filter=asked.filter,
            limit=asked.limit or 10,
            offset=asked.offset,
            with_payload=True,
            with_vectors=asked.with_vector or False,
        )
        return {"points": points, "next_page_offset": after}

    async def _count(self, name: str, _: dict[str, Any]) -> Any:
        return await self._engine.count(name, exact=True)


def _done() -> Any:
    return {"operation_id": 1, "status": "completed"}


def _plain(result: Any) -> Any:
    if isinstance(result, BaseModel):
        return result.model_dump(mode="json")
    if isinstance(result, dict):
        return {name: _plain(value) for name, value in result.items()}
    if isinstance(result, list):
        return [_plain(value) for value in result]
    return result


@asynccontextmanager
async def qdrant_server(port: int = 0) -> AsyncIterator[str]:
    """It serves; gives its address."""
    runner = web.AppRunner(QdrantServer().application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _serve(port: int) -> None:
    async with qdrant_server(port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1])))
