"""One process of many, whose answers take 20 ms of one thread each, as embedding does, or what
they take."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from app import serving
from bench.servers.constant import DRAFT
from config.settings import read_settings
from core.cluster.model import Role
from core.domain.drafts import Draft, Question, Turn
from core.engine.ports import OnDelta
from core.runtime.data_dir import DataDir
from core.runtime.shipped import GUIDE
from core.storage.embedded import EmbeddedStore

EMBEDDING_SECONDS = 0.02


class AsSlowAsEmbedding:
    """Answers everything alike after a sleep; one question after the other."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Nothing to prepare."""

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        """See `core.engine.ports.Responder`."""
        del question, on_delta
        async with self._turn:
            await asyncio.sleep(EMBEDDING_SECONDS)
        return DRAFT

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """Nothing to prepare."""


async def serve(role: Role, folder: Path, more: dict[str, str], *, sleeps: bool) -> None:
    """Serve until killed."""
    settings = read_settings({**more, "DATA_DIR": str(folder)})
    data_dir = DataDir(folder)
    data_dir.prepare()
    store = None
    if settings.store.mongodb_uri is None:
        store = EmbeddedStore(folder)
        store.launch()
    async with serving(
        settings,
        data_dir,
        store=store,
        guide=None if sleeps else GUIDE,
        responder=AsSlowAsEmbedding() if sleeps else None,
        role=role,
    ):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    role, folder, given, sleeps = sys.argv[1:]
    uvloop.run(serve(Role(role), Path(folder), json.loads(given), sleeps=sleeps == "sleeps"))
