"""Turns an article into index points: passages, titles, headings, known questions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.rag.domain.chunks import asides, passages_of, plain
from core.rag.domain.model import Article, Passage
from core.rag.knowledge.duplicates import answer_key
from core.rag.safety.embedded_instructions import gives_orders
from core.rag.semantics.statements import says_something
from core.rag.vectors.encoder import Embedder, Matrix, Vector
from core.rag.vectors.index import Point
from core.rag.vectors.lexical import document_vector

USUAL_QUESTION = 8.0  #: tokens; what BM25 takes as the normal length
USUAL_PASSAGE = 120.0
_BARE_HEADING_WORDS = 3  #: a heading this short needs its title beside it to mean something


async def points_of(article: Article, embedder: Embedder) -> list[Point]:
    """All points of an article, embedded."""
    # Thousands of them at a time, a few milliseconds each.
    passages = await asyncio.to_thread(lambda: list(map(_looked_at, answering(article))))
    answers = _answers(article, passages)
    texts = [passage for passage in passages if passage.text]
    contents = await embedder.passages([searchable(passage) for passage in texts])
    asked = questions_of(article, passages)
    meanings = await embedder.questions([question for question, _ in asked])
    by_id = {passage.id: row for passage, row in zip(texts, contents, strict=True)}
    points = [
        Point(
            passage=passage,
            answer=answers[passage.id],
            dense=by_id.get(passage.id),
            sparse=document_vector(searchable(passage), usual_length=USUAL_PASSAGE)
            if passage.text
            else None,
        )
        for passage in passages
    ]
    for (question, of), meaning in zip(asked, meanings, strict=True):
        # A learned question belongs to the passage that is nearest to it.
        passage = of or _nearest(meaning, texts, contents) or passages[0]
        points.append(
            Point(
                passage=passage,
                answer=answers[passage.id],
                question=question,
                learned=of is None,
                dense=meaning,
                sparse=document_vector(question, usual_length=USUAL_QUESTION),
            )
        )
    return points


def _looked_at(passage: Passage) -> Passage:
    return replace(passage, orders=gives_orders(passage))


def answering(article: Article) -> list[Passage]:
    """The article's passages that say something; never empty.

    Of an article that only asks, or that has no body, one passage without a text is left: it can
    be recognised and answers nothing.
    """
    passages = passages_of(article)
    saying = [p for p in passages if says_something(p.text, titles=(p.title, p.heading))]
    return saying or [replace(passages[0], text="")]


def questions_of(article: Article, passages: Sequence[Passage]) -> list[tuple[str, Passage | None]]:
    """What the article answers: titles and headings with their passage, learned ones without."""
    found: dict[str, tuple[str, Passage | None]] = {}

    def add(question: str, passage: Passage | None) -> None:
        question = plain(question)
        if question:
            found.setdefault(question.casefold(), (question, passage))

    firsts: dict[str, Passage] = {}
    beside: dict[str, Passage] = {}
    for passage in passages:
        firsts.setdefault(passage.heading, passage)
        beside.setdefault(passage.heading.rsplit(" › ", 1)[-1], passage)
    for heading, first in firsts.items():
        if heading:
            add(_heading_question(first), first)
    if len(firsts) == 1:
        # The title of a document with many sections is no question to any one of them.
        add(article.title, passages[0])
    for heading, question in asides(article.text):
        add(question, beside.get(heading, passages[0]))
    for question in article.questions:
        add(question, None)
    return list(found.values())


def searchable(passage: Passage) -> str:
    """What is embedded of a passage: where it stands, then what it says."""
    head = f"{passage.title} › {passage.heading}" if passage.heading else passage.title
    return f"{head}\n{plain(passage.text)}".strip()


def _answers(article: Article, passages: Sequence[Passage]) -> dict[str, str]:
    """The answer each passage belongs to: its section, named by what it says."""
    if not any(passage.text for passage in passages):
        return {passage.id: article.id for passage in passages}
    sections: dict[str, list[Passage]] = {}
    for passage in passages:
        sections.setdefault(passage.heading, []).append(passage)
    names = {heading: answer_key(article, own) for heading, own in sections.items()}
    return {passage.id: names[passage.heading] for passage in passages}


def _nearest(meaning: Vector, texts: Sequence[Passage], contents: Matrix) -> Passage | None:
    return texts[int(np.argmax(contents @ meaning))] if texts else None


def _heading_question(passage: Passage) -> str:
    last = passage.heading.rsplit(" › ", 1)[-1]
    bare = len(last.split()) <= _BARE_HEADING_WORDS and not last.endswith("?")
    return f"{passage.title}: {last}" if bare else last
