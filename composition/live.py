"""The path of a message and its faces, brought to life over a center."""

from __future__ import annotations

import asyncio
import functools
import logging
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry

from analytics.projection import FactsProjection
from approvals.deadlines import Desk, Ladder
from approvals.hours import Hours
from approvals.leaving import let_go
from approvals.service import ApprovalService
from approvals.store import ApprovalsProjection, ApprovalStore
from approvals.trust.assembly import build_trust
from composition.answering import budget_seconds, model_of
from composition.background import begin, schedule
from composition.center import Center
from composition.insight import insight_over
from composition.program import PROMPTS
from composition.slack_desk import DeskInSlack
from composition.ways_in import mailed_links
from composition.web import web_server
from config.sections import ApprovalSettings
from core.accounts.audited import AuditedDecisions
from core.accounts.rules import User
from core.accounts.sessions import StaffAccess
from core.bus import LocalBus
from core.deliveries import Deliveries
from core.errors import NotFound, SetupError
from core.inbox import Inbox
from core.outbox import Outbox
from core.path_metrics import stage_histogram
from core.pipeline import Pipeline
from core.ports import Responder, Signal
from core.privacy.service import Running
from core.projector import Projector
from core.rag.assembly import Rag
from core.rag.extractive import ExtractiveAnswerer
from core.rag.metrics import AnswerMetrics
from core.rag.responder import build_responder
from core.repository import Conversations
from core.speech import Speech
from core.steps import is_idle
from core.storage.commit_log import MongoCommitLog
from core.storage.deliveries import MongoDeliveries
from core.storage.listing import ConversationListing
from core.storage.snapshots import MongoSnapshots
from core.worker import Worker

if TYPE_CHECKING:
    from approvals.slack import SlackDesk

log = logging.getLogger(__name__)

STOPPING_SECONDS = 2.5  #: for answers that are under way
CHANNEL_SECONDS = 10.0  #: for the web chat's channel to come up before we listen
LEARNING_SECONDS = 30.0  #: for the guide to be taken in at the very first start


class Serving:
    """The path of a message and its faces, over a center; `start` and `stop` once."""

    def __init__(self, center: Center, rag: Rag, *, responder: Responder | None = None) -> None:

        db, clock, wishes = center.db, center.clock, center.settings.approvals
        self.center, self.rag = center, rag
        self.bus = LocalBus()
        self.commit_log = MongoCommitLog(db["log"])
        self.snapshots = MongoSnapshots(db["conversations"], db["unsettled"], owner="all")
        self.conversations = Conversations(
            log_store=self.commit_log, snapshots=self.snapshots, bus=self.bus, clock=clock
        )
        self.projector = Projector(
            conversations=self.conversations,
            snapshots=self.snapshots,
            clock=clock,
            is_idle=is_idle,
        )
        self.speech = Speech(center.words, pulls=self._pulls)
        hours = _hours(wishes)
        self.desk = Desk(hours=hours, seconds=wishes.approval_timeout_seconds, words=center.words)
        self.trust = build_trust(
            db,
            wishes,
            confidence=rag.confidence,
            knowledge=rag.knowledge,
            recall=lambda approval_id: self.approvals.recall(approval_id),
            history=self.conversations.history,
            find_user=self.find_user,
            audit=center.audit,
            clock=clock,
        )
        self.registry = CollectorRegistry()
        observe = stage_histogram(self.registry)
        llm = center.settings.llm
        self.answers = build_responder(
            retriever=rag.retriever,
            extractive=ExtractiveAnswerer(rag.confidence),
            words=center.words,
            clock=clock,
            metrics=AnswerMetrics(self.registry),
            prompts=PROMPTS,
            model=model_of(llm),
            gate=lambda _question, draft: self.trust.autonomy.would_send(draft),
            revision=lambda: rag.retriever.revision,
            budget_seconds=budget_seconds(llm),
        )
        self.pipeline = Pipeline(
            conversations=self.conversations,
            responder=responder or self.answers,
            speech=self.speech,
            desk=self.desk,
            rules=self.trust.autonomy,
            clock=clock,
            site=lambda: center.base_url,
            observe=observe,
        )
        self.worker = Worker(
            conversations=self.conversations,
            pipeline=self.pipeline,
            outbox=Outbox(
                conversations=self.conversations,
                channels=center.host,
                clock=clock,
                words=center.words,
            ),
            channels=center.host,
            lease=center.lease,
            clock=clock,
        )
        self.conversations.on_signal(self._on_signal)
        self.inbox = Inbox(
            conversations=self.conversations,
            wake=self.worker.wake,
            foresee=self.pipeline.foresee,
            observe=observe,
        )
        delivery_store = MongoDeliveries(db["deliveries"], self.conversations)
        self.deliveries = Deliveries(
            conversations=self.conversations, store=delivery_store, wake=self.worker.wake
        )
        self.approval_store = ApprovalStore(db["approvals"])
        self.ladder = Ladder(
            conversations=self.conversations,
            store=self.approval_store,
            desk=self.desk,
            speech=self.speech,
            clock=clock,
            wake=self.worker.wake,
            many_notices=self._many_notices,
        )
        self.approvals = ApprovalService(
            conversations=self.conversations,
            store=self.approval_store,
            in_hands=ConversationListing(db["conversations"]).in_hands,
            drain=self.projector.drain,
            speech=self.speech,
            words=center.words,
            clock=clock,
            wake=self.worker.wake,
            find_user=self.find_user,
            many_notices=self._many_notices,
            undo_seconds=wishes.approval_undo_seconds,
        )
        self.projector.register(delivery_store)
        self.projector.register(AuditedDecisions(center.audit))
        self.projector.register(self.trust.autonomy)
        self.projector.register(self.trust.learning)
        self.projector.register(
            ApprovalsProjection(
                db["approvals"],
                conversations=self.conversations,
                next_step_at=self.desk.next_step_at,
            )
        )
        self.projector.register(FactsProjection(center.facts, conversations=self.conversations))
        self.insight = insight_over(
            center,
            self.conversations,
            approvals=self.approval_store,
            drain=self.projector.drain,
        )
        self.web_is_up = asyncio.Event()
        self.slack = DeskInSlack(self)
        self.mailed_links = mailed_links(center)
        self.access = StaffAccess(
            center.account_store,
            secret_key=center.secret_key,
            idle_seconds=center.settings.server.session_idle_seconds,
            clock=clock,
        )
        self.web = web_server(self)
        center.accounts.on_changed(lambda user: self.web.end_streams(user_id=user.id))
        self.access.on_ended(
            lambda user_id, session_id: self.web.end_streams(user_id=user_id, session_id=session_id)
        )
        center.accounts.on_removed(functools.partial(let_go, self.approvals))
        self._stack = AsyncExitStack()

    @property
    def running(self) -> Running:
        """What an erasure has to tell."""
        return Running(
            conversations=self.conversations,
            snapshots=self.snapshots,
            drain=self.projector.drain,
            wake=self.worker.wake,
        )

    async def start(self, *, guide: Path | None) -> None:
        """Serve. Raises SetupError, having stopped whatever was started."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.snapshots.close)
            stack.push_async_callback(self.commit_log.close)
            if self.mailed_links is not None:
                stack.push_async_callback(self.mailed_links.stop)
            begin(stack, "erasures", self.center.privacy.resume())
            learning = begin(stack, "knowledge", self.rag.knowledge.start(guide=guide))
            await self.answers.start()
            await self.trust.autonomy.start()
            unsettled = await self.snapshots.unsettled()
            for conversation_id in unsettled:
                await self.projector.recover(conversation_id)
            self.projector.start()
            stack.push_async_callback(self.projector.stop)
            stack.push_async_callback(self.slack.leave)
            stack.push_async_callback(self.center.conformance.stop)
            await self.center.host.start()
            stack.push_async_callback(self.center.host.stop)
            stack.push_async_callback(self.worker.stop, grace=STOPPING_SECONDS)
            await self._until_web_chat_is_up()
            if not await self.rag.knowledge.is_ready():
                # Only ever at the first start: the first customer should find an assistant that
                # knows something. It takes seconds, and is never waited for longer than this.
                await asyncio.wait({learning}, timeout=LEARNING_SECONDS)
            await self.web.start()
            self.web_is_up.set()
            stack.push_async_callback(self.web.stop)
            begin(stack, "learning", self.trust.learning.run())
            schedule(stack, self)
            for conversation_id in unsettled:
                self.worker.wake(conversation_id)
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Take nothing new, finish what is under way, write everything down."""
        await self._stack.aclose()

    def take_slack(self, shared: Any) -> None:
        """Reports and drafts go to Slack through this app from now on (a `SharedApp`)."""
        self.insight.take_slack(shared)
        self.slack.take(shared)

    @property
    def slack_desk(self) -> SlackDesk | None:
        """The desk in Slack, since the first app that has one."""
        return self.slack.desk

    async def find_user(self, email: str) -> User | None:
        """Whose address this is; nobody, when none of our staff has it."""
        try:
            return await self.center.accounts.find(email)
        except NotFound:
            return None

    def _pulls(self, channel_id: str) -> bool:
        channel = self.center.host.get(channel_id)
        return channel is not None and channel.capabilities.pulls

    def _many_notices(self, channel_id: str) -> bool:
        channel = self.center.host.get(channel_id)
        return channel is None or channel.capabilities.notices

    async def _until_web_chat_is_up(self) -> None:
        deadline = self.center.clock.monotonic() + CHANNEL_SECONDS
        while self.center.host.get("web") is None:
            if self.center.clock.monotonic() > deadline:
                log.warning("the web chat's channel is not up; `bot.py plugins list` says why")
                return
            await asyncio.sleep(0.01)

    def _on_signal(self, signal: Signal) -> None:
        if signal.kind == "typing" and signal.text == "customer":
            self.worker.customer_types(signal.conversation_id)


def _hours(wishes: ApprovalSettings) -> Hours:
    try:
        return Hours.parse(
            wishes.desk_hours, zone=wishes.desk_timezone, holidays=wishes.desk_holidays
        )
    except SetupError as error:
        raise SetupError(f"DESK_HOURS or DESK_HOLIDAYS: {error.detail}") from error
