"""Our whole path with an answerer that costs nothing: what the promises alone cost."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvloop

from app import serving
from bench.peers import MANY_PEOPLE
from config.settings import read_settings
from core.domain.drafts import Draft, Question, Turn
from core.domain.messages import Citation
from core.engine.ports import OnDelta
from core.runtime.data_dir import DataDir
from core.storage.embedded import EmbeddedStore

DRAFT = Draft(
    text="Open Settings, press Reset, and follow the link in the mail.",
    citations=(Citation(id="p1", title="Reset", url="https://example.com/reset"),),
    confidence=1.0,
    answerer="constant",
)


class Constant:
    """Answers everything alike, at once."""

    async def start(self) -> None:
        """Nothing to prepare."""

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        """See `core.engine.ports.Responder`."""
        del question, on_delta
        return DRAFT

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """Nothing to prepare."""


async def serve(port: int, folder: Path, more: Mapping[str, str]) -> None:
    """Serve until killed."""
    settings = read_settings(
        {
            "PORT": str(port),
            "DATA_DIR": str(folder),
            # One address and few conversations stand for many people here.
            "ASSISTANT_TURNS": "1000000000",
            "RATE_PER_ADDRESS": "1000000",
            "RATE_PER_CONVERSATION": "1000000",
            **MANY_PEOPLE,
            **more,
        }
    )
    data_dir = DataDir(folder)
    data_dir.prepare()
    store = EmbeddedStore(folder)
    store.launch()
    async with serving(settings, data_dir, store=store, guide=None, responder=Constant()):
        gc.collect()
        gc.freeze()  # as `bot.py run` does
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[3]).read_text()) if len(sys.argv) > 3 else {}
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]), given))
