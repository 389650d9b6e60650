"""Asks second questions of the whole path, in memory: inbox, pipeline, policy, review."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry

from bench.second_questions.talks import Company, Known, Talk
from core.clock import SystemClock
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.drafts import Draft
from core.domain.messages import Address, Author, InboundMessage, Sender
from core.domain.next_step import Answer, next_step
from core.domain.policy import Rules
from core.engine.bus import LocalBus
from core.engine.inbound.inbox import Inbox
from core.engine.ports import Snapshot
from core.engine.processing import pipeline as path
from core.engine.processing.draft_merging import wants_nothing
from core.engine.processing.pipeline import Pipeline
from core.engine.replies import Replies
from core.engine.repository import Conversations
from core.i18n import Words
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.answering.prometheus import AnswerMetrics
from core.rag.answering.responder import build_responder
from core.rag.commands.evaluation import Bench
from core.rag.confidence.model import Confidence
from core.rag.domain.model import Article
from core.rag.reading.tables.records import article_from_row
from core.rag.reranking.question_matcher import Matcher
from core.rag.vectors.embeddings import ThreadEmbedder
from core.rag.vectors.encoder import Encoder
from tests.support.world import AlwaysOpen, FixedRules

ROOT = Path(__file__).parents[2]

# Measured is what is answered, not how fast: a busy machine must make no difference.
path.ANSWER_SECONDS = 60.0
BY = "agent@example.com"
TARGET = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a talk's last message."""

    company: str
    locale: str
    talk: Talk
    before: int  #: of the messages before, how many were answered alone
    sent: bool  #: it was answered without a person
    cited: tuple[str, ...]  #: the articles it cites
    text: str
    reasons: tuple[str, ...]
    lost: int  #: questions that waited and do not wait any more, with nobody's answer
    draft: Draft | None = None

    @property
    def known(self) -> bool:
        """Whether everything asked has an answer."""
        return all(self.talk.wanted)

    @property
    def right(self) -> bool:
        """Sent with a source for each part and no other, or waiting where it has to."""
        if not self.sent:
            return not self.known
        cited = set(self.cited)
        every = frozenset().union(*self.talk.wanted)
        return self.known and all(cited & part for part in self.talk.wanted) and cited <= every

    @property
    def wrong(self) -> bool:
        """Sent alone, and not right."""
        return self.sent and not self.right

    @property
    def half(self) -> bool:
        """Of several things some were answered and some not."""
        if not self.sent or len(self.talk.wanted) < 2:
            return False
        met = [bool(part & set(self.cited)) for part in self.talk.wanted]
        return any(met) and not all(met)


class _Log:
    """`core.engine.ports.ConversationLog` and `SnapshotStore` that forget with the process."""

    def __init__(self) -> None:
        self._commits: dict[str, list[ev.Commit]] = {}

    async def append(self, commit: ev.Commit) -> None:
        self._commits.setdefault(commit.conversation_id, []).append(commit)

    async def read(self, conversation_id: str, *, after: int = 0) -> list[ev.Commit]:
        return [c for c in self._commits.get(conversation_id, ()) if c.base > after]

    async def load(self, conversation_id: str) -> Snapshot | None:
        return None

    async def unsettle(self, state: Conversation) -> None:
        return

    async def save(self, snapshots: Sequence[Snapshot], *, settled: bool) -> None:
        return

    async def unsettled(self) -> list[str]:
        return []


@dataclass(kw_only=True)
class Desk:
    """One company's assistant."""

    company: Company
    conversations: Conversations
    pipeline: Pipeline
    inbox: Inbox
    clock: SystemClock
    drafts: list[Draft] = field(default_factory=list)
    keys: int = 0

    async def say(self, chat: str, text: str) -> str:
        """The customer writes; what is due is done. Gives the conversation's id."""
        self.keys += 1
        message = InboundMessage(
            address=Address(channel="web", account="", chat=chat),
            external_id=str(self.keys),
            sender=Sender(id=chat, locale=self.company.locale),
            text=text,
        )
        commit = await self.inbox.accept(message)
        await self.work(commit.conversation_id)
        return commit.conversation_id

    async def work(self, conversation_id: str) -> None:
        """Do what is due."""
        for _ in range(10):
            c = await self.conversations.peek(conversation_id)
            if not isinstance(next_step(c, now=self.clock.now(), settled_at=None), Answer):
                return
            draft = await self.pipeline.draft(c, on_delta=None)
            self.drafts.append(draft)
            await self.pipeline.conclude(c, draft)
        raise AssertionError(f"{conversation_id} never rests")

    async def act(self, conversation_id: str, act: str) -> None:
        """A step in brackets."""
        events: list[ev.Event]
        c = await self.conversations.peek(conversation_id)
        match act.partition("]"):
            case ("[resolve", _, _):
                events = [ev.Resolved(by=BY)]
            case ("[take_over", _, _):
                events = [ev.TakenOver(by=BY)]
            case ("[agent", _, text):
                events = [ev.Sent(author=Author.AGENT, text=text.strip(), by=BY, pulled=True)]
            case ("[hand_back", _, _):
                settles = tuple(u.seq for u in c.unanswered if wants_nothing(u.text))
                events = [ev.HandedBack(by=BY, settles=settles)]
            case _:
                raise ValueError(f"there is no step {act}")
        await self.conversations.update(conversation_id, lambda _: events)
        await self.work(conversation_id)

    async def ask(self, talk: Talk, chat: str) -> Outcome:
        """The whole talk."""
        cid, before = "", 0
        for step in talk.steps[:-1]:
            if step.startswith("["):
                await self.act(cid, step)
                continue
            cid = await self.say(chat, step)
            before += (await self._last(cid))[0] is not None
        waiting = (await self.conversations.peek(cid)).unanswered if cid else ()
        cid = await self.say(chat, talk.steps[-1])
        sent, review = await self._last(cid)
        state = await self.conversations.peek(cid)
        draft = sent.draft if sent is not None else review.draft if review is not None else None
        still = {seq for one in state.reviews for seq in one.answers}
        return Outcome(
            company=self.company.name,
            locale=self.company.locale,
            talk=talk,
            before=before,
            sent=sent is not None,
            cited=tuple(dict.fromkeys(_article(c.id) for c in sent.citations)) if sent else (),
            text=sent.text if sent else draft.text if draft else "",
            reasons=tuple(r.value for r in review.reasons) if review else (),
            lost=sum(m.seq not in still for m in waiting if state.status is not Status.HUMAN),
            draft=draft,
        )

    async def _last(self, cid: str) -> tuple[ev.Sent | None, ev.ReviewRequested | None]:
        """What became of the newest message: an answer sent alone, or a draft that waits."""
        sent, review = None, None
        for commit in await self.conversations.history(cid):
            for event in commit.events:
                match event:
                    case ev.Received():
                        sent, review = None, None
                    case ev.Sent(author=Author.AI) as e:
                        sent = e
                    case ev.ReviewRequested() as e:
                        review = e
        return sent, review


async def outcomes_of(
    company: Company, encoder: Encoder, *, matcher: Matcher | None = None
) -> list[Outcome]:
    """All talks of the company, each in a conversation of its own."""
    with ThreadPoolExecutor(1) as executor:
        embedder = ThreadEmbedder(encoder, executor)
        articles = [_article_of(row) for row in company.known]
        bench = await Bench.over(articles, embedder, executor, matcher=matcher)
        try:
            desk = _desk(company, bench)
            return [await desk.ask(talk, f"{n}") for n, talk in enumerate(company.talks)]
        finally:
            await bench.close()


def _desk(company: Company, bench: Bench) -> Desk:
    clock = SystemClock()
    store = _Log()
    words = Words.load(ROOT / "config" / "locales")
    conversations = Conversations(log_store=store, snapshots=store, bus=LocalBus(), clock=clock)
    confidence = Confidence.load()
    responder = build_responder(
        retriever=bench.retriever,
        extractive=ExtractiveAnswerer(confidence),
        words=words,
        clock=clock,
        metrics=AnswerMetrics(CollectorRegistry()),
        prompts=ROOT / "config" / "prompts",
        budget_seconds=60,
    )
    pipeline = Pipeline(
        conversations=conversations,
        responder=responder,
        replies=Replies(words, pulls=lambda _: True),
        desk=AlwaysOpen(seconds=timedelta(minutes=15).total_seconds()),
        rules=FixedRules(value=Rules(threshold=confidence.threshold(TARGET), max_turns=100)),
        clock=clock,
    )
    inbox = Inbox(conversations=conversations, wake=lambda _: None)
    return Desk(
        company=company, conversations=conversations, pipeline=pipeline, inbox=inbox, clock=clock
    )


def _article_of(row: Known) -> Article:
    article = article_from_row({"id": row.id, "title": row.question, "text": row.answer})
    return replace(article, questions=row.taught)


def _article(passage_id: str) -> str:
    return passage_id.rpartition("#")[0] or passage_id
