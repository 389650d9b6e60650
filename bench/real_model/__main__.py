"""`python -m bench.real_model [--model smollm2|obedient] [--questions N]`; not in CI.

Asks a model on this machine 200 questions of a small shop by the product's own path (search,
prompt, LangChain, the check of every sentence, the confidence, the policy at its cold start), and
prints what went out alone, right and wrong. SmolLM2 is weak on purpose: it writes freely and makes
things up. "obedient" says yes to everything.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from bench.real_model.models import MODELS
from bench.real_model.questions import Asked, Known, read
from core.clock import SystemClock
from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Question
from core.domain.policy import AutoSend, Rules, decide
from core.i18n import Words
from core.nlu.language_detection import language_of
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.answering.prometheus import AnswerMetrics
from core.rag.answering.responder import RagResponder, build_responder
from core.rag.answering.subject_check import SubjectCheck
from core.rag.commands.evaluation import Bench
from core.rag.confidence.model import Confidence
from core.rag.domain.model import Article
from core.rag.llm.chat_model import ModelSettings
from core.rag.reranking.question_matcher import PairModel, ThreadMatcher
from core.rag.vectors.embeddings import BundledEncoder, ThreadEmbedder

CONFIG = Path(__file__).parents[2] / "config"
TARGET = 0.95
SEED = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of one question."""

    asked: Asked
    draft: Draft
    alone: bool
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether its text answers the question."""
        return self.asked.is_answered_by(self.draft.text)


def articles_of(shelf: Sequence[Known]) -> list[Article]:
    """The shop's knowledge, one known question each."""
    return [
        Article(
            id=f"k{number}",
            title=known.question,
            text=known.answer,
            locale=language_of(known.answer),
            questions=(known.question,),
        )
        for number, known in enumerate(shelf)
    ]


async def ask(responder: RagResponder, asked: Asked, rules: Rules) -> Reply:
    """One question on the product's path."""
    began = time.perf_counter()
    draft = await responder.draft(
        Question(
            conversation_id="bench", text=asked.text, locale=language_of(asked.text), channel="web"
        )
    )
    verdict = decide(draft, rules, conversation=Conversation(id="bench"))
    seconds = time.perf_counter() - began
    return Reply(asked=asked, draft=draft, alone=isinstance(verdict, AutoSend), seconds=seconds)


def table(replies: Sequence[Reply]) -> str:
    """The rows for docs/answers.md."""
    rows = ["| asked | questions | alone | right | wrong | by the model | wrong by it |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- |")
    for name, chosen in (
        ("what is known, in other words", [r for r in replies if r.asked.is_known]),
        ("what is not known", [r for r in replies if not r.asked.is_known]),
        ("all", list(replies)),
    ):
        alone = [r for r in chosen if r.alone]
        wrong = [r for r in alone if not r.is_right]
        written = [r for r in alone if r.draft.answerer != "extractive"]
        figures = (
            len(chosen), len(alone), len(alone) - len(wrong), len(wrong),
            len(written), sum(not r.is_right for r in written),
        )  # fmt: skip
        rows.append(f"| {name} | {' | '.join(map(str, figures))} |")
    return "\n".join(rows)


def shown(replies: Sequence[Reply]) -> str:
    """All of it in words."""
    lines = [table(replies), ""]
    reasons = Counter(reason.value for r in replies for reason in r.draft.reasons)
    lines.append(f"reasons: {dict(reasons.most_common())}")
    writers = Counter(r.draft.answerer for r in replies)
    lines.append(f"whose draft it is: {dict(writers)}")
    seconds = sorted(r.seconds for r in replies)
    lines.append(
        f"seconds an answer: median {statistics.median(seconds):.1f}, longest {seconds[-1]:.1f}"
    )
    lines.append("wrong and alone:")
    lines += [
        f"  {r.asked.text} → {r.draft.text} ({r.draft.confidence:.3f})"
        for r in replies
        if r.alone and not r.is_right
    ]
    return "\n".join(lines)


async def main(name: str, *, questions: int, threads: int, seconds: float) -> None:
    """Ask them all."""
    shelf = read()
    asked = [one for known in shelf for one in known.others]
    # In no order, so that as far as it gets it has asked of everything.
    random.Random(SEED).shuffle(asked)
    confidence = Confidence.load()
    rules = Rules(threshold=confidence.threshold(TARGET))
    clock = SystemClock()
    with ThreadPoolExecutor(1) as executor:
        matcher = ThreadMatcher(PairModel(), executor)
        bench = await Bench.over(
            articles_of(shelf),
            ThreadEmbedder(BundledEncoder(), executor),
            executor,
            matcher=matcher,
        )
        async with MODELS[name](threads) as address:
            responder = build_responder(
                retriever=bench.retriever,
                extractive=ExtractiveAnswerer(confidence),
                words=Words.load(CONFIG / "locales"),
                clock=clock,
                metrics=AnswerMetrics(CollectorRegistry()),
                prompts=CONFIG / "prompts",
                against=SubjectCheck(matcher, confidence),
                budget_seconds=seconds,  # the search has to share this machine with the model
                model=ModelSettings(
                    model=f"openai:{name}",
                    timeout_seconds=seconds,
                    extra={"max_tokens": 160},
                    options={"openai": {"base_url": address, "api_key": "none"}},
                ),
            )
            await responder.start()
            replies = []
            for number, one in enumerate(asked[:questions], start=1):
                replies.append(await ask(responder, one, rules))
                if number % 10 == 0:
                    print(f"\n{number} asked\n{table(replies)}", flush=True)
        await bench.close()
    print(shown(replies))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=sorted(MODELS), default="smollm2")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    asyncio.run(
        main(
            given.model,
            questions=given.questions,
            threads=given.threads,
            seconds=given.seconds,
        )
    )
