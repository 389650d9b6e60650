"""What is known twice counts once: in the order of answers and in how sure the assistant is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from core.rag.commands.evaluation import Bench
from core.rag.confidence.model import Confidence
from core.rag.domain.model import Article
from core.rag.knowledge.duplicates import says_the_same
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.embeddings import ThreadEmbedder
from tests.core.rag.shop import FAQ, FAQ_KO, WORDINGS

ASKED = FAQ[:8]
pytestmark = pytest.mark.timeout(400)  # several bases are indexed whole


def faq(
    rows: Sequence[tuple[str, str]] = (*FAQ[:12], *FAQ_KO[:4]),
    *,
    name: str = "faq",
    learned: bool = False,
) -> list[Article]:
    return [
        Article(
            id=f"{name}-{number}",
            title=question,
            text=answer,
            source=f"/kb/{name}.csv",
            locale="ko" if (question, answer) in FAQ_KO else "en",
            questions=tuple(WORDINGS.get(question, ())) if learned else (),
        )
        for number, (question, answer) in enumerate(rows)
    ]


def retyped(articles: Sequence[Article]) -> list[Article]:
    """As another export of the same has them: marks, case, white space."""
    return [
        replace(
            a,
            id=f"{a.id}-again",
            title=f"  {a.title.upper()}",
            text=f"**{a.text.replace('. ', '.  ')}**\n",
            source="/kb/faq (1).csv",
        )
        for a in articles
    ]


def misspelt(articles: Sequence[Article]) -> list[Article]:
    """As somebody has them who mended a spelling."""

    def mended(text: str) -> str:
        return text.replace("colour", "color").replace("deliver ", "delivr ")

    return [replace(a, id=f"{a.id}-mended", text=mended(a.text)) for a in articles]


@asynccontextmanager
async def known(
    articles: Sequence[Article], embedder: ThreadEmbedder, computing: ThreadPoolExecutor
) -> AsyncIterator[HybridRetriever]:
    bench = await Bench.over(articles, embedder, computing)
    try:
        yield bench.retriever
    finally:
        await bench.close()


@pytest.mark.parametrize("learned", [False, True])
async def test_the_same_file_twice_takes_no_confidence_away(
    remembering: ThreadEmbedder, computing: ThreadPoolExecutor, *, learned: bool
) -> None:
    confidence, once = Confidence.load(), faq(learned=learned)
    asked = [*[q for q, _ in ASKED], *[q for q, _ in FAQ_KO[:2]]]
    asked += [words for question, _ in ASKED for words in WORDINGS.get(question, ())[:1]]
    scores: dict[str, list[tuple[str, float]]] = {}
    for name, articles in {
        "once": once,
        "twice": [*once, *faq(name="faq-copy", learned=learned)],
        "retyped": [*once, *retyped(once)],
        "mended": [*once, *misspelt(once)],
        "thrice": [*once, *(a for n in "xy" for a in faq(name=n, learned=learned))],
    }.items():
        async with known(articles, remembering, computing) as retriever:
            found = [await retriever.search(question) for question in asked]
            scores[name] = [(f.hits[0].passage.title, confidence.score(f.signals)) for f in found]
            for one in found:
                titles = [hit.passage.title.strip().casefold() for hit in one.hits]
                assert len(set(titles)) == len(titles), (name, titles)
    for name, many in scores.items():
        for question, (title, score), (_, before) in zip(asked, many, scores["once"], strict=True):
            # Capitals have vectors of their own: the same meaning, in another place.
            allowed = 0.15 if name == "retyped" and before < 0.9 else 0.02
            assert score >= before - allowed, (name, question, title, before, score)


async def test_a_manual_under_two_names_is_one(
    remembering: ThreadEmbedder, computing: ThreadPoolExecutor
) -> None:
    text = "The grinder comes in black and white. Clean it once a week with the brush."
    copies = [
        Article(id="m1", title="manual", text=text, source="/kb/manual.pdf"),
        Article(id="m2", title="grinder (1)", text=text, source="/kb/grinder (1).pdf"),
    ]
    async with known([*faq(), *copies], remembering, computing) as retriever:
        found = await retriever.search("How often should I clean it with the brush?")
        assert [hit.passage.article_id in ("m1", "m2") for hit in found.hits].count(True) == 1


async def test_one_sentence_under_two_titles_is_two_answers(
    remembering: ThreadEmbedder, computing: ThreadPoolExecutor
) -> None:
    rows = [
        ("Do you deliver to Norway?", "Yes, within five days."),
        ("Do you deliver to Denmark?", "Yes, within five days."),
        ("Has room 1 a bath?", "Yes, it has."),
        ("Has room 2 a bath?", "Yes, it has."),
    ]
    async with known(faq([*FAQ, *rows]), remembering, computing) as retriever:
        found = await retriever.search("Do you deliver to Portugal?")
        titles = [hit.passage.title for hit in found.hits]
        assert {"Do you deliver to Norway?", "Do you deliver to Denmark?"} <= set(titles)
        found = await retriever.search("Has room 3 a bath?")
        assert {"Has room 1 a bath?", "Has room 2 a bath?"} <= {
            hit.passage.title for hit in found.hits
        }


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The colour is grey.", "The color is grey.", True),
        ("We deliver on Monday.", "On Monday, we deliver!", True),
        ("We recieve it on Monday.", "We receive it on Monday.", True),
        ("We deliver to Norway.", "We deliver to Denmark.", False),
        ("It costs 12 euros.", "It costs 13 euros.", False),
        ("It is included.", "It is not included.", False),
        ("It is included.", "It is excluded.", False),
        ("Dogs are allowed.", "Dogs are allowed in the garden.", False),
        ("환불은 14일 안에 됩니다.", "환불은 14일 안에  됩니다", True),
        ("환불은 14일 안에 됩니다.", "환불은 30일 안에 됩니다.", False),
        ("반품은 됩니다.", "반품은 안 됩니다.", False),
    ],
)
def test_only_spelling_may_differ(one: str, other: str, same: bool) -> None:
    assert says_the_same(one, other) is same
    assert says_the_same(other, one) is same
