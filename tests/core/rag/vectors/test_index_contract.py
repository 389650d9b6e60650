"""What every vector index promises, held by each adapter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.errors import SetupError
from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Passage
from core.rag.vectors.encoder import Vector
from core.rag.vectors.index import Field, Point, VectorIndex
from core.rag.vectors.lexical import SparseVector, document_vector, query_vector
from core.rag.vectors.qdrant_edge import EdgeIndex

pytestmark = pytest.mark.apart


def unit(seed: int) -> Vector:
    vector = np.random.default_rng(seed).normal(size=384).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def passage(article: str, *, topic: str = "", text: str = "text") -> Passage:
    return Passage(
        id=f"{article}#0", article_id=article, title=f"Title {article}", heading="", text=text,
        topic=topic, locale="en",
    )  # fmt: skip


def points(article: str, seed: int, words: str, *, topic: str = "") -> list[Point]:
    own = passage(article, topic=topic, text=words)
    sparse = document_vector(words, usual_length=8)
    return [
        Point(passage=own, dense=unit(seed), sparse=sparse),
        Point(passage=own, question=words, learned=True, dense=unit(seed), sparse=sparse),
    ]


async def test_every_field_is_searched_apart(index: VectorIndex) -> None:
    await index.upsert([*points("a", 1, "refund money"), *points("b", 2, "open hours")])
    found = await index.search(unit(1), query_vector("hours"), limit=5)
    assert found[Field.QUESTION][0].payload["article_id"] == "a"
    assert found[Field.QUESTION][0].score == pytest.approx(1.0, abs=1e-3)
    assert [m.payload["article_id"] for m in found[Field.QUESTION_WORDS]] == ["b"]
    assert [m.payload["text"] for m in found[Field.TEXT_WORDS]] == ["open hours"]
    assert all("question" in m.payload for m in found[Field.QUESTION])
    assert all("text" in m.payload for m in found[Field.TEXT])


async def test_a_rare_word_counts_more_than_a_common_one(index: VectorIndex) -> None:
    for number in range(6):
        await index.upsert(points(f"c{number}", number, "card"))
    await index.upsert(points("rare", 9, "stolen"))
    found = await index.search(unit(99), query_vector("stolen card"), limit=10)
    assert found[Field.TEXT_WORDS][0].payload["article_id"] == "rare"


async def test_a_question_without_words_is_searched_by_meaning(index: VectorIndex) -> None:
    await index.upsert(points("a", 1, "refund"))
    found = await index.search(unit(1), SparseVector(), limit=5)
    assert found[Field.TEXT][0].payload["article_id"] == "a"
    assert list(found[Field.TEXT_WORDS]) == []


async def test_topics_filter(index: VectorIndex) -> None:
    await index.upsert([*points("a", 1, "refund", topic="x"), *points("b", 1, "refund", topic="y")])
    found = await index.search(unit(1), query_vector("refund"), limit=5, topic="y")
    assert {m.payload["article_id"] for matches in found.values() for m in matches} == {"b"}


async def test_the_same_points_again_change_nothing(index: VectorIndex) -> None:
    await index.upsert(points("a", 1, "refund"))
    await index.upsert(points("a", 1, "refund"))
    assert await index.count() == 2


async def test_deleting_an_article_leaves_the_others(index: VectorIndex) -> None:
    await index.upsert([*points("a", 1, "refund"), *points("b", 2, "hours")])
    await index.delete(["a", "unknown"])
    await index.delete([])
    assert await index.count() == 2
    assert list(await index.passages(["a#0", "b#0"])) == ["b#0"]


async def test_passages_come_back_whole(index: VectorIndex) -> None:
    await index.upsert(points("a", 1, "refund", topic="x"))
    assert await index.passages(["a#0"]) == {"a#0": passage("a", topic="x", text="refund")}
    assert await index.passages([]) == {}


async def test_a_passage_without_a_text_has_no_vectors_but_is_there(index: VectorIndex) -> None:
    bare = passage("a", text="")
    await index.upsert([Point(passage=bare), Point(passage=bare, question="q", dense=unit(1))])
    known = await index.known_questions()
    assert (list(known.answers), list(known.bare)) == (["a"], [True])
    assert known.vectors.shape == (1, 384)
    assert known.vectors[0] @ unit(1) == pytest.approx(1.0, abs=1e-3)


async def test_clearing_forgets_everything(index: VectorIndex) -> None:
    await index.upsert(points("a", 1, "refund"))
    await index.clear()
    assert await index.count() == 0
    assert (await index.known_questions()).vectors.shape == (0, 384)
    await index.upsert(points("a", 1, "refund"))
    assert await index.count() == 2


async def test_the_embedded_index_remembers_and_keeps_others_out(
    tmp_path: Path, computing: ThreadPoolExecutor
) -> None:
    first = EdgeIndex(tmp_path, computing, size=lambda: 384)
    await first.start()
    await first.upsert(points("a", 1, "refund"))
    second = EdgeIndex(tmp_path, computing, size=lambda: 384)
    with pytest.raises(SetupError, match="Another process"):
        await second.start()
    await first.stop()
    with pytest.raises(VectorsUnavailable):
        await first.count()
    await second.start()
    assert await second.count() == 2
    await second.stop()
