"""Several questions in one message are answered all, each with its source, or wait all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from core.clock import SystemClock
from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Question, Reason, Turn
from core.domain.policy import AutoSend, Review, Rules, decide
from core.i18n import Words
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.answering.prometheus import AnswerMetrics
from core.rag.answering.responder import RagResponder, build_responder
from core.rag.commands.evaluation import Bench
from core.rag.confidence.model import Confidence
from core.rag.domain.model import Article
from core.rag.vectors.embeddings import ThreadEmbedder

ROOT = Path(__file__).parents[4]
CONFIDENCE = Confidence.load()
RULES = Rules(threshold=CONFIDENCE.threshold(0.95))
KNOWN = {
    "hours": ("What are your opening hours?", "We are open every day from 9 am to 6 pm."),
    "dogs": ("Can I bring my dog?", "Dogs up to 20 kilos are welcome. The fee is 3 euros."),
    "norway": ("Do you deliver to Norway?", "Yes, we deliver to Norway within five days."),
    "parking": ("주차할 수 있나요?", "객실마다 차 한 대를 무료로 주차할 수 있습니다."),
    "breakfast": ("조식이 나오나요?", "조식은 8시 30분부터 10시까지이고 9천 원입니다."),
}


@pytest.fixture
async def responder(
    embedder: ThreadEmbedder, computing: ThreadPoolExecutor
) -> AsyncIterator[RagResponder]:
    articles = [Article(id=key, title=q, text=a) for key, (q, a) in KNOWN.items()]
    bench = await Bench.over(articles, embedder, computing)
    yield build_responder(
        retriever=bench.retriever,
        extractive=ExtractiveAnswerer(CONFIDENCE),
        words=Words.load(ROOT / "config" / "locales"),
        clock=SystemClock(),
        metrics=AnswerMetrics(CollectorRegistry()),
        prompts=ROOT / "config" / "prompts",
        budget_seconds=30,
    )
    await bench.close()


async def drafted(responder: RagResponder, text: str, *history: Turn) -> Draft:
    asked = Question(
        conversation_id="c", text=text, locale="en", channel="web", history=tuple(history)
    )
    return await responder.draft(asked)


def cited(draft: Draft) -> list[str]:
    return [c.id.partition("#")[0] for c in draft.citations]


def verdict(draft: Draft, rules: Rules = RULES) -> tuple[Reason, ...]:
    """Why it waits; nothing where it goes out."""
    match decide(draft, rules, conversation=Conversation(id="c")):
        case AutoSend():
            return ()
        case Review(reasons=reasons):
            return reasons


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("What are your opening hours and can I bring my dog?", ["hours", "dogs"]),
        ("Can I bring my dog?\nWhat are your opening hours?", ["dogs", "hours"]),
        ("Hi! Can I bring my dog? What is the fee for that?", ["dogs"]),
        ("주차할 수 있나요 그리고 조식이 나오나요?", ["parking", "breakfast"]),
    ],
)
async def test_each_is_answered_with_its_source(
    responder: RagResponder, text: str, sources: list[str]
) -> None:
    draft = await drafted(responder, text)
    assert cited(draft) == sources
    assert verdict(draft) == ()
    assert len(draft.parts) == 2
    assert draft.confidence == min(part.confidence for part in draft.parts)
    for part in draft.parts:
        assert part.text in draft.text
        assert {c.id for c in part.citations} <= {c.id for c in draft.citations}


@pytest.mark.parametrize(
    "text",
    [
        "What are your opening hours and do you sell fishing licences?",
        "Can I bring my dog?\nWho won the world cup?",
        "Do you deliver to Norway and Portugal?",
        "Do you deliver to Portugal and Norway?",
        "주차할 수 있나요? 노래방 기계도 있나요?",
        "조식이랑 수건 나오나요?",
        "hours? dogs? Norway? and parking? and what else is there? and who are you?",
    ],
)
async def test_one_without_a_good_source_holds_all(responder: RagResponder, text: str) -> None:
    draft = await drafted(responder, text)
    reasons = verdict(draft)
    assert {Reason.SEVERAL_QUESTIONS, Reason.LOW_CONFIDENCE}.intersection(reasons)


async def test_every_part_has_to_pass_its_own_topics_threshold(responder: RagResponder) -> None:
    draft = await drafted(responder, "What are your opening hours and can I bring my dog?")
    first, second = draft.parts
    draft = replace(draft, parts=(first, replace(second, topic="strict")))
    strict = Rules(threshold=RULES.threshold, thresholds={"strict": 0.99999})
    assert verdict(draft, strict) == (Reason.LOW_CONFIDENCE,)


async def test_a_later_part_may_stand_on_an_earlier_one(responder: RagResponder) -> None:
    draft = await drafted(responder, "Can I bring my dog and how much is it?")
    assert (cited(draft), verdict(draft)) == (["dogs"], ())
    assert len(draft.parts) == 2


async def test_what_asks_once_has_no_parts(responder: RagResponder) -> None:
    draft = await drafted(responder, "We come with the kids on Friday. Can I bring my dog?")
    assert draft.parts == ()
