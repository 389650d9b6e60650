"""The labelled sets of ../shared/data as outcomes of the real retriever."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cached_encoder import CachedEncoder
from bench.cached_matcher import CachedMatcher
from bench.guide_questions import guide_articles, guide_questions
from core.rag.commands.evaluation import Bench, Outcome, read_articles, read_questions
from core.rag.vectors.embeddings import ThreadEmbedder

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"  #: beside the repository
GUIDE = "guide"  #: the shipped guide with its near misses; not a folder of the data


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One way of asking one set."""

    name: str
    folder: str
    examples: bool = False
    lang: str = ""  #: of articles and questions; "" takes all
    question_lang: str = ""


SETUPS = (
    Setup(name="a1_bank en", folder="a1_bank", examples=True, lang="en"),
    Setup(name="a2_clinc", folder="a2_clinc"),
    Setup(name="a3_parakqc", folder="a3_parakqc", examples=True),
    Setup(name="a1_bank all", folder="a1_bank", examples=True),
    Setup(name="a1_bank en, articles alone", folder="a1_bank", lang="en"),
    Setup(name="a1_bank ko, articles alone", folder="a1_bank", lang="ko"),
    Setup(name="a1_bank all, articles alone", folder="a1_bank"),
    Setup(name="a3_parakqc, one wording", folder="a3_parakqc"),
    Setup(name="b3_intune", folder="b3_intune"),
    Setup(name="b1_govt", folder="b1_govt"),
    Setup(name="b2_tydi", folder="b2_tydi"),
    Setup(name=GUIDE, folder=GUIDE),
)
CROSS = (
    Setup(name="Korean asked, English articles", folder="a1_bank", lang="en", question_lang="ko"),
    Setup(name="English asked, Korean articles", folder="a1_bank", lang="ko", question_lang="en"),
    Setup(
        name="Korean asked, English known questions",
        folder="a1_bank",
        examples=True,
        lang="en",
        question_lang="ko",
    ),
)
"""Never trained on."""

POOL = tuple(setup.name for setup in SETUPS[:3])
DOCUMENTS = ("b1_govt", "b2_tydi", "b3_intune")


async def outcomes_of(setup: Setup, encoder: CachedEncoder, *, data: Path = DATA) -> list[Outcome]:
    """Index the set and ask all of its questions."""
    if setup.folder == GUIDE:
        articles, questions = guide_articles(), guide_questions()
    else:
        folder = data / setup.folder
        examples = folder / "kb_examples.jsonl" if setup.examples else None
        articles = read_articles(folder / "kb.jsonl", examples)
        questions = read_questions(folder / "queries.jsonl")
    if setup.lang:
        articles = [article for article in articles if article.locale == setup.lang]
        asked = setup.question_lang or setup.lang
        questions = [question for question in questions if question.lang == asked]
    if setup.question_lang:
        # The same article in the other language has the same name.
        questions = [
            replace(q, relevant=frozenset(_moved(i, asked, setup.lang) for i in q.relevant))
            for q in questions
        ]
    with ThreadPoolExecutor(1) as executor:
        embedder = ThreadEmbedder(encoder, executor)
        matcher = CachedMatcher(encoder.file)
        bench = await Bench.over(articles, embedder, executor, matcher=matcher)
        try:
            return await bench.ask(questions)
        finally:
            await bench.close()
            encoder.save()
            matcher.save()


def kinds_of(folder: str, *, data: Path = DATA) -> dict[str, str]:
    """What kind of question each is, by id: `in`, `id_oos`, `ood`, …"""
    if folder == GUIDE:
        return {}
    rows = (data / folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row.get("kind", "") for row in map(json.loads, rows)}


def _moved(article_id: str, lang: str, to: str) -> str:
    return article_id.replace(f"-{lang}-", f"-{to}-")
