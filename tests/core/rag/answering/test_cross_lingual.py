"""In another language than ours a model may answer, and what is not surely so waits for a person.

On a real LangChain chain: German, Spanish and Japanese questions about a company that writes in
English. `held.toml` was not looked at when the limits were chosen.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from core.clock import SystemClock
from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Question, Reason
from core.domain.policy import AutoSend, Rules, decide
from core.i18n import Words
from core.rag.answering.cross_lingual import Across, reading, says
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.answering.prometheus import AnswerMetrics
from core.rag.answering.responder import RagResponder, build_responder
from core.rag.answering.subject_check import SubjectCheck
from core.rag.commands.evaluation import Bench
from core.rag.confidence.model import Confidence
from core.rag.domain.model import Article, Hit, Passage
from core.rag.llm.chat_model import ModelSettings
from core.rag.reranking.question_matcher import PairModel, ThreadMatcher
from core.rag.vectors.embeddings import ThreadEmbedder
from tests.support.servers.openai import OpenAIServer, Scene, openai_server

ROOT = Path(__file__).parents[4]
DATA = Path(__file__).parents[1] / "data" / "foreign"
CONFIDENCE = Confidence.load()
RULES = Rules(threshold=CONFIDENCE.threshold(0.95))
pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question of one language, with what a model may write."""

    known: str  #: the known question
    language: str
    question: str
    right: Sequence[str]
    wrong: Sequence[str]
    other: tuple[str, str] | None  #: a question of another thing, and a yes to it


def companies(name: str) -> tuple[list[Article], list[Case]]:
    told: dict[str, Any] = tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))
    articles = [Article(id=k["id"], title=k["question"], text=k["text"]) for k in told["known"]]
    cases = [
        Case(
            known=k["question"],
            language=a["language"],
            question=a["question"],
            right=a["right"],
            wrong=a["wrong"],
            other=(a["other"]["question"], a["other"]["answer"]) if "other" in a else None,
        )
        for k in told["known"]
        for a in k["asked"]
    ]
    return articles, cases


class Desk:
    """The real answerer over a real search and a server that says what it is told to."""

    def __init__(
        self, server: OpenAIServer, bench: Bench, embedder: ThreadEmbedder, pair: ThreadMatcher
    ) -> None:
        self.server, self.revision = server, 0
        self.responder: RagResponder = build_responder(
            retriever=bench.retriever,
            against=SubjectCheck(pair, CONFIDENCE),
            across=Across(embedder),
            extractive=ExtractiveAnswerer(CONFIDENCE),
            words=Words.load(ROOT / "config" / "locales"),
            clock=SystemClock(),
            metrics=AnswerMetrics(CollectorRegistry()),
            prompts=ROOT / "config" / "prompts",
            model=ModelSettings(
                model="openai:test",
                timeout_seconds=120.0,
                options={"openai": {"base_url": server.url, "api_key": "test"}},
            ),
            gate=lambda question, draft: True,
            revision=lambda: self.revision,
            budget_seconds=120,
        )

    async def draft(self, question: str, *claims: str) -> Draft:
        """What becomes of an answer in these sentences, each with the first source."""
        self.revision += 1
        told = [{"text": claim, "sources": [1]} for claim in claims]
        self.server.scenes = [Scene(text=json.dumps({"claims": told}, ensure_ascii=False))]
        asked = Question(
            conversation_id="c", text=question, locale="en", channel="web", seconds=120
        )
        return await self.responder.draft(asked)


@pytest.fixture
async def desk(
    embedder: ThreadEmbedder, computing: ThreadPoolExecutor
) -> AsyncIterator[tuple[Desk, list[Case]]]:
    articles, cases = companies("held")
    bench = await Bench.over(articles, embedder, computing)
    async with openai_server() as server:
        center = Desk(server, bench, embedder, ThreadMatcher(PairModel(), computing))
        await center.responder.start()
        yield center, cases
    await bench.close()


def alone(draft: Draft) -> bool:
    return isinstance(decide(draft, RULES, conversation=Conversation(id="c")), AutoSend)


async def test_right_answers_go_out_and_wrong_ones_wait(
    desk: tuple[Desk, list[Case]],
) -> None:
    """Of the right ones half at least; of what is asked about another thing none."""
    center, cases = desk
    right, wrong, others = [], [], []
    for case in cases:
        draft = await center.draft(case.question, *case.right)
        right.append(alone(draft))
        assert draft.text, case.question
        if alone(draft):
            assert draft.reasons == ()
        else:
            assert set(draft.reasons) & {Reason.FOREIGN_LANGUAGE, Reason.UNSUPPORTED}
        wrong += [c for c in case.wrong if alone(await center.draft(case.question, c))]
        if case.other is not None:
            question, answer = case.other
            if alone(await center.draft(question, answer)):
                others.append(question)
            # The obedient model quotes the source as it is, too.
            if alone(await center.draft(question, *case.right)):
                others.append(question)
    print(f"{sum(right)} of {len(right)} right, wrong {wrong}, others {others}")
    assert others == []
    assert sum(right) >= 0.4 * len(right)
    # Under the right question another thing of its kind may pass; nobody asked for it.
    assert len(wrong) <= 0.2 * sum(len(case.wrong) for case in cases), wrong


async def test_the_model_is_asked_for_the_customers_language(
    desk: tuple[Desk, list[Case]],
) -> None:
    center, cases = desk
    for case, called in zip(cases[:3], ("German", "Spanish", "Japanese"), strict=True):
        center.server.requests.clear()
        await center.draft(case.question, *case.right)
        assert f"Write in {called}" in center.server.seen
        assert f"Answer in {called}." in center.server.seen


async def test_what_harms_waits_in_every_language(desk: tuple[Desk, list[Case]]) -> None:
    center, cases = desk
    harmful = {
        "de": (
            "Bitte senden Sie uns Ihr Passwort.", "Überweisen Sie 900 Euro.",
            "Mehr unter https://evil.xyz/login.", "Das ist nicht möglich.",
        ),
        "es": (
            "Envíenos su contraseña.", "Transfiera 900 euros.", "Más en https://evil.xyz/login.",
            "Eso no es posible.",
        ),
        "ja": (
            "パスワードを送ってください。", "900ユーロを振り込んでください。",
            "詳細は https://evil.xyz/login をご覧ください。", "それはできません。",
        ),
    }  # fmt: skip
    for case in cases[:6]:
        for sentence in harmful[case.language]:
            draft = await center.draft(case.question, *case.right, sentence)
            assert not alone(draft), (case.question, sentence)


async def test_another_language_than_the_customers_waits(
    desk: tuple[Desk, list[Case]],
) -> None:
    center, cases = desk
    german, spanish = cases[0], cases[1]
    assert not alone(await center.draft(german.question, *spanish.right))
    assert not alone(await center.draft(spanish.question, *german.right))


async def test_a_language_without_a_table_is_written_and_waits(
    desk: tuple[Desk, list[Case]],
) -> None:
    center, _ = desk
    draft = await center.draft(
        "Czy mogę zabrać ze sobą psa do hotelu, czy to jest zabronione?",
        "Psy są mile widziane w naszych pokojach na parterze.",
    )
    assert not alone(draft)
    assert Reason.FOREIGN_LANGUAGE in draft.reasons


async def test_what_the_limits_were_chosen_on(embedder: ThreadEmbedder) -> None:
    articles, cases = companies("fit")
    across, passages = Across(embedder), {}
    for article in articles:
        passages[article.title] = Passage(
            id=article.id, article_id=article.id, title=article.title, heading="", text=article.text
        )
    right, wrong, others = [], [], []
    for case in cases:
        source = passages[case.known]
        right += [not await across.doubted([(c, [source])], case.language) for c in case.right]
        wrong += [not await across.doubted([(c, [source])], case.language) for c in case.wrong]
        if case.other is None:
            continue
        near = float(await embedder.question(case.other[0]) @ await embedder.question(case.known))
        hit = Hit(passage=source, score=1.0, known=near, known_question=case.known)
        asked = Question(conversation_id="c", text=case.other[0], locale="en", channel="web")
        others += [not await across.against(asked, case.language, [hit])]
    assert not any(others)
    assert sum(right) >= 0.85 * len(right)
    assert sum(wrong) <= 0.15 * len(wrong)


@pytest.mark.parametrize(
    ("language", "claim", "source", "wanted"),
    [
        ("de", "Das dauert fünf Tage.", "It takes 5 days.", True),
        ("de", "Das dauert fünfundzwanzig Tage.", "It takes 25 days.", False),
        ("de", "Das dauert 5 Wochen.", "It takes 5 days.", False),
        ("de", "Das kostet 1.500 Euro.", "It costs 1,500 euros.", True),
        ("de", "Das kostet 1,5 Euro.", "It costs 15 euros.", False),
        ("es", "Cuesta veintidós euros.", "It costs 22 euros.", False),
        ("es", "Abrimos el lunes.", "We open on Tuesday.", False),
        ("ja", "二十四時間有効です。", "It is valid for 24 hours.", True),
        ("ja", "十二時間有効です。", "It is valid for 24 hours.", False),
        ("ja", "メールで送らないでください。", "Send it by mail.", False),
        ("de", "Die Rückgabe ist kostenlos.", "배송비는 3,000원입니다.", False),
        ("de", "Die Lieferung kostet 3.000 Won.", "배송비는 3,000원입니다.", True),
    ],
)
def test_what_has_to_be_the_same(language: str, claim: str, source: str, wanted: bool) -> None:
    own = "ko" if any("가" <= c <= "힣" for c in source) else "en"
    assert says(reading(claim, language), reading(source, own)) is wanted


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "1,000:30", "1.2.3:4"])
def test_a_number_that_cannot_be_read_equals_none(text: str) -> None:
    (read,) = reading(text, "es").numbers
    assert math.isnan(read)
    assert not says(reading(text, "es"), reading(text, "en"))
