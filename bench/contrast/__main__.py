"""Measures whether answers are about the thing asked: `python -m bench.contrast`; docs/answers.md.

With 1, 2 and 3 of four siblings known, each company alone (about 20 articles) or among 2,000.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from bench.cached_encoder import CachedEncoder
from bench.cached_matcher import CachedMatcher
from bench.contrast.sets import SIBLINGS, Trade, told, trades
from bench.labelled import DATA
from core.rag.commands.evaluation import Bench, LabelledQuestion, Outcome, read_articles
from core.rag.confidence.model import Confidence
from core.rag.domain.model import Article
from core.rag.vectors.embeddings import ThreadEmbedder

TARGET = 0.95
FILLERS = ("a1_bank", "b3_intune", "b1_govt")
MANY = 2_000
FOLDERS = ("held", "fresh", "situations", "next", "fit")


def fillers(folder: str, own: str) -> list[Article]:
    """Articles of others, so that a company's own are among 2,000."""
    found = [
        article
        for trade in [*trades("train"), *trades("fit")]
        if trade.name != own
        for article in told(trade, siblings=SIBLINGS)[0]
    ]
    for name in FILLERS:
        found += read_articles(DATA / name / "kb.jsonl")
    return found[:MANY]


def of_others(own: Trade, folder: str, *, many: int) -> list[LabelledQuestion]:
    """Questions of other trades in the same language, which nothing here answers."""
    theirs = [
        question
        for trade in trades(folder)
        if trade.lang == own.lang and trade.name != own.name
        for question in told(trade, siblings=SIBLINGS)[1]
    ]
    drawn = random.Random(own.name).sample(theirs, min(many, len(theirs)))
    return [replace(q, id=f"stranger/{n}", relevant=frozenset()) for n, q in enumerate(drawn)]


async def outcomes(
    folder: str,
    encoder: CachedEncoder,
    *,
    siblings: int,
    many: bool = False,
    strangers: int = 0,
) -> dict[str, list[Outcome]]:
    """What the product would do with every question, by trade and language.

    With `strangers`, so many questions of the other trades of the folder are asked besides.
    """
    found: dict[str, list[Outcome]] = {}
    matcher = CachedMatcher(encoder.file)
    for trade in trades(folder):
        articles, questions = told(trade, siblings=siblings)
        questions += of_others(trade, folder, many=strangers)
        if many:
            articles = [*articles, *fillers(folder, trade.name)]
        with ThreadPoolExecutor(1) as executor:
            embedder = ThreadEmbedder(encoder, executor)
            bench = await Bench.over(articles, embedder, executor, matcher=matcher)
            try:
                found[f"{trade.name}.{trade.lang}"] = await bench.ask(questions)
            finally:
                await bench.close()
    encoder.save()
    matcher.save()
    return found


def counted(outcomes: Sequence[Outcome], confidence: Confidence, threshold: float) -> Counter[str]:
    """Asked, sent and right, for what is known, and asked and sent for what is not, by kind."""
    count: Counter[str] = Counter()
    for outcome in outcomes:
        kind = outcome.question.id.split("/")[0]
        sent = confidence.score(outcome.signals) >= threshold
        count[kind] += 1
        count[f"{kind} sent"] += sent
        count["sent"] += sent
        count["right"] += sent and outcome.right
        if outcome.question.relevant:
            count["known"] += 1
            count["answered"] += sent and outcome.right
            count["among"] += bool(outcome.ranked) and outcome.right
        else:
            count["unknown"] += 1
            count["strayed"] += sent
    return count


def line(count: Counter[str]) -> str:
    """The figures of one row."""
    return (
        f"precision {share(count['right'], count['sent'], 1.0):.3f}"
        f"  answered of known {share(count['answered'], count['known']):.3f}"
        f"  of unknown {share(count['strayed'], count['unknown']):.3f}"
        f" (siblings {share(count['sibling sent'], count['sibling']):.3f},"
        f" traps {share(count['trap sent'], count['trap']):.3f})"
        f"  first {share(count['among'], count['known']):.3f}"
        f"  n {count['known'] + count['unknown']}"
    )


def share(part: int, whole: int, empty: float = 0.0) -> float:
    """A share; `empty` of nothing."""
    return part / whole if whole else empty


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="held", choices=FOLDERS)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/rag-embeddings.pickle"))
    parser.add_argument("--siblings", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--few", action="store_true", help="without the 2,000 articles")
    arguments = parser.parse_args()
    encoder = CachedEncoder(arguments.cache)
    confidence = Confidence.load()
    threshold = confidence.threshold(TARGET)
    print(f"threshold {threshold:.3f}")
    for many in (False,) if arguments.few else (False, True):
        for siblings in arguments.siblings:
            found = await outcomes(arguments.folder, encoder, siblings=siblings, many=many)
            for lang in ("en", "ko"):
                mine = [o for name, asked in found.items() if name.endswith(lang) for o in asked]
                label = f"{siblings} of 4, {'2,000' if many else 'alone'}, {lang}"
                print(f"{label:18} {line(counted(mine, confidence, threshold))}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
