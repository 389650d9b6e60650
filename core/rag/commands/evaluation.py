"""Evaluates retrieval and answering on a labelled set, in a temporary index."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.rag.confidence.model import Confidence
from core.rag.confidence.threshold import earned_threshold
from core.rag.domain.model import Article
from core.rag.knowledge.index_keeper import Progress
from core.rag.knowledge.indexing import points_of
from core.rag.reading.tables.records import article_from_row
from core.rag.reading.text.encodings import decoded
from core.rag.reranking.question_matcher import Matcher, PairModel, ThreadMatcher
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.embeddings import ThreadEmbedder, encoder_for
from core.rag.vectors.encoder import Embedder
from core.rag.vectors.qdrant_edge import EdgeIndex

FOLDS = 5
Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]
TARGETS = (0.90, 0.95, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledQuestion:
    """A question with its right articles; none means that nothing answers it."""

    id: str
    text: str
    lang: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The product's answer to one labelled question."""

    question: LabelledQuestion
    ranked: Sequence[str]  #: article ids, best first
    signals: Mapping[str, float]
    milliseconds: float

    @property
    def right(self) -> bool:
        """Whether the answer, were it sent, would rest on a relevant article."""
        return bool(self.ranked) and self.ranked[0] in self.question.relevant


async def evaluate(
    *,
    kb: Path,
    queries: Path,
    examples: Path | None = None,
    calibrate: Path | None = None,
    target: float = 0.95,
    embedding_model: str = "",
    progress: Progress | None = None,
) -> dict[str, float]:
    """The contract's figures for `bot.py eval`. Raises BadInput for files of another shape."""
    articles = read_articles(kb, examples)
    questions = read_questions(queries)
    labelled = read_questions(calibrate) if calibrate is not None else []
    with ThreadPoolExecutor(1, thread_name_prefix="compute") as executor:
        embedder = ThreadEmbedder(encoder_for(embedding_model), executor)
        bench = await Bench.over(articles, embedder, executor, progress=progress)
        try:
            outcomes = await bench.ask(questions)
            observed = await bench.ask(labelled)
        finally:
            await bench.close()
    confidence = Confidence.load()
    threshold = confidence.threshold(target)
    if observed:
        confidence, threshold = calibrated(confidence, observed, target=target)
    return figures(outcomes, confidence, threshold=threshold)


class Bench:
    """A knowledge base in a temporary index."""

    def __init__(
        self, retriever: HybridRetriever, index: EdgeIndex, folder: tempfile.TemporaryDirectory[str]
    ) -> None:
        self.retriever = retriever
        self._index = index
        self._folder = folder

    @classmethod
    async def over(
        cls,
        articles: Sequence[Article],
        embedder: Embedder,
        executor: ThreadPoolExecutor,
        *,
        matcher: Matcher | None = None,
        progress: Progress | None = None,
    ) -> Bench:
        """Embed and index these articles; without a matcher the product's own compares."""
        folder = tempfile.TemporaryDirectory(prefix="contact-center-eval-")
        index = EdgeIndex(Path(folder.name), executor, size=lambda: embedder.size)
        await index.start()
        points = []
        for done, article in enumerate(articles, start=1):
            points += await points_of(article, embedder)
            if progress is not None:
                progress(done, len(articles))
        await index.upsert(points)
        matcher = matcher or ThreadMatcher(PairModel(), executor)
        retriever = HybridRetriever(embedder, index, matcher=matcher)
        await retriever.start()
        return cls(retriever, index, folder)

    async def ask(self, questions: Sequence[LabelledQuestion]) -> list[Outcome]:
        """One search a question, timed with its embedding."""
        outcomes = []
        for question in questions:
            started = time.perf_counter()
            found = await self.retriever.search(question.text, limit=10)
            spent = (time.perf_counter() - started) * 1000
            ranked = tuple(dict.fromkeys(hit.passage.article_id for hit in found.hits))
            outcomes.append(
                Outcome(question=question, ranked=ranked, signals=found.signals, milliseconds=spent)
            )
        return outcomes

    async def close(self) -> None:
        """Forget the index."""
        await self.retriever.stop()
        await self._index.stop()
        self._folder.cleanup()


def calibrated(
    prior: Confidence, observed: Sequence[Outcome], *, target: float
) -> tuple[Confidence, float]:
    """The confidence fitted to these outcomes, and the threshold that they earn.

    The threshold is chosen on scores of models that have not seen the question they score.
    """
    signals = [outcome.signals for outcome in observed]
    right = [outcome.right for outcome in observed]
    unseen = np.zeros(len(observed))
    # Wordings of one thing stay in one fold as far as their neighbourhood in the file tells.
    folds = np.arange(len(observed)) % FOLDS
    for fold in range(FOLDS):
        taught = [i for i in range(len(observed)) if folds[i] != fold]
        fitted = prior.refit([signals[i] for i in taught], [right[i] for i in taught])
        for i in np.flatnonzero(folds == fold):
            unseen[i] = fitted.score(signals[int(i)])
    strays = [float(s) for s, o in zip(unseen, observed, strict=True) if not o.question.relevant]
    threshold = earned_threshold(unseen.tolist(), right, target=target, strays=strays)
    return prior.refit(signals, right), threshold


def figures(
    outcomes: Sequence[Outcome], confidence: Confidence, *, threshold: float
) -> dict[str, float]:
    """The contract's figures."""
    scores = np.array([confidence.score(outcome.signals) for outcome in outcomes])
    right = np.array([outcome.right for outcome in outcomes], dtype=bool)
    places = [_place(outcome) for outcome in outcomes if outcome.question.relevant]
    spent = [outcome.milliseconds for outcome in outcomes]
    sent = scores >= threshold
    result = {
        "queries": len(outcomes),
        "recall@1": _share([place <= 1 for place in places]),
        "recall@5": _share([place <= 5 for place in places]),
        "mrr@10": float(np.mean([1 / p if p <= 10 else 0.0 for p in places])) if places else 0.0,
        "auroc": auroc(scores, right),
    }
    for target in TARGETS:
        result[f"coverage@{target:.2f}"] = coverage_at(scores, right, target)
    result |= {
        "threshold": threshold,
        "precision_at_threshold": float(right[sent].mean()) if sent.any() else 1.0,
        "coverage_at_threshold": float(sent.mean()) if len(sent) else 0.0,
        "ms_p50": float(np.percentile(spent, 50)) if spent else 0.0,
        "ms_p95": float(np.percentile(spent, 95)) if spent else 0.0,
    }
    return {name: round(value, 4) for name, value in result.items()}


def coverage_at(scores: Scores, right: Truth, target: float) -> float:
    """The largest share of all questions that can be answered at this precision."""
    if len(scores) == 0:
        return 0.0
    order = np.argsort(-np.asarray(scores), kind="stable")
    sorted_scores = np.asarray(scores)[order]
    hits = np.cumsum(np.asarray(right, dtype=bool)[order])
    counts = np.arange(1, len(order) + 1)
    # Equal scores go out together.
    whole = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    good = np.flatnonzero(whole & (hits >= target * counts))
    return float(counts[good[-1]] / len(order)) if len(good) else 0.0


def auroc(scores: Scores, right: Truth) -> float:
    """The chance that a right answer has a higher score than a wrong one."""
    truth = np.asarray(right, dtype=bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return 0.5
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def read_articles(kb: Path, examples: Path | None = None) -> list[Article]:
    """`kb.jsonl` with the questions of `examples.jsonl` known to its articles."""
    articles = {}
    for number, row in _rows(kb):
        try:
            article = article_from_row(row, source=str(kb))
        except ValueError as error:
            raise BadInput(f"{kb}, line {number}: {error}") from error
        articles[article.id] = article
    known: dict[str, list[str]] = {}
    for number, row in _rows(examples) if examples is not None else ():
        article_id, question = row.get("article"), row.get("title")
        if not isinstance(article_id, str) or not isinstance(question, str):
            raise BadInput(f"{examples}, line {number}: an example has a title and an article")
        known.setdefault(article_id, []).append(question)
    return [
        replace(article, questions=tuple(known[article.id])) if article.id in known else article
        for article in articles.values()
    ]


def read_questions(path: Path) -> list[LabelledQuestion]:
    """`queries.jsonl`."""
    questions = []
    for number, row in _rows(path):
        text, relevant = row.get("text"), row.get("relevant")
        if not isinstance(text, str) or not isinstance(relevant, list):
            raise BadInput(f"{path}, line {number}: a question has a text and a list of relevant")
        questions.append(
            LabelledQuestion(
                id=str(row.get("id") or number),
                text=text,
                lang=str(row.get("lang") or ""),
                relevant=frozenset(str(item) for item in relevant),
            )
        )
    if not questions:
        raise BadInput(f"{path} holds no questions.")
    return questions


def _rows(path: Path) -> list[tuple[int, Mapping[str, object]]]:
    try:
        lines = decoded(path.read_bytes()).text.split("\n")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error
    rows: list[tuple[int, Mapping[str, object]]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{path}, line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise BadInput(f"{path}, line {number} is not a JSON object")
        rows.append((number, row))
    return rows


def _place(outcome: Outcome) -> int:
    for place, article_id in enumerate(outcome.ranked, start=1):
        if article_id in outcome.question.relevant:
            return place
    return 1_000


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0
