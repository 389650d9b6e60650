"""Measures answers on ../shared/data: `python -m bench.answers`; figures for docs/answers.md.

Retrieval by set; the shipped prior alone; a prior that has not seen the kind of set it is
measured on; confidence and threshold from one half, measured on the other, five seeds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.cached_encoder import CachedEncoder
from bench.labelled import CROSS, DATA, DOCUMENTS, POOL, SETUPS, kinds_of, outcomes_of
from bench.train_prior import fit, trained
from core.rag.commands.evaluation import Outcome, calibrated, figures, read_articles, read_questions
from core.rag.confidence.model import Confidence
from core.rag.knowledge.indexing import points_of
from core.rag.retrieval.retriever import DEPTH, HybridRetriever
from core.rag.vectors.embeddings import ThreadEmbedder
from core.rag.vectors.lexical import query_vector
from core.rag.vectors.qdrant_edge import EdgeIndex

SEEDS = range(5)
TARGET = 0.95

Sets = Mapping[str, Sequence[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What would have gone out without a person."""

    questions: int
    sent: int
    right: int
    unanswerable: int  #: sent, although nothing answers it

    @property
    def precision(self) -> float:
        """The share of what was sent that was right; 1 when nothing was."""
        return self.right / self.sent if self.sent else 1.0

    @property
    def coverage(self) -> float:
        """The share of all questions that needed no person."""
        return self.sent / self.questions if self.questions else 0.0

    def __add__(self, other: Sent) -> Sent:
        return Sent(
            questions=self.questions + other.questions,
            sent=self.sent + other.sent,
            right=self.right + other.right,
            unanswerable=self.unanswerable + other.unanswerable,
        )

    def __str__(self) -> str:
        stray = self.unanswerable / self.questions if self.questions else 0.0
        return f"precision {self.precision:.3f}  coverage {self.coverage:.3f}  stray {stray:.3f}"


class Strays:
    """How many questions without an answer got one, by kind."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()

    def take(
        self,
        outcomes: Iterable[Outcome],
        confidence: Confidence,
        threshold: float,
        *,
        kinds: Mapping[str, str],
    ) -> None:
        """Count these."""
        for outcome in outcomes:
            if not outcome.question.relevant:
                kind = kinds.get(outcome.question.id, "")
                self._asked[kind] += 1
                self._answered[kind] += confidence.score(outcome.signals) >= threshold

    def __str__(self) -> str:
        return ", ".join(f"{k} {self._answered[k] / n:.3f}" for k, n in sorted(self._asked.items()))


NOTHING = Sent(questions=0, sent=0, right=0, unanswerable=0)


def sent(outcomes: Sequence[Outcome], confidence: Confidence, threshold: float) -> Sent:
    """What this confidence and threshold would have sent."""
    alone = [o for o in outcomes if confidence.score(o.signals) >= threshold]
    return Sent(
        questions=len(outcomes),
        sent=len(alone),
        right=sum(o.right for o in alone),
        unanswerable=sum(not o.question.relevant for o in alone),
    )


def halves(outcomes: Sequence[Outcome], seed: int) -> tuple[list[Outcome], list[Outcome]]:
    """Two random halves."""
    order = np.random.default_rng(seed).permutation(len(outcomes))
    middle = len(order) // 2
    return [outcomes[i] for i in order[:middle]], [outcomes[i] for i in order[middle:]]


def retrieval(sets: Sets, confidence: Confidence) -> None:
    """Print recall by set."""
    print("\n# Retrieval")
    pool = [o for name in POOL for o in sets.get(name, ())]
    documents = [o for name in DOCUMENTS for o in sets.get(name, ())]
    for name, outcomes in {**sets, "POOL": pool, "DOCUMENTS": documents}.items():
        found = figures(outcomes, confidence, threshold=0.5)
        print(
            f"{name:30} first {found['recall@1']:.3f}  among five {found['recall@5']:.3f}"
            f"  mrr {found['mrr@10']:.3f}  auroc {found['auroc']:.3f}"
            f"  coverage at .95 {found['coverage@0.95']:.3f}"
        )


def prior_alone(sets: Sets, confidence: Confidence) -> None:
    """Print what the shipped prior sends, and a prior that has not seen that kind of set."""
    threshold = confidence.threshold(TARGET)
    print(f"\n# The shipped prior alone, threshold {threshold:.3f}")
    folders = {setup.name: setup.folder for setup in SETUPS}
    total, strays = NOTHING, Strays()
    for name, outcomes in sets.items():
        result = sent(outcomes, confidence, threshold)
        if name in POOL:
            total = total + result
            strays.take(outcomes, confidence, threshold, kinds=kinds_of(folders[name]))
        print(f"{name:30} {result}")
    print(f"{'POOL':30} {total}")
    print(f"{'questions without an answer':30} {strays}")
    print("\n# A prior made without any set of that folder")
    for folder in dict.fromkeys(folders[name] for name in sets):
        rest = {name: o for name, o in sets.items() if folders[name] != folder}
        if not rest:
            continue
        other = trained(rest)
        if set(other.models) != set(confidence.models):
            continue
        own = other.threshold(TARGET)
        for name, outcomes in sets.items():
            if folders[name] == folder:
                print(f"{name:30} {sent(outcomes, other, own)}")


def unseen_prior(sets: Sets, asked: Iterable[Outcome], confidence: Confidence) -> Confidence:
    """The prior as it would be had it never seen these questions, in no set."""
    measured = {outcome.question.id for outcome in asked}
    rest = {n: [o for o in found if o.question.id not in measured] for n, found in sets.items()}
    return replace(fit(rest), thresholds=confidence.thresholds)


def half_and_half(sets: Sets, confidence: Confidence) -> None:
    """Print what confidence and threshold from one half send of the other, and the strays.

    The prior that is refitted was made without the questions that are measured.
    """
    folders = {setup.name: setup.folder for setup in SETUPS}
    for label, together in (("pooled", True), ("for each set", False)):
        print(f"\n# From one half {label}, measured on the other, mean of {len(SEEDS)} seeds")
        by_set: dict[str, list[Sent]] = {name: [] for name in POOL if name in sets}
        strays = Strays()
        for seed in SEEDS:
            split = {name: halves(sets[name], seed) for name in by_set}
            prior = unseen_prior(sets, (o for _, a in split.values() for o in a), confidence)
            pooled = calibrated(
                prior, [o for taught, _ in split.values() for o in taught], target=TARGET
            )
            for name, (taught, asked) in split.items():
                own = pooled if together else calibrated(prior, taught, target=TARGET)
                by_set[name].append(sent(asked, *own))
                strays.take(asked, *own, kinds=kinds_of(folders[name]))
        for name, results in by_set.items():
            print(f"{name:30} {sum(results, NOTHING)}")
        everything = [result for results in by_set.values() for result in results]
        print(f"{'POOL':30} {sum(everything, NOTHING)}")
        print(f"{'questions without an answer':30} {strays}")


async def cross_language(encoder: CachedEncoder, confidence: Confidence, data: Path) -> None:
    """Print what is found and sent when customer and article speak different languages."""
    print("\n# Across languages")
    for setup in CROSS:
        outcomes = await outcomes_of(setup, encoder, data=data)
        found = figures(outcomes, confidence, threshold=confidence.threshold(TARGET))
        print(
            f"{setup.name:40} first {found['recall@1']:.3f}  among five {found['recall@5']:.3f}"
            f"  sent {found['coverage_at_threshold']:.3f}"
            f"  right {found['precision_at_threshold']:.3f}"
        )


async def added_time(encoder: CachedEncoder, data: Path) -> None:
    """Print the time of a question beyond its embedding and one search."""
    articles = read_articles(data / "a1_bank/kb.jsonl", data / "a1_bank/kb_examples.jsonl")
    questions = read_questions(data / "a1_bank/queries.jsonl")[:300]
    with ThreadPoolExecutor(1) as executor, tempfile.TemporaryDirectory() as folder:
        embedder = ThreadEmbedder(encoder, executor)
        index = EdgeIndex(Path(folder), executor, size=lambda: embedder.size)
        await index.start()
        points = [p for article in articles for p in await points_of(article, embedder)]
        await index.upsert(points)
        retriever = HybridRetriever(embedder, index)
        await retriever.start()
        confidence = Confidence.load()
        bare, whole = [], []
        for question in questions:
            vector = await embedder.question(question.text)
            started = time.perf_counter()
            await index.search(vector, query_vector(question.text), limit=DEPTH)
            bare.append(time.perf_counter() - started)
            started = time.perf_counter()
            confidence.score((await retriever.search(question.text)).signals)
            whole.append(time.perf_counter() - started)
        await retriever.stop()
        await index.stop()
    added = (np.median(whole) - np.median(bare)) * 1000
    print(f"\n# Time\nsearch p50 {np.median(bare) * 1000:.2f} ms; everything else {added:.2f} ms")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/rag-embeddings.pickle"))
    parser.add_argument("--only", nargs="*", help="folders; all when none is named")
    parser.add_argument("--json", type=Path, help="where the figures by set go")
    arguments = parser.parse_args()
    encoder = CachedEncoder(arguments.cache)
    sets = {
        setup.name: await outcomes_of(setup, encoder, data=arguments.data)
        for setup in SETUPS
        if not arguments.only or setup.folder in arguments.only
    }
    confidence = Confidence.load()
    retrieval(sets, confidence)
    prior_alone(sets, confidence)
    half_and_half(sets, confidence)
    await cross_language(encoder, confidence, arguments.data)
    await added_time(encoder, arguments.data)
    if arguments.json:
        threshold = confidence.threshold(TARGET)
        by_set = {name: figures(o, confidence, threshold=threshold) for name, o in sets.items()}
        arguments.json.write_text(json.dumps(by_set, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
