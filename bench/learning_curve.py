"""The learning curve: `python -m bench.learning_curve`; figures and docs/images/learning-curve.svg.

Questions of a1_bank come one by one in random order; knowledge starts from the articles alone. An
oracle decides each as an agent would: it approves the right draft and writes the right answer
otherwise; both teach. What would have gone out alone is counted at every step, and measured on all
questions still to come at the checkpoints.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from approvals.autonomy.recalibration import Recalibration
from approvals.learning.evidence import Bound, Evidence, Kind, bound_at, earned
from bench.cached_encoder import CachedEncoder
from bench.labelled import DATA
from core.rag.commands.evaluation import LabelledQuestion, read_articles, read_questions
from core.rag.confidence.model import Confidence
from core.rag.confidence.recalibration import RecalibratedConfidence
from core.rag.confidence.threshold import NEVER, error_bound
from core.rag.domain.model import Article
from core.rag.knowledge.indexing import points_of
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.embeddings import ThreadEmbedder
from core.rag.vectors.qdrant_edge import EdgeIndex

CHECKPOINTS = (0, 50, 100, 200, 400, 800)
TAUGHT_EVERY = 25  #: decisions between two updates of the index; the product does it at once
SEEDS = range(3)
TARGET = 0.95
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "learning-curve.svg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the assistant would do alone after so many decisions."""

    decisions: int
    threshold: float
    asked: int
    sent: int
    wrong: int
    known: Bound  #: what the decisions so far say of answers from the threshold on

    @property
    def error(self) -> float:
        """The share of what was sent that was wrong; 0 when nothing was."""
        return self.wrong / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One way to begin, and whether decisions temper the confidence."""

    label: str
    reviews: bool = False  #: a person decides everything until a threshold is earned
    tempers: bool = True


STARTS = (
    Start(label="the shipped prior"),
    Start(label="the shipped prior, never refitted", tempers=False),
    Start(label="reviews of everything", reviews=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the assistant would have said to one question."""

    signals: Mapping[str, float]
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One deployment's first weeks: knowledge grows by every question, whoever decides it."""

    asked: Sequence[Answer]  #: in order, each before it was taught
    still_to_come: Mapping[int, Sequence[Answer]]  #: at the checkpoints


@dataclass(slots=True, kw_only=True)
class Course:
    """What one way to begin made of a stream."""

    steps: list[Step] = field(default_factory=list)
    sent: int = 0
    wrong: int = 0


class Shop:
    """A knowledge base that is taught."""

    def __init__(self, articles: Sequence[Article], embedder: ThreadEmbedder, index: EdgeIndex):
        self.articles = {a.id: a for a in articles}
        self.embedder, self.index = embedder, index
        self.retriever = HybridRetriever(embedder, index)
        self.dirty = set(self.articles)

    async def settle(self) -> None:
        """Index what has changed."""
        changed = [self.articles[i] for i in sorted(self.dirty)]
        if not changed:
            return
        points = [p for a in changed for p in await points_of(a, self.embedder)]
        await self.index.delete([a.id for a in changed])
        await self.index.upsert(points)
        await self.retriever.refresh()
        self.dirty.clear()

    def teach(self, article_id: str, question: str) -> None:
        """This question is answered by this article."""
        article = self.articles[article_id]
        self.articles[article_id] = replace(article, questions=(*article.questions, question))
        self.dirty.add(article_id)


async def stream(seed: int, encoder: CachedEncoder, data: Path) -> Stream:
    """All questions of a1_bank in random order, over articles that are taught by them."""
    folder = data / "a1_bank"
    articles = [a for a in read_articles(folder / "kb.jsonl") if a.locale == "en"]
    questions = [q for q in read_questions(folder / "queries.jsonl") if q.lang == "en"]
    order = np.random.default_rng(seed).permutation(len(questions))
    questions = [questions[i] for i in order]
    asked: list[Answer] = []
    still_to_come: dict[int, list[Answer]] = {}
    with ThreadPoolExecutor(1) as executor, tempfile.TemporaryDirectory() as place:
        index = EdgeIndex(Path(place), executor, size=lambda: encoder.size)
        await index.start()
        shop = Shop(articles, ThreadEmbedder(encoder, executor), index)

        async def ask(question: LabelledQuestion) -> Answer:
            found = await shop.retriever.search(question.text)
            best = found.hits[0].passage.article_id if found.hits else ""
            return Answer(signals=found.signals, right=best in question.relevant)

        for number, question in enumerate(questions):
            if number % TAUGHT_EVERY == 0 or number in CHECKPOINTS:
                await shop.settle()
            if number in CHECKPOINTS:
                still_to_come[number] = [await ask(q) for q in questions[number:]]
            asked.append(await ask(question))
            if question.relevant:
                shop.teach(min(question.relevant), question.text)
        await shop.retriever.stop()
        await index.stop()
    return Stream(asked=asked, still_to_come=still_to_come)


async def followed(start: Start, stream: Stream) -> Course:
    """Decide the stream as the product would: tempered, promoted, by the same classes."""
    confidence = RecalibratedConfidence(Confidence.load())
    tempering = Recalibration(confidence, fits=None) if start.tempers else None
    first = NEVER if start.reviews else confidence.threshold(TARGET)
    threshold, course = first, Course()
    evidence: list[Evidence] = []
    for number, answer in enumerate(stream.asked):
        if number % TAUGHT_EVERY == 0 or number in CHECKPOINTS:
            found = earned(evidence, target=TARGET)
            threshold = min(first, found.threshold if found else NEVER)
        if number in CHECKPOINTS:
            rest = stream.still_to_come[number]
            alone = [a for a in rest if confidence.score(a.signals) >= threshold]
            course.steps.append(
                Step(
                    decisions=number,
                    threshold=threshold,
                    asked=len(rest),
                    sent=len(alone),
                    wrong=sum(not a.right for a in alone),
                    known=bound_at(evidence, threshold),
                )
            )
        score = confidence.score(answer.signals)
        if score >= threshold:
            course.sent, course.wrong = course.sent + 1, course.wrong + (not answer.right)
        one = Evidence(
            id=str(number),
            at=datetime.fromtimestamp(number, UTC),
            kind=Kind.REVIEW,
            topic="",
            confidence=score,
            right=answer.right,
            signals=answer.signals,
        )
        evidence.append(one)
        if tempering is not None:
            await tempering.learn(one)
    return course


def picture(
    rows: Sequence[tuple[int, float, float]], earned_only: Sequence[tuple[int, float, float]]
) -> str:
    """Coverage and error after so many decisions, as SVG."""

    def x(decisions: int) -> float:
        return 60 + 520 * math.sqrt(decisions / 800)

    def y(share: float) -> float:
        return 250 - 220 * share

    def line(points: Sequence[tuple[float, float]], color: str) -> str:
        path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
        dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in points)
        return f'<g fill="{color}"><path d="{path}" fill="none" stroke="{color}" stroke-width="2"/>{dots}</g>'  # noqa: E501

    marks = "".join(
        f'<text x="{x(n):.0f}" y="270" text-anchor="middle">{n}</text>' for n, _, _ in rows
    ) + "".join(
        f'<text x="52" y="{y(s) + 4:.0f}" text-anchor="end">{s:.0%}</text>'
        f'<path d="M60 {y(s):.0f}H580" stroke="#ddd"/>'
        for s in (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 300" width="600" height="300" '
        'font-family="sans-serif" font-size="12"><rect width="600" height="300" fill="#fff"/>'
        f"{marks}{line([(x(n), y(c)) for n, c, _ in rows], '#1d6fb8')}"
        f"{line([(x(n), y(c)) for n, c, _ in earned_only], '#7fb2dd')}"
        f"{line([(x(n), y(e)) for n, _, e in rows], '#c0392b')}"
        '<text x="60" y="292">decisions · blue: sent alone (light: begun with reviews) · '
        "red: of these wrong</text></svg>\n"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/rag-embeddings.pickle"))
    arguments = parser.parse_args()
    encoder = CachedEncoder(arguments.cache)
    streams = [await stream(seed, encoder, arguments.data) for seed in SEEDS]
    rows = [told(start.label, [await followed(start, s) for s in streams]) for start in STARTS]
    PICTURE.write_text(picture(rows[0], rows[-1]), encoding="utf-8")


def told(label: str, courses: Sequence[Course]) -> list[tuple[int, float, float]]:
    """Print one way to begin over all seeds; decisions, coverage and error."""
    print(f"# begun by: {label}")
    rows = []
    for place, decisions in enumerate(CHECKPOINTS):
        steps = [course.steps[place] for course in courses]
        asked, sent = sum(s.asked for s in steps), sum(s.sent for s in steps)
        wrong = sum(s.wrong for s in steps)
        rows.append((decisions, sent / asked, wrong / sent if sent else 0.0))
        thresholds = ", ".join(f"{s.threshold:.3f}" for s in steps)
        known = ", ".join(f"{s.known.wrong:g} of {s.known.sent:g}" for s in steps)
        print(
            f"after {decisions:4} coverage {sent / asked:.3f} error {rows[-1][2]:.3f}"
            f" ({wrong} of {sent}, worst seed {max(s.error for s in steps):.3f},"
            f" bound {error_bound(wrong, sent):.3f})  thresholds {thresholds}"
            f"  known above them: {known}"
        )
    for course in courses:
        bound = error_bound(course.wrong, course.sent)
        print(f"on the way: {course.sent} sent, {course.wrong} wrong, error at most {bound:.3f}")
    sent, wrong = sum(c.sent for c in courses), sum(c.wrong for c in courses)
    if sent:
        bound = error_bound(wrong, sent)
        print(f"all seeds: {sent} sent, {wrong} wrong, {wrong / sent:.3f}, at most {bound:.3f}")
    return rows


if __name__ == "__main__":
    asyncio.run(main())
