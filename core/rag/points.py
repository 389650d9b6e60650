"""An article as the points that are searched: its passages, titles, headings, known questions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.rag.chunks import asides, passages_of, plain
from core.rag.embeddings import Embedder, Matrix, Vector
from core.rag.index import Point
from core.rag.lexical import document_vector
from core.rag.passages import Article, Passage

USUAL_QUESTION = 8.0  #: tokens; what BM25 takes as the normal length
USUAL_PASSAGE = 120.0
_BARE_HEADING_WORDS = 3  #: a heading this short needs its title beside it to mean something


async def points_of(article: Article, embedder: Embedder) -> list[Point]:
    """All points of an article, embedded."""
    passages = passages_of(article)
    answers = _answers(passages)
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


def questions_of(article: Article, passages: Sequence[Passage]) -> list[tuple[str, Passage | None]]:
    """What the article answers: titles and headings with their passage, learned ones without."""
    found: dict[str, tuple[str, Passage | None]] = {}

    def add(question: str, passage: Passage | None) -> None:
        question = plain(question)
        if question:
            found.setdefault(question.casefold(), (question, passage))

    headings = {passage.heading for passage in passages}
    for heading in dict.fromkeys(passage.heading for passage in passages):
        if heading:
            first = next(passage for passage in passages if passage.heading == heading)
            add(_heading_question(first), first)
    if len(headings) == 1:
        # The title of a document with many sections is no question to any one of them.
        add(article.title, passages[0])
    for heading, question in asides(article.text):
        beside = [p for p in passages if p.heading.rsplit(" › ", 1)[-1] == heading]
        add(question, beside[0] if beside else passages[0])
    for question in article.questions:
        add(question, None)
    return list(found.values())


def searchable(passage: Passage) -> str:
    """What is embedded of a passage: where it stands, then what it says."""
    head = f"{passage.title} › {passage.heading}" if passage.heading else passage.title
    return f"{head}\n{plain(passage.text)}".strip()


def _answers(passages: Sequence[Passage]) -> dict[str, str]:
    """The answer each passage belongs to: its section where there are several."""
    headings = list(dict.fromkeys(passage.heading for passage in passages))
    if len(headings) == 1:
        return {passage.id: passage.article_id for passage in passages}
    return {p.id: f"{p.article_id}§{headings.index(p.heading)}" for p in passages}


def _nearest(meaning: Vector, texts: Sequence[Passage], contents: Matrix) -> Passage | None:
    return texts[int(np.argmax(contents @ meaning))] if texts else None


def _heading_question(passage: Passage) -> str:
    last = passage.heading.rsplit(" › ", 1)[-1]
    bare = len(last.split()) <= _BARE_HEADING_WORDS and not last.endswith("?")
    return f"{passage.title}: {last}" if bare else last
