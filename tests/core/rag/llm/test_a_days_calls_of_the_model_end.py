"""How often a model may be asked: soft, then it is quoted; hard, then a person looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry

from approvals.queue.wording import reasons_in_words
from config.sections import LlmSettings
from core.clock import SystemClock
from core.domain.drafts import Draft, Question, Reason
from core.domain.policy import BLOCKING
from core.i18n import Words
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.answering.prometheus import AnswerMetrics
from core.rag.answering.responder import RagResponder, build_responder
from core.rag.confidence.model import Confidence
from core.rag.domain.model import Found, Hit, Passage
from core.rag.llm.budget import Allowance, Allowances, ModelBudget, Ruling
from core.rag.llm.chat_model import ModelSettings
from core.rag.setup import allowances
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.support.servers.openai import OpenAIServer, Scene, openai_server

ROOT = Path(__file__).parents[4]
WORDS = Words.load(ROOT / "config" / "locales")
GOOD = "Open Settings and press Reset password. [1]"
QUOTED = "quoted"
SEOUL = ZoneInfo("Asia/Seoul")


def passage(topic: str) -> Passage:
    return Passage(
        id=f"k-{topic}",
        article_id=f"a-{topic}",
        title="Passwords",
        heading="Reset",
        topic=topic,
        text="To reset your password, open Settings and press Reset password. A link is sent to"
        " your e-mail address and works for 30 minutes.",
    )


class Shelf:
    """A retriever with one passage, of the topic that the question names first."""

    async def search(self, text: str, *, locale: str = "", limit: int = 5) -> Found:
        hit = Hit(passage=passage(text.split(":")[0].lower()), score=1.0, dense=0.9)
        return Found(hits=[hit], signals={"question": 0.9}, seconds={"search": 0.001})

    def foresee(self, text: str) -> None:
        pass


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as running:
        running.scenes = [Scene(text=GOOD)]
        yield running


class Desk:
    """A responder over a real store's counts and a real model's server."""

    def __init__(self, server: OpenAIServer, db: Database, clock: ManualClock) -> None:
        self.server, self.db, self.clock = server, db, clock
        self.asked = 0

    def counting(self, **limits: object) -> ModelBudget:
        zone = ZoneInfo(str(limits.pop("zone", "UTC")))
        wanted = Allowances(zone=zone, **limits)  # type: ignore[arg-type]
        return ModelBudget(self.db["model_calls"], wanted, clock=self.clock)

    async def open(self, budget: ModelBudget, *, fallbacks: tuple[str, ...] = ()) -> RagResponder:
        responder = build_responder(
            retriever=Shelf(),
            extractive=ExtractiveAnswerer(Confidence.load()),
            words=WORDS,
            clock=SystemClock(),
            metrics=AnswerMetrics(CollectorRegistry()),
            prompts=ROOT / "config" / "prompts",
            model=ModelSettings(
                model="openai:test",
                fallbacks=fallbacks,
                timeout_seconds=20.0,
                options={"openai": {"base_url": self.server.url, "api_key": "test"}},
            ),
            calls=budget,
            budget_seconds=30.0,
        )
        await responder.start()
        return responder

    async def ask(self, responder: RagResponder, topic: str = "account") -> Draft:
        """The draft for a question that was not asked before."""
        self.asked += 1
        text = f"{topic}: how do I reset my password, the {self.asked}th?"
        return await responder.draft(
            Question(conversation_id="c", text=text, locale="en", channel="web")
        )

    @property
    def calls(self) -> int:
        return len(self.server.requests)


@pytest.fixture
def desk(server: OpenAIServer, db: Database, clock: ManualClock) -> Desk:
    return Desk(server, db, clock)


def by(draft: Draft) -> str:
    return "model" if draft.answerer.startswith("openai:") else QUOTED


async def test_beyond_the_soft_limit_the_quotation_goes_instead(desk: Desk) -> None:
    responder = await desk.open(desk.counting(day=Allowance(soft=2)))
    drafts = [await desk.ask(responder) for _ in range(4)]
    assert [by(draft) for draft in drafts] == ["model", "model", QUOTED, QUOTED]
    assert desk.calls == 2
    last = drafts[-1]
    assert Reason.MODEL_BUDGET in last.reasons
    assert last.text
    assert last.sendable
    assert not BLOCKING.intersection(last.reasons)


async def test_beyond_the_hard_limit_a_person_looks(desk: Desk) -> None:
    responder = await desk.open(desk.counting(day=Allowance(soft=1, hard=3)))
    drafts = [await desk.ask(responder) for _ in range(5)]
    assert desk.calls == 1
    assert [Reason.MODEL_BUDGET in d.reasons for d in drafts] == [False, True, True, False, False]
    for held in drafts[3:]:
        assert Reason.BUDGET_SPENT in held.reasons
        assert Reason.BUDGET_SPENT in BLOCKING
        assert not held.sendable
        assert held.text, "the person sees what would have been quoted"


async def test_a_hard_limit_alone_lets_the_model_answer_up_to_it(desk: Desk) -> None:
    responder = await desk.open(desk.counting(day=Allowance(hard=2)))
    drafts = [await desk.ask(responder) for _ in range(3)]
    assert desk.calls == 2
    assert [d.sendable for d in drafts] == [True, True, False]


async def test_a_topic_has_an_allowance_of_its_own(desk: Desk) -> None:
    budget = desk.counting(
        topics={"account": Allowance(soft=1), "*": Allowance(soft=2, hard=2)},
        day=Allowance(soft=100),
    )
    responder = await desk.open(budget)
    account = [await desk.ask(responder, "account") for _ in range(2)]
    orders = [await desk.ask(responder, "orders") for _ in range(3)]
    returns = await desk.ask(responder, "returns")
    assert [by(d) for d in (*account, *orders, returns)] == [
        "model", QUOTED, "model", "model", QUOTED, "model",
    ]  # fmt: skip
    assert not orders[-1].sendable
    spent = {one.topic: (one.calls, one.quoted, one.held) for one in await budget.today()}
    assert spent == {"": (4, 1, 1), "account": (1, 1, 0), "orders": (2, 0, 1), "returns": (1, 0, 0)}


async def test_what_the_day_has_no_room_for_is_not_counted_as_a_call_of_its_topic(
    desk: Desk,
) -> None:
    budget = desk.counting(topics={"*": Allowance(soft=5)}, day=Allowance(soft=1, hard=2))
    responder = await desk.open(budget)
    for _ in range(3):
        await desk.ask(responder)
    spent = {one.topic: (one.calls, one.quoted, one.held) for one in await budget.today()}
    assert spent == {"": (1, 1, 1), "account": (1, 1, 1)}
    counted = {d["topic"]: d["counted"] async for d in desk.db["model_calls"].find({})}
    assert counted == {"": 2, "account": 2}


async def test_a_restart_forgets_nothing(desk: Desk) -> None:
    await desk.ask(await desk.open(desk.counting(day=Allowance(soft=1))))
    again = desk.counting(day=Allowance(soft=1))
    await again.start()
    registry = CollectorRegistry()
    registry.register(again)
    seen = registry.get_sample_value(
        "contact_center_model_calls_today", {"topic": "*", "became": "asked"}
    )
    assert seen == 1.0
    assert by(await desk.ask(await desk.open(again))) == QUOTED
    assert desk.calls == 1


async def test_a_new_day_of_the_desk_begins_anew(server: OpenAIServer, db: Database) -> None:
    # 23:30 in Seoul, while it is still afternoon in UTC.
    clock = ManualClock(datetime(2026, 11, 29, 14, 30, tzinfo=UTC))
    desk = Desk(server, db, clock)
    budget = desk.counting(day=Allowance(soft=1), zone="Asia/Seoul")
    responder = await desk.open(budget)
    assert [by(await desk.ask(responder)) for _ in range(2)] == ["model", QUOTED]
    await clock.advance(1801)
    assert clock.now().astimezone(SEOUL).date() > clock.now().date()
    registry = CollectorRegistry()
    registry.register(budget)
    labels = {"topic": "*", "became": "asked"}
    assert registry.get_sample_value("contact_center_model_calls_today", labels) == 0.0
    assert by(await desk.ask(responder)) == "model"
    days = {found["day"] async for found in db["model_calls"].find({})}
    assert days == {"2026-11-29", "2026-11-30"}


async def test_old_days_are_not_kept(desk: Desk) -> None:
    budget = desk.counting()
    await budget.ask("orders")
    await desk.clock.advance(timedelta(days=60).total_seconds())
    await budget.ask("orders")
    assert await desk.db["model_calls"].count_documents({}) == 2


async def test_second_attempts_count_and_end_with_the_budget(desk: Desk) -> None:
    desk.server.scenes = [Scene(status=500)]
    budget = desk.counting(day=Allowance(soft=2))
    responder = await desk.open(budget, fallbacks=("openai:other", "openai:third"))
    draft = await desk.ask(responder)
    assert by(draft) == QUOTED
    assert Reason.MODEL_FAILED in draft.reasons
    assert desk.calls == 2
    assert (await budget.today())[0].calls == 2


async def test_many_at_once_never_pass_the_limit(desk: Desk) -> None:
    budgets = [desk.counting(day=Allowance(soft=5, hard=8)) for _ in range(3)]
    rulings = await asyncio.gather(*(budgets[n % 3].ask("orders") for n in range(20)))
    became = [ruled.ruling for ruled in rulings]
    assert became.count(Ruling.ASK) == 5
    assert became.count(Ruling.QUOTE) == 3
    assert became.count(Ruling.REVIEW) == 12


async def test_what_cannot_be_counted_is_quoted(desk: Desk) -> None:
    await desk.db["model_calls"].insert_one(
        {"_id": desk.clock.now().date().isoformat(), "day": "x", "topic": "", "counted": "no"}
    )
    responder = await desk.open(desk.counting(day=Allowance(soft=5)))
    draft = await desk.ask(responder)
    assert by(draft) == QUOTED
    assert draft.sendable


async def test_a_remembered_answer_costs_nothing(desk: Desk) -> None:
    budget = desk.counting(day=Allowance(soft=1))
    responder = await desk.open(budget)
    question = Question(conversation_id="c", text="account: reset", locale="en", channel="web")
    first = await responder.draft(question)
    again = await responder.draft(replace(question, conversation_id="d"))
    assert [by(first), by(again)] == ["model", "model"]
    assert (await budget.today())[0].calls == 1


@pytest.mark.parametrize("locale", ["en", "ko"])
@pytest.mark.parametrize("limit", ["day", "topic"])
async def test_the_card_says_why_in_words(desk: Desk, locale: str, limit: str) -> None:
    soft = Allowance(soft=0)
    budget = desk.counting(day=soft) if limit == "day" else desk.counting(topics={"*": soft})
    hard = Allowance(hard=0)
    strict = desk.counting(day=hard) if limit == "day" else desk.counting(topics={"*": hard})
    for counting, reason in ((budget, Reason.MODEL_BUDGET), (strict, Reason.BUDGET_SPENT)):
        draft = await desk.ask(await desk.open(counting))
        told = reasons_in_words((reason,), words=WORDS, locale=locale, findings=draft.findings)
        assert len(told) == 1
        assert "0" in told[0]
        assert ("account" in told[0]) == (limit == "topic")
        assert "{" not in told[0]
    assert desk.calls == 0


def test_the_settings_say_it() -> None:
    llm = LlmSettings.model_validate(
        {
            "llm_calls_a_day": "1000",
            "llm_calls_a_day_hard": "1500",
            "llm_calls_by_topic": "orders:200, gift cards:20, *:500",
            "llm_calls_by_topic_hard": "orders:300",
        }
    )
    wanted = allowances(llm, zone="Asia/Seoul")
    assert wanted.zone == SEOUL
    assert wanted.of("") == Allowance(soft=1000, hard=1500)
    assert wanted.of("orders") == Allowance(soft=200, hard=300)
    assert wanted.of("gift cards") == Allowance(soft=20)
    assert wanted.of("else") == Allowance(soft=500)
    assert wanted.of("else").ends[0] == 500
