"""The thread that embeds: no text holds it up for long, and a stop does not wait for its queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from config.settings import read_settings
from core.rag.knowledge_base.rag import Rag
from core.rag.vectors.embeddings import BundledEncoder, ThreadEmbedder
from core.rag.vectors.encoder import Matrix
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database


@pytest.mark.no_cover  # a tracer would be what takes the time
def test_a_flood_of_words_costs_little_more_than_a_letter() -> None:
    encoder = BundledEncoder()
    letter = "How do I reach the people who repair bicycles? " * 20
    flood = "How do I reach the people who repair bicycles? " * 170

    def spent(text: str) -> float:
        began = time.process_time()
        encoder.questions([text])
        encoder.passages([text])
        return time.process_time() - began

    spent("warm")
    usual = spent(letter)
    assert spent(flood) < 4 * usual
    assert spent("0" * 20_000) < 4 * usual


def test_of_a_long_text_the_beginning_and_the_end_count() -> None:
    encoder = BundledEncoder()
    story = "It was a long and rainy day at the office. " * 100
    plain, ending, beginning = encoder.questions(
        [story, story + "How do I return my shoes?", "How do I return my shoes? " + story]
    )
    [wanted] = encoder.questions(["How do I return my shoes?"])
    for asking in (ending, beginning):
        assert float(np.dot(asking, wanted)) > float(np.dot(plain, wanted))


class CountingEncoder(BundledEncoder):
    """The bundled model, which counts what it is asked and fails the first `broken` times."""

    def __init__(self, *, broken: int = 0) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.broken = broken

    def questions(self, texts: Sequence[str]) -> Matrix:
        self.asked += texts
        if self.broken:
            self.broken -= 1
            raise RuntimeError("no memory left")
        return super().questions(texts)


async def test_a_question_on_its_way_is_computed_once_for_all_who_ask() -> None:
    encoder = CountingEncoder()
    with ThreadPoolExecutor(max_workers=1) as thread:
        embedder = ThreadEmbedder(encoder, thread)
        embedder.foresee("How do I return my shoes?")
        vectors = await asyncio.gather(
            *(embedder.question("How do I return my shoes?") for _ in range(5))
        )
        embedder.foresee("How do I return my shoes?")
    assert encoder.asked == ["How do I return my shoes?"]
    assert all(np.array_equal(vectors[0], vector) for vector in vectors)


async def test_one_who_gives_up_waiting_takes_nothing_from_the_others() -> None:
    with ThreadPoolExecutor(max_workers=1) as thread:
        embedder = ThreadEmbedder(CountingEncoder(), thread)
        hasty, patient = (asyncio.create_task(embedder.question("Where?")) for _ in range(2))
        await asyncio.sleep(0)
        hasty.cancel()
        assert (await patient).shape == (384,)
    assert hasty.cancelled()


async def test_what_failed_when_it_was_foreseen_is_computed_when_it_is_asked() -> None:
    encoder = CountingEncoder(broken=1)
    with ThreadPoolExecutor(max_workers=1) as thread:
        embedder = ThreadEmbedder(encoder, thread)
        embedder.foresee("Where?")
        while len(encoder.asked) < 1 or encoder.broken:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert (await embedder.question("Where?")).shape == (384,)
    assert encoder.asked == ["Where?", "Where?"]


async def test_a_stop_waits_for_one_text_and_not_for_the_queue(
    db: Database, tmp_path: Path, clock: ManualClock
) -> None:
    async with AsyncExitStack() as stack:
        rag = Rag(stack, vectors=read_settings({}).vectors, data_dir=tmp_path, db=db, clock=clock)
        await rag.open()
        texts = [f"Question {n} of a long queue of questions. " * 20 for n in range(12)]
        asked = [asyncio.create_task(rag.embedder.question(text)) for text in texts]
        await asyncio.sleep(0)
        await stack.aclose()
    done, _ = await asyncio.wait(asked, timeout=30)
    assert len(done) == 12
    assert sum(task.cancelled() for task in asked) >= 10
