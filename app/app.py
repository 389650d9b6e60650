"""The application: every slice over one store, built for a command and started to serve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import analytics.setup
import approvals.setup
import channels.web.setup
import core.console.setup
import core.console.start.setup
import core.rag.setup
import imports.setup
import plugins.setup
import plugins.sources.setup
from analytics.queries.gaps import Meaning
from app.attachments import outgoing_files, setup_attachments
from app.backups import setup_backups
from app.cluster import share_rights
from app.core import build_core
from app.doctor import doctor, machine_checks, store_checks
from app.jobs import begin, schedule
from app.members import members
from app.privacy import setup_privacy, states_in_memory
from app.telemetry import start_telemetry, telemetry_checks
from app.web import build_web, health_of, web_settings
from config.settings import Settings
from core.accounts.oidc.doctor import require_sound
from core.accounts.roles import User
from core.accounts.sessions import StaffAccess
from core.cluster.hints import RedisHints
from core.cluster.model import Role
from core.cluster.settings import is_cluster
from core.console.health import ChannelReady, OperatorPort
from core.console.start.setup import home_of
from core.domain.messages import SLACK, WEB_CHAT
from core.domain.next_step import is_idle
from core.engine.inbound.acknowledgements import Acknowledgements
from core.engine.multiprocess.asked_here import AskedHere
from core.engine.multiprocess.keeper import Keeper
from core.engine.multiprocess.remote_bus import RemoteBus
from core.engine.outbound.outbox import Outbox
from core.engine.ports import Responder, Signal, Sources
from core.engine.processing.pipeline import Pipeline
from core.engine.processing.poison_messages import CrashMarks
from core.engine.processing.recovery import Recovery
from core.engine.processing.worker import Worker
from core.engine.replies import Replies
from core.engine.store.listing import ConversationListing
from core.rag.answering.freshness import FreshResponder
from core.rag.knowledge.digests import UnwatchedSources
from core.rag.knowledge_base.rag import Rag
from core.rag.llm.budget import Spent
from core.rag.llm.choice import Source
from core.rag.setup import (
    ask_as_chosen,
    model_budget,
    model_choices,
    model_of,
    responder_of,
)
from core.runtime.checks import Check
from core.runtime.control_socket import Command
from core.runtime.data_dir import DataDir
from core.runtime.shipped import GUIDE
from core.sdk.plugin import Carries
from core.slices.slice import Slice
from core.storage.client import Database
from core.storage.embedded import EmbeddedStore
from plugins.registry.egress import Egress

log = logging.getLogger(__name__)

HANDING_OVER_SECONDS = 10.0  #: of one of many: nobody waits for us
SCHEDULE = "schedule"  #: the lease of who does what the clock asks for
STOPPING_SECONDS = 2.5  #: for answers that are under way
CHANNEL_SECONDS = 10.0  #: for the web chat's channel to come up before we listen
LEARNING_SECONDS = 30.0  #: for the guide to be taken in at the very first start


class App:
    """The application over one store: built for a command, started and stopped once to serve.

    `closing` is entered by whoever opened the store and ends what was opened at the first use.
    `responder` answers in place of the one that the settings ask for. Of many processes each has
    a `role`, and `beats` as in `build_core`.
    """

    def __init__(
        self,
        settings: Settings,
        data_dir: DataDir,
        db: Database,
        *,
        store: EmbeddedStore | None = None,
        guide: Path | None = GUIDE,
        responder: Responder | None = None,
        role: Role = Role.ALL,
        beats: Database | None = None,
    ) -> None:
        self.settings, self.data_dir, self.db = settings, data_dir, db
        self.closing = AsyncExitStack()
        self._stack = AsyncExitStack()
        self.core = one = build_core(settings, data_dir, db, role=role, beats=beats)
        self.role = role
        self.rag = Rag(
            self.closing,
            vectors=settings.vectors,
            data_dir=data_dir.path,
            db=db,
            clock=one.clock,
            guide=guide,
            shows_shop=lambda: one.company.current.demonstration,
        )
        self._budget = model_budget(one)
        one.registry.register(self._budget)
        self.models = model_choices(one, reach=self._require_reach)
        knowledge = core.rag.setup.setup(one, self.rag, budget=self._budget, models=self.models)
        rules = approvals.setup.setup_rules(one, self.rag)
        self.answers = responder_of(
            one,
            self.rag,
            model=model_of(settings.llm),
            registry=one.registry,
            gate=lambda _question, draft: rules.trust.autonomy.would_send(draft),
            calls=self._budget,
        )
        ask_as_chosen(self.answers, self.models)
        # Of what another responder cites nothing is known.
        sources: Sources = self.rag.knowledge.sources if responder is None else UnwatchedSources()
        self._marks = CrashMarks(data_dir.path / "drafting.marks")
        self.plugins = plugins.setup.setup(
            one, on_running=self._channel_is_up, reseal_besides=self._reseal
        )
        self.host = self.plugins.host
        replies = Replies(one.words, pulls=self._pulls, disclosure=settings.server.disclosure or "")
        self.pipeline = Pipeline(
            conversations=one.conversations,
            responder=responder or FreshResponder(self.answers, sources),
            replies=replies,
            desk=rules.desk,
            rules=rules.trust.autonomy,
            clock=one.clock,
            site=one.site.url,
            writing_seconds=lambda: self.answers.writing_seconds,
            observe=one.observe,
            sources=sources,
            marks=self._marks,
        )
        if role.works:
            one.inbox.on_coming(self.pipeline.foresee)
        one.inbox.fetched(self._pulls)
        one.inbox.acknowledging(Acknowledgements(replies, many_notices=self._many_notices))
        outbox = Outbox(
            conversations=one.conversations,
            channels=self.host,
            clock=one.clock,
            words=one.words,
            files=outgoing_files(one, carries=self._carries),
            disclosure=replies.disclosure,
            ownership=one.node,
        )
        self.worker = Worker(
            conversations=one.conversations,
            pipeline=self.pipeline,
            outbox=outbox,
            channels=self.host,
            clock=one.clock,
            ownership=one.node,
        )
        self.keeper = Keeper(
            one.node,
            conversations=one.conversations,
            snapshots=one.snapshots,
            projector=one.projector,
            worker=self.worker,
            clock=one.clock,
            registry=one.registry,
        )
        self.recovery = Recovery(
            snapshots=one.snapshots,
            projector=one.projector,
            worker=self.worker,
            is_idle=is_idle,
            clock=one.clock,
            registry=one.registry,
        )
        one.wakeups.on_wake(self.worker.wake)
        if is_cluster(settings):
            self.rag.retriever.on_changed(self.rag.revision.changed)
            self.closing.push_async_callback(self.rag.revision.tell)  # a command's change, too
        self.hints = RedisHints.of(settings, one.secret_key) if is_cluster(settings) else None
        #: Questions that we took in, wherever they are answered.
        self.asked_here = (
            AskedHere(one.conversations, clock=one.clock) if self.hints is not None else None
        )
        self.remote = self._remote_bus(self.hints) if self.hints is not None else None
        one.conversations.on_signal(self._on_signal)
        self.desk = approvals.setup.setup(
            one,
            self.rag,
            rules,
            channels=self.host,
            at_hand=self.host.at_hand,
            pipeline=self.pipeline,
            replies=replies,
            sources=sources,
            models=self.models,
            slack_is_wanted=self._approvals_go_to_slack,
        )
        self.insight = analytics.setup.setup(
            one,
            queue_length=self._queue_length,
            longest_wait=self._longest_wait,
            in_hands=ConversationListing(db["conversations"]).in_hands,
            model_calls=self._model_calls,
            knowledge=self.rag.ready,
            disagreements=self.rag.disagreements,
            meaning=self._meaning,
            expects_slack=self._reports_go_to_slack,
        )
        self.access = StaffAccess(
            one.account_store,
            secret_key=one.secret_key,
            previous_key=one.previous_key,
            idle_seconds=settings.server.session_idle_seconds,
            longest_seconds=settings.server.session_longest_seconds,
            clock=one.clock,
        )
        chat = channels.web.setup.setup(
            one,
            host=self.host,
            under_way=self.worker.under_way if self.asked_here is None else self.asked_here,
            demonstrates=self.rag.knowledge.demonstrates,
        )
        parts = (
            core.console.setup.setup(
                one, self.access, home=partial(home_of, rag=self.rag), models=self.models
            ),
            chat,
            setup_attachments(one, channels=self.host, heard=self._heard),
            knowledge,
            plugins.sources.setup.setup(one, self.rag),
            self.plugins.slice,
            self.desk.slice,
            self.insight.slice,
            imports.setup.setup(one, self.rag),
        )
        backups, backup = setup_backups(one)
        self.privacy, privacy = setup_privacy(
            one,
            parts,
            rewrite=store.rewrite if store else None,
            forget=self._forget,
            states=states_in_memory(one, outbox, rules.trust.autonomy),
            hints=self.hints,
            copies=backups.left_behind,
        )
        start = core.console.start.setup.setup(
            one, self.rag, privacy=self.privacy, channels=self._channels
        )
        self.slices: Sequence[Slice] = (*parts, privacy, backup, start)
        for projection in (p for part in self.slices for p in part.projections):
            one.projector.register(projection)
        health = health_of(one, self.slices, channels=self._channels)
        self.health = health
        self.operator_port = OperatorPort(web_settings(one), health)
        self.web = build_web(one, self.slices, access=self.access, health=health)
        if self.hints is not None:
            share_rights(self.hints, one.accounts, self.access, self.web)

    def commands(self) -> Mapping[str, Command]:
        """Everything the command line can ask for, by name; serving or not."""
        return {
            **{name: command for part in self.slices for name, command in part.commands.items()},
            "doctor": doctor(self._checks),
            "members": members(self.core.node),
        }

    async def start(self) -> None:
        """Serve. Raises SetupError, having stopped whatever was started."""
        one = self.core
        require_sound(self.settings.oidc)
        async with AsyncExitStack() as stack:
            await start_telemetry(
                stack,
                self.settings.telemetry,
                registry=one.registry,
                measure=self.health.measure,
            )
            stack.push_async_callback(one.snapshots.close)
            stack.push_async_callback(one.commit_log.close)
            await self.rag.open()
            await self._budget.start()
            await self._open_model()
            self._marks.open()
            stack.callback(self._marks.close)
            await one.node.start()
            stack.push_async_callback(one.node.stop)
            if one.rates is not None:
                stack.push_async_callback(one.rates.stop)
            if self.hints is not None and self.remote is not None:
                begin(stack, "hints", self.hints.run())
                begin(stack, "news of others", self.remote.run())
                self.rag.revision.on_changed_elsewhere(self.desk.freshness.knowledge_changed)
                begin(stack, "knowledge of others", self.rag.share())
            if self.role.works:
                one.projector.start(catching_up=one.node.is_alone)
                stack.push_async_callback(one.projector.stop)
            tasks = self._begin_tasks(stack)
            for close in (close for part in self.slices for close in part.closing):
                stack.push_async_callback(close)
            if self.role.works:
                self.worker.start()
            await self.host.start()
            stack.push_async_callback(self.host.stop)
            grace = STOPPING_SECONDS if one.node.is_alone else HANDING_OVER_SECONDS
            stack.push_async_callback(self.worker.stop, grace=grace)
            await self.operator_port.start()
            stack.push_async_callback(self.operator_port.stop)
            if self.role.serves:
                await self._listen(stack, learned=tasks.get("knowledge"))
            one.site.listens(self.web.port if self.role.serves else self.settings.server.port)
            if self.role.works:
                one.node.membership.want(SCHEDULE)
                schedule(
                    stack,
                    self.slices,
                    zone=self.settings.reports.report_timezone,
                    clock=one.clock,
                    ours=lambda: one.node.is_alone or one.node.membership.holds(SCHEDULE),
                )
            if self.role.works:
                # We hear already: what an hour of many has left takes longer than anybody waits.
                takes_up = self.recovery if one.node.is_alone else self.keeper
                begin(stack, "what was left", takes_up.run())
            self._stack = stack.pop_all()

    async def _open_model(self) -> None:
        """Have the chosen model answer. Raises SetupError where the environment's cannot be had.

        What an admin has chosen holds up no start: until it can be had, answers are quoted.
        """
        await self.models.load()
        if self.models.current.source is not Source.ENVIRONMENT:
            await self.answers.use(None)
        await self.answers.start()
        await self.models.apply()

    async def _model_calls(self) -> Sequence[Spent]:
        """What the model has cost today; nothing where none is asked."""
        return await self._budget.today() if self.answers.writing_seconds else ()

    async def _reseal(self, user: User) -> Mapping[str, int]:
        return {**await self.models.reseal(user), **await self.core.mail.reseal(user)}

    async def _require_reach(self, address: str) -> None:
        reach = Egress(self.settings.server.private_api_addresses)
        await reach.require({"The model's address": address})

    def _remote_bus(self, hints: RedisHints) -> RemoteBus:
        one = self.core
        remote = RemoteBus(
            hints,
            bus=one.bus,
            conversations=one.conversations,
            commit_log=one.commit_log,
            ownership=one.node,
            keeper=self.keeper,
            typed=self.worker.customer_types,
            clock=one.clock,
            follows=() if self.asked_here is None else self.asked_here,
        )
        one.wakeups.on_wake(remote.wake)
        return remote

    def _begin_tasks(self, stack: AsyncExitStack) -> Mapping[str, asyncio.Task[None]]:
        """The work that slices do all the time: most of it in one process at a time, and no web."""
        node = self.core.node
        return {
            name: begin(
                stack,
                name,
                work() if name in part.everywhere else node.hold_while(f"task:{name}", work),
            )
            for part in self.slices
            for name, work in part.tasks.items()
            if self.role.works or name in part.everywhere
        }

    async def _listen(self, stack: AsyncExitStack, *, learned: asyncio.Task[None] | None) -> None:
        await self._until_web_chat_is_up()
        # Vendors may call from the moment we listen: a channel hears before it is connected.
        await self.host.hearing(within=CHANNEL_SECONDS)
        if learned and self.core.node.is_alone and await self.rag.knowledge.demonstrates():
            # The first customer should find an assistant that knows something. It takes
            # seconds, and is never waited for longer than this.
            await asyncio.wait({learned}, timeout=LEARNING_SECONDS)
        await self.web.start()
        stack.push_async_callback(self.web.stop)

    async def stop(self) -> None:
        """Take nothing new, finish what is under way, write everything down."""
        await self._stack.aclose()

    async def _checks(self) -> Sequence[Check]:
        one = self.core
        own = (
            *machine_checks(
                self.settings, self.data_dir, unbelieved_proxy=self.web.unbelieved_proxy
            ),
            *store_checks(self.db, one.account_store, self.settings),
            *telemetry_checks(self.settings.telemetry),
        )
        checks = [part.checks for part in self.slices if part.checks is not None]
        return (*own, *[check for look in checks for check in await look()])

    def _channels(self) -> Mapping[str, ChannelReady]:
        """The channels that are switched on."""
        return {
            plugin.id: ChannelReady(
                hears=plugin.status.hears,
                speaks=plugin.status.speaks,
                state=plugin.status.state.value,
            )
            for plugin in self.host.plugins()
            if plugin.wanted.enabled
        }

    async def _queue_length(self) -> int:
        return (await self.desk.store.pending(limit=1)).total

    async def _longest_wait(self) -> float:
        """For how many seconds the draft that waits longest has waited; 0 where none waits."""
        now = self.core.clock.now()
        waiting = (await self.desk.store.pending()).items
        return max(((now - one.waits_since).total_seconds() for one in waiting), default=0.0)

    async def _meaning(self) -> Meaning:
        await self.rag.open()
        return self.rag.embedder

    def _reports_go_to_slack(self) -> bool:
        """Whether a channel for reports is set; the app itself may yet have to connect."""
        wanted = self.host.plugin(SLACK).wanted
        return wanted.enabled and bool(wanted.settings.get("reports_channel"))

    def _approvals_go_to_slack(self) -> bool:
        """Whether a channel for approvals is set, though the app may be switched off."""
        return bool(self.host.plugin(SLACK).wanted.settings.get("approvals_channel"))

    async def _forget(self) -> int:
        """Forget what answering remembers of questions; how many there were."""
        self.answers.forget()
        return self.rag.forget()

    def _many_notices(self, channel_id: str) -> bool:
        channel = self.host.at_hand(channel_id)
        return channel is not None and channel.capabilities.notices

    def _pulls(self, channel_id: str) -> bool:
        channel = self.host.at_hand(channel_id)
        return channel is not None and channel.capabilities.pulls

    def _channel_is_up(self, channel_id: str) -> Awaitable[None]:
        return self.worker.channel_is_up(channel_id)

    async def _until_web_chat_is_up(self) -> None:
        deadline = self.core.clock.monotonic() + CHANNEL_SECONDS
        while self.host.get(WEB_CHAT) is None:
            if self.core.clock.monotonic() > deadline:
                log.warning("the web chat's channel is not up; `bot.py plugins list` says why")
                return
            await asyncio.sleep(0.01)

    def _carries(self, channel_id: str) -> Carries | None:
        manifest = self.host.plugin(channel_id).found.manifest
        return manifest.carries if manifest else None

    async def _heard(self, conversation_id: str, seq: int, text: str) -> None:
        await self.pipeline.answer_recording(conversation_id, seq, text)

    def _on_signal(self, signal: Signal) -> None:
        if signal.kind == "typing" and signal.text == "customer":
            self.worker.customer_types(signal.conversation_id)
