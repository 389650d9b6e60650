"""The composition root: makes every part, tells each what it needs, starts and stops them.

Only bot.py imports this, after it has begun to start the embedded store: all that is heavy is
imported here, while the store boots.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from prometheus_client import CollectorRegistry

from analytics.assembly import Insight, open_insight
from analytics.cli import commands as analytics_commands
from analytics.console import STATIC as ANALYTICS_STATIC
from analytics.console import TEMPLATES as ANALYTICS_TEMPLATES
from analytics.console import DashboardPages
from analytics.report_pages import ReportPages
from analytics.reporting import Reporting
from analytics.store import FactsProjection, FactStore, rebuild
from analytics.studio import Studio
from analytics.web import DashboardRoutes
from approvals.board_store import CardStore, ViewerStore
from approvals.console.web import DeskPages
from approvals.deadlines import Desk, Ladder
from approvals.hours import Hours
from approvals.leaving import let_go
from approvals.service import ApprovalService
from approvals.store import ApprovalsProjection, ApprovalStore
from approvals.trust import cli as trust_cli
from approvals.trust.assembly import Trust, build_trust
from approvals.trust.incidents import Incidents
from approvals.trust.pages import TEMPLATES as TRUST_TEMPLATES
from approvals.trust.pages import TrustPages
from approvals.trust.replay import Archive, Replayed, replay, start_of
from approvals.web import ApprovalRoutes
from channels.web.pages import STATIC as CHAT
from channels.web.pages import ChatPages
from config.settings import ApprovalSettings, LlmSettings, Settings
from core import deliveries_cli
from core.accounts import audit_cli
from core.accounts import cli as accounts_cli
from core.accounts.audit import Audit
from core.accounts.audited import AuditedDecisions
from core.accounts.mail_links import MailedLinks
from core.accounts.rules import Action, User
from core.accounts.secrets import Passwords
from core.accounts.service import AccountsService
from core.accounts.sessions import StaffAccess
from core.accounts.sign_in import SignIn
from core.accounts.store import AccountStore
from core.bus import LocalBus
from core.clock import SystemClock
from core.control import Command, ControlServer, socket_path
from core.conversations import is_idle
from core.data_dir import DataDir
from core.deliveries import Deliveries
from core.doctor import (
    Check,
    answer_checks,
    doctor,
    machine_checks,
    mail_checks,
    store_checks,
)
from core.errors import BadInput, ChannelNotReady, NotFound, SetupError
from core.inbox import Inbox
from core.mail import Mailer
from core.messages import InboundMessage, Receipt
from core.outbox import Outbox
from core.path_metrics import stage_histogram
from core.pipeline import Pipeline
from core.ports import Responder, Signal
from core.privacy.cli import commands as privacy_commands
from core.privacy.kept import (
    OURS,
    TRUTH,
    Documents,
    Elsewhere,
    LearnedQuestions,
    LogFiles,
    Memories,
)
from core.privacy.service import PrivacyService, Running
from core.privacy.web import PrivacyRoutes
from core.rag import cli as rag_cli
from core.rag.assembly import Rag, open_rag
from core.rag.embeddings import Embedder
from core.rag.extractive import ExtractiveAnswerer
from core.rag.knowledge import Knowledge
from core.rag.llm import ModelSettings
from core.rag.metrics import AnswerMetrics
from core.rag.pages import TEMPLATES as KNOWLEDGE_TEMPLATES
from core.rag.pages import KnowledgePages
from core.rag.responder import BUDGET_SECONDS, build_responder
from core.rag.web import KnowledgeRoutes
from core.repository import Conversations, Projector
from core.speech import Speech
from core.storage.client import Database, open_database
from core.storage.commit_log import MongoCommitLog
from core.storage.deliveries import MongoDeliveries
from core.storage.embedded import EmbeddedStore
from core.storage.indexes import ensure_indexes
from core.storage.listing import ConversationListing
from core.storage.snapshots import MongoSnapshots
from core.web.assets import Assets
from core.web.console import ConsoleRoutes
from core.web.conversations import ConversationRoutes
from core.web.deliveries import DeliveryRoutes
from core.web.guide import GuideRoutes
from core.web.health import HealthRoutes
from core.web.pages import STATIC, Pages
from core.web.routing import Route
from core.web.server import WebServer
from core.web.settings import WebSettings
from core.web.sign_in import Provider, SignInRoutes
from core.web.users import UserRoutes
from core.web.visitors import VisitorTokens
from core.wording import Words
from core.worker import LocalLease, Worker
from plugins.catalog import Catalog
from plugins.checks import channel_checks
from plugins.cli import plugin_commands
from plugins.host import PluginHost
from plugins.life import Surroundings
from plugins.pages import STATIC as PLUGIN_STATIC
from plugins.pages import TEMPLATES as PLUGIN_TEMPLATES
from plugins.pages import PluginPages
from plugins.sealing import Seal
from plugins.service import PluginService
from plugins.store import PluginStore
from plugins.web import routes as plugin_routes

if TYPE_CHECKING:
    from approvals.slack import SlackDesk

log = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
VERSION = "0.1.0"
PROMPTS = HERE / "config" / "prompts"
GUIDE = HERE / "docs" / "guide"
STOPPING_SECONDS = 2.5  #: for answers that are under way
CHANNEL_SECONDS = 10.0  #: for the web chat's channel to come up before we listen
LEARNING_SECONDS = 30.0  #: for the guide to be taken in at the very first start
RETENTION_HOUR = 3  #: of the day, in the reports' time zone
SWEEP_SECONDS = 2  #: between two looks for drafts whose deadline has passed


class Center:
    """What stands on one store: commands use it at rest, `Serving` brings it to life."""

    def __init__(
        self,
        settings: Settings,
        data_dir: DataDir,
        db: Database,
        *,
        store: EmbeddedStore | None = None,
    ) -> None:

        self.settings, self.data_dir, self.db = settings, data_dir, db
        self.closing = AsyncExitStack()
        self.clock, self.lease = SystemClock(), LocalLease()
        self.secret_key = settings.server.secret_key or data_dir.secret_key()
        self.words = Words.load(HERE / "config" / "locales")
        self.live: Serving | None = None
        self._rag: Rag | None = None
        self._resting: Trust | None = None
        self.audit = Audit(db, clock=self.clock)
        self.facts = FactStore(db, clock=self.clock)
        self.studio = Studio(data_dir.path / "charts", self.words)
        self.account_store, self.passwords = AccountStore(db), Passwords()
        self.accounts = AccountsService(
            self.account_store, audit=self.audit, clock=self.clock, passwords=self.passwords
        )
        plugin_store, seal = PluginStore(db["plugins"]), Seal([self.secret_key])
        self.catalog = Catalog(built_in=HERE / "channels", folders=data_dir.path / "plugins")
        self.host = PluginHost(
            Surroundings(
                catalog=self.catalog,
                receive=self._receive,
                receive_receipt=self._receive_receipt,
                on_running=self._channel_is_up,
                on_shared=self._shared,
                clock=self.clock,
                words=self.words,
                lease=self.lease,
                public_url=settings.server.public_url or "",
                data_dir=data_dir.path / "channels",
            ),
            store=plugin_store,
            seal=seal,
            environment=settings.with_prefix,
        )
        self.plugins = PluginService(
            self.host, store=plugin_store, seal=seal, audit=self.audit, clock=self.clock
        )
        self.privacy = PrivacyService(
            db,
            running=self._running,
            audit=self.audit,
            clock=self.clock,
            rewrite=store.rewrite if store else None,
        )
        for kept in (
            Documents("deliveries", db["deliveries"]),
            Documents("approvals", db["approvals"]),
            Documents("lessons", db["lessons"]),
            LearnedQuestions(self.knowledge),
            Elsewhere(db, but=frozenset({*TRUTH, *OURS})),
            Memories(self._forget_memories),
            LogFiles(data_dir.path / "logs"),
        ):
            self.privacy.register(kept)

    @property
    def base_url(self) -> str:
        """How people reach us."""
        server = self.settings.server
        host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104
        serves = self.live is not None and self.live.web.listening
        port = self.live.web.port if self.live and serves else server.port
        return server.public_url or f"http://{host}:{port}"

    async def rag(self) -> Rag:
        """Retrieval and answering, opened at the first use: the model takes a second to load."""
        if self._rag is None:
            self._rag = await open_rag(
                self.closing,
                vectors=self.settings.vectors,
                data_dir=self.data_dir.path,
                db=self.db,
                clock=self.clock,
            )
        return self._rag

    def commands(self) -> Mapping[str, Command]:
        """Everything the command line can ask for."""
        return {
            **accounts_cli.commands(self.accounts, base_url=lambda: self.base_url),
            **rag_cli.commands(self.knowledge),
            **plugin_commands(self.plugins),
            **audit_cli.commands(self.audit),
            **deliveries_cli.commands(self._deliveries),
            **privacy_commands(self.privacy),
            **analytics_commands(
                make_again=lambda progress: rebuild(
                    self.db, self.facts, clock=self.clock, progress=progress
                ),
                reporting=self._reporting,
                yesterday=self._yesterday,
            ),
            **trust_cli.commands(self.replay),
            "doctor": doctor(self._checks),
        }

    async def _checks(self) -> Sequence[Check]:
        rag, settings = await self.rag(), self.settings
        return (
            *machine_checks(settings, self.data_dir),
            *store_checks(self.db, self.account_store, settings),
            *answer_checks(rag, settings, model=_model(settings.llm), prompts=PROMPTS),
            *mail_checks(settings),
            *await channel_checks(self.plugins),
        )

    def _deliveries(self) -> Deliveries:
        """At rest a retry is written down, and goes out at the next start."""
        if self.live is not None:
            return self.live.deliveries
        at_rest = self._running()
        return Deliveries(
            conversations=at_rest.conversations,
            store=MongoDeliveries(self.db["deliveries"], at_rest.conversations),
            wake=at_rest.wake,
        )

    def _running(self) -> Running:
        """What an erasure has to tell; at rest nobody listens, and the next start catches up."""
        if self.live is not None:
            return self.live.running
        snapshots = MongoSnapshots(self.db["conversations"], owner="all")
        conversations = Conversations(
            log_store=MongoCommitLog(self.db["log"]),
            snapshots=snapshots,
            bus=LocalBus(),
            clock=self.clock,
        )
        return Running(
            conversations=conversations,
            snapshots=snapshots,
            drain=_nothing,
            wake=lambda _conversation_id: None,
        )

    async def replay(
        self,
        since: str,
        threshold: float | None,
        prompt: Path | None,
        model: str,
        progress: Callable[[int, int], None],
    ) -> Replayed:
        """Ask what was asked since then again, against a change; nobody hears the answers."""
        rag, llm = await self.rag(), self.settings.llm
        past = await Archive(self.db["log"], self._running().conversations).since(
            start_of(since, now=self.clock.now())
        )
        wanted = _model(llm.model_copy(update={"llm_model": model}) if model else llm)
        if prompt is not None and wanted is None:
            raise BadInput("A prompt is for a model, and none is set; give --model.")
        responder = build_responder(
            retriever=rag.retriever,
            extractive=ExtractiveAnswerer(rag.confidence),
            words=self.words,
            clock=self.clock,
            metrics=AnswerMetrics(CollectorRegistry()),
            prompts=prompt or PROMPTS,
            model=wanted,
            budget_seconds=max(BUDGET_SECONDS, llm.llm_timeout_seconds + 0.2),
        )
        await responder.start()
        autonomy = (self.live.trust if self.live is not None else self._trust(rag)).autonomy
        if self.live is None:
            await autonomy.start()
        return await replay(
            past,
            responder=responder,
            would_send=autonomy.would_send
            if threshold is None
            else lambda draft: draft.confidence >= threshold < 1.0,
            progress=progress,
        )

    def _trust(self, rag: Rag) -> Trust:
        """At rest: for what it knows, not to learn."""

        async def nobody(_: str) -> None:
            return None

        return build_trust(
            self.db,
            self.settings.approvals,
            confidence=rag.confidence,
            knowledge=rag.knowledge,
            recall=nobody,
            history=self._running().conversations.history,
            find_user=nobody,
            audit=self.audit,
            clock=self.clock,
        )

    async def _forget_memories(self) -> int:
        rag = self._rag
        forgotten = rag.embedder.forget() if rag else 0
        if self.live is not None:
            await self.live.answers.stop()
        return forgotten

    def insight(
        self,
        conversations: Conversations,
        *,
        queue_length: Callable[[], Awaitable[int]],
        drain: Callable[[], Awaitable[None]] | None,
    ) -> Insight:
        """What supervisors see, over these conversations."""
        return open_insight(
            self.db,
            settings=self.settings,
            facts=self.facts,
            conversations=conversations,
            clock=self.clock,
            words=self.words,
            studio=self.studio,
            queue_length=queue_length,
            drain=drain,
            meaning=self._meaning,
            recipients=self._supervisors,
            base_url=lambda: self.base_url,
        )

    async def _reporting(self) -> Reporting:
        if self.live is not None:
            return self.live.insight.reporting
        conversations = Conversations(
            log_store=MongoCommitLog(self.db["log"]),
            snapshots=MongoSnapshots(self.db["conversations"], owner="all"),
            bus=LocalBus(),
            clock=self.clock,
        )
        store = ApprovalStore(self.db["approvals"])

        async def queue_length() -> int:
            return (await store.pending(limit=1)).total

        return self.insight(conversations, queue_length=queue_length, drain=None).reporting

    def _yesterday(self) -> date:
        zone = ZoneInfo(self.settings.reports.report_timezone)
        return self.clock.now().astimezone(zone).date() - timedelta(days=1)

    async def _meaning(self) -> Embedder:
        return (await self.rag()).embedder

    async def _supervisors(self) -> Sequence[str]:
        accounts = await self.account_store.accounts()
        return [a.user.email for a in accounts if a.user.may(Action.REPORT_READ)]

    async def knowledge(self) -> Knowledge:
        """The knowledge base, opened at the first use."""
        rag = await self.rag()
        if self.live is None and self._resting is None:
            # A document that changes at rest, too, takes back what it taught.
            self._resting = self._trust(rag)
            await self._resting.autonomy.start()
        return rag.knowledge

    async def _receive(self, message: InboundMessage) -> None:
        if self.live is None:
            raise ChannelNotReady
        await self.live.inbox.receive(message)

    async def _receive_receipt(self, receipt: Receipt) -> None:
        if self.live is None:
            raise ChannelNotReady
        await self.live.deliveries.on_receipt(receipt)

    async def _channel_is_up(self, channel_id: str) -> None:
        if self.live is not None:
            await self.live.worker.channel_is_up(channel_id)

    def _shared(self, channel_id: str, thing: object) -> None:
        if channel_id == "slack" and self.live is not None:
            self.live.take_slack(thing)


class Serving:
    """The path of a message and its faces, over a center; `start` and `stop` once."""

    def __init__(self, center: Center, rag: Rag, *, responder: Responder | None = None) -> None:

        db, clock, wishes = center.db, center.clock, center.settings.approvals
        self.center, self.rag = center, rag
        self.bus = LocalBus()
        self.commit_log = MongoCommitLog(db["log"])
        self.snapshots = MongoSnapshots(db["conversations"], owner="all")
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
            find_user=self._find_user,
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
            model=_model(llm),
            gate=lambda _question, draft: self.trust.autonomy.would_send(draft),
            revision=lambda: rag.retriever.revision,
            budget_seconds=max(BUDGET_SECONDS, llm.llm_timeout_seconds + 0.2),
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
            commit_log=self.commit_log,
            wake=self.worker.wake,
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
            drain=self.projector.drain,
            speech=self.speech,
            words=center.words,
            clock=clock,
            wake=self.worker.wake,
            find_user=self._find_user,
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
        self.insight = center.insight(
            self.conversations, queue_length=self._queue_length, drain=self.projector.drain
        )
        self.analytics = self.insight.analytics
        self._web_is_up = asyncio.Event()
        self.slack_desk: SlackDesk | None = None
        self._at_desk: asyncio.Task[None] | None = None
        self.mailed_links: MailedLinks | None = None
        self.web = self._web()
        center.accounts.on_changed(lambda user: self.web.end_streams(user_id=user.id))
        self.access.on_ended(
            lambda user_id, session_id: self.web.end_streams(user_id=user_id, session_id=session_id)
        )
        center.accounts.on_removed(functools.partial(let_go, self.approvals))
        self._stack = AsyncExitStack()

    def _sign_in_routes(
        self, settings: WebSettings, sign_in: SignIn, pages: Pages
    ) -> Sequence[Routed]:
        """Every way in that the settings open."""
        center = self.center
        oidc, mail = center.settings.oidc, center.settings.mail
        if mail.smtp_host:
            mailer = Mailer(
                host=mail.smtp_host,
                port=mail.smtp_port,
                sender=mail.smtp_from or mail.smtp_user or "desk@localhost",
                user=mail.smtp_user or "",
                password=mail.smtp_password or "",
            )
            self.mailed_links = MailedLinks(
                center.accounts, mailer=mailer, words=center.words, base_url=lambda: center.base_url
            )
        has_oidc = bool(oidc.oidc_issuer and oidc.oidc_client_id)
        ways = SignInRoutes(
            settings,
            sign_in=sign_in,
            pages=pages,
            words=center.words,
            providers=[Provider(name=oidc.oidc_name, path="/login/oidc")] if has_oidc else [],
            mailed=self.mailed_links,
        )
        if not (oidc.oidc_issuer and oidc.oidc_client_id):
            return (ways,)
        # Imported here: it brings an HTTP client that only this needs.
        from core.accounts.oidc import OidcWishes, OpenIdConnect
        from core.web.oidc import CALLBACK, OidcRoutes

        provider = OpenIdConnect(
            OidcWishes(
                issuer=oidc.oidc_issuer,
                client_id=oidc.oidc_client_id,
                client_secret=oidc.oidc_client_secret or "",
                scopes=oidc.oidc_scopes,
            ),
            store=center.account_store,
            redirect_uri=lambda: center.base_url + CALLBACK,
            clock=center.clock,
        )
        return (ways, OidcRoutes(settings, provider=provider, sign_in=sign_in, pages=ways))

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
            self._begin(stack, "erasures", self.center.privacy.resume())
            learning = self._begin(stack, "knowledge", self.rag.knowledge.start(guide=guide))
            await self.answers.start()
            await self.trust.autonomy.start()
            unsettled = await self.snapshots.unsettled()
            for conversation_id in unsettled:
                await self.projector.recover(conversation_id)
            self.projector.start()
            stack.push_async_callback(self.projector.stop)
            stack.push_async_callback(self._leave_slack)
            await self.center.host.start()
            stack.push_async_callback(self.center.host.stop)
            stack.push_async_callback(self.worker.stop, grace=STOPPING_SECONDS)
            await self._until_web_chat_is_up()
            if not await self.rag.knowledge.is_ready():
                # Only ever at the first start: the first customer should find an assistant that
                # knows something. It takes seconds, and is never waited for longer than this.
                await asyncio.wait({learning}, timeout=LEARNING_SECONDS)
            await self.web.start()
            self._web_is_up.set()
            stack.push_async_callback(self.web.stop)
            self._begin(stack, "learning", self.trust.learning.run())
            self._schedule(stack)
            for conversation_id in unsettled:
                self.worker.wake(conversation_id)
            self._stack = stack.pop_all()

    def take_slack(self, shared: Any) -> None:
        """Agents work in Slack through this app from now on (a `SharedApp`), if it has a desk."""
        self.insight.take_slack(shared)
        if not shared.desk_channel and self.slack_desk is None:
            return
        if self.slack_desk is None:
            self.slack_desk = self._desk_in_slack()
            self._at_desk = asyncio.create_task(
                _logged("the desk in Slack", self._work_in_slack(self.slack_desk)),
                name="desk in Slack",
            )
        self.slack_desk.attach(shared)

    async def _work_in_slack(self, desk: SlackDesk) -> None:
        await self._web_is_up.wait()  # cards carry links to the console
        await desk.run()

    def _slack_trouble(self) -> str:
        if self.slack_desk is not None and self.slack_desk.trouble:
            return self.slack_desk.trouble
        wanted = self.center.settings.slack.slack_approvals_channel or self.slack_desk
        return "away" if wanted and self.center.host.get("slack") is None else ""

    def _desk_in_slack(self) -> SlackDesk:
        # Here, because only who has Slack should wait for its SDK to be imported.
        from approvals.slack import SlackDesk

        center = self.center
        return SlackDesk(
            service=self.approvals,
            conversations=self.conversations,
            approvals=self.approval_store,
            cards=CardStore(center.db["cards"]),
            viewers=ViewerStore(center.db["desk_viewers"]),
            accounts=center.accounts,
            find_user=self._find_user,
            bus=self.bus,
            lease=center.lease,
            words=center.words,
            clock=center.clock,
            base_url=lambda: center.base_url,
        )

    async def _leave_slack(self) -> None:
        if self._at_desk is not None:
            self._at_desk.cancel()
            await asyncio.gather(self._at_desk, return_exceptions=True)

    async def stop(self) -> None:
        """Take nothing new, finish what is under way, write everything down."""
        await self._stack.aclose()

    def _web(self) -> WebServer:

        center, server = self.center, self.center.settings.server
        settings = WebSettings(
            secret_key=center.secret_key,
            host=server.host,
            port=server.port,
            public_url=server.public_url or "",
            frame_ancestors=server.widget_origins or ("*",),
            trusted_proxies=server.trusted_proxies,
            session_idle_seconds=server.session_idle_seconds,
            address_rate=server.rate_per_address,
            address_burst=int(server.rate_per_address * 2),
            conversation_rate=server.rate_per_conversation,
        )
        clock, accounts = center.clock, center.accounts
        visitors = VisitorTokens(secret_key=center.secret_key)
        access = self.access = StaffAccess(
            center.account_store,
            secret_key=center.secret_key,
            idle_seconds=server.session_idle_seconds,
            clock=clock,
        )
        sign_in = SignIn(
            center.account_store,
            access=access,
            audit=center.audit,
            passwords=center.passwords,
            clock=clock,
        )
        slices_static = {
            "analytics": ANALYTICS_STATIC,
            "approvals": HERE / "approvals" / "static",
            "plugins": PLUGIN_STATIC,
        }
        assets = Assets({"core": STATIC, "chat": CHAT, **slices_static})
        pages = Pages(
            settings,
            words=center.words,
            assets=assets,
            templates={
                "analytics": ANALYTICS_TEMPLATES,
                "approvals": HERE / "approvals" / "templates",
                "plugins": PLUGIN_TEMPLATES,
                "knowledge": KNOWLEDGE_TEMPLATES,
                "trust": TRUST_TEMPLATES,
            },
        )
        manifests = [found.manifest for found in center.catalog.scan().values()]
        webhooks = [path for manifest in manifests if manifest for path in manifest.webhooks]
        slices: Sequence[Routed] = (
            ChatPages(center.words, assets=assets),
            ConversationRoutes(
                settings,
                conversations=self.conversations,
                inbox=self.inbox,
                bus=self.bus,
                visitors=visitors,
                clock=clock,
            ),
            GuideRoutes(GUIDE, pages=pages),
            *self._sign_in_routes(settings, sign_in, pages),
            UserRoutes(
                accounts=accounts, access=access, public_url=server.public_url or "", clock=clock
            ),
            ConsoleRoutes(
                settings, accounts=accounts, audit=center.audit, pages=pages, bus=self.bus
            ),
            ApprovalRoutes(service=self.approvals, deliveries=self.deliveries),
            DeskPages(
                service=self.approvals,
                conversations=self.conversations,
                listing=ConversationListing(center.db["conversations"]),
                pages=pages,
                words=center.words,
                clock=clock,
                colleagues=self._colleagues,
                trouble=self._slack_trouble,
            ),
            KnowledgeRoutes(
                knowledge=self.rag.knowledge, confidence=self.rag.confidence, clock=clock
            ),
            DeliveryRoutes(
                self.deliveries,
                conversations=self.conversations,
                pages=pages,
                words=center.words,
            ),
            DashboardRoutes(self.analytics),
            ReportPages(
                self.insight.reporting,
                analytics=self.analytics,
                gaps=self.insight.gaps,
                knowledge=center.knowledge,
                pages=pages,
                words=center.words,
                clock=clock,
            ),
            DashboardPages(
                self.analytics,
                pages=pages,
                words=center.words,
                studio=center.studio,
                clock=clock,
            ),
            KnowledgePages(self.rag.knowledge, confidence=self.rag.confidence, pages=pages),
            TrustPages(
                autonomy=self.trust.autonomy,
                learning=self.trust.learning,
                incidents=Incidents(self.rag.embedder, self.approvals),
                replay=center.replay,
                pages=pages,
                words=center.words,
            ),
            PluginPages(center.plugins, pages=pages, words=center.words),
            PrivacyRoutes(center.privacy, pages=pages),
            HealthRoutes(
                checks={
                    "store": self._check_store,
                    "vectors": self._check_vectors,
                    "web chat": self._check_web_chat,
                },
                registry=self.registry,
            ),
        )
        return WebServer(
            settings,
            (
                *(route for part in slices for route in part.routes()),
                *plugin_routes(
                    center.plugins,
                    center.host,
                    public_url=settings.public_url,
                    webhooks=webhooks,
                ),
            ),
            visitors=visitors,
            staff=access,
            clock=clock,
            registry=self.registry,
            pages=pages,
            audit=center.audit,
            version=VERSION,
        )

    async def _queue_length(self) -> int:
        return (await self.approval_store.pending(limit=1)).total

    async def _retain(self) -> None:
        wishes = self.center.settings.server
        erased = await self.center.privacy.retain(
            days=wishes.retention_days, by_channel=dict(wishes.retention_days_by_channel)
        )
        if erased:
            log.info("%d conversations were old enough to be erased", erased)

    async def _check_store(self) -> None:
        await self.center.db.command("ping")

    async def _check_vectors(self) -> None:
        await self.rag.index.count()

    async def _check_web_chat(self) -> None:
        if self.center.host.get("web") is None:
            raise ChannelNotReady("The channel of the web chat is off.")

    def _pulls(self, channel_id: str) -> bool:
        channel = self.center.host.get(channel_id)
        return channel is not None and channel.capabilities.pulls

    def _many_notices(self, channel_id: str) -> bool:
        channel = self.center.host.get(channel_id)
        return channel is None or channel.capabilities.notices

    async def _find_user(self, email: str) -> User | None:

        try:
            return await self.center.accounts.find(email)
        except NotFound:
            return None

    async def _colleagues(self) -> Sequence[User]:
        return [account.user for account in await self.center.account_store.accounts()]

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

    def _schedule(self, stack: AsyncExitStack) -> None:

        scheduler = AsyncIOScheduler(
            timezone=self.center.settings.reports.report_timezone,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        scheduler.add_job(self.trust.learning.sweep, IntervalTrigger(hours=6))
        scheduler.add_job(self.ladder.sweep, IntervalTrigger(seconds=SWEEP_SECONDS))
        scheduler.add_job(self.access.sweep, IntervalTrigger(hours=1))
        scheduler.add_job(self._retain, CronTrigger(hour=RETENTION_HOUR))
        scheduler.add_job(self.center.facts.roll_up, IntervalTrigger(minutes=1))
        soon = self.center.clock.now() + timedelta(seconds=5)
        scheduler.add_job(
            self.insight.reporting.tick, IntervalTrigger(seconds=20), next_run_time=soon
        )
        scheduler.start()
        stack.callback(scheduler.shutdown, wait=False)

    def _begin(
        self, stack: AsyncExitStack, name: str, work: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(_logged(name, work), name=name)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        stack.push_async_callback(end)
        return task


def _model(llm: LlmSettings) -> ModelSettings | None:
    if llm.llm_model is None:
        return None
    return ModelSettings(
        model=llm.llm_model,
        fallbacks=llm.llm_fallback_models,
        timeout_seconds=llm.llm_timeout_seconds,
    )


def _hours(wishes: ApprovalSettings) -> Hours:
    try:
        return Hours.parse(
            wishes.desk_hours, zone=wishes.desk_timezone, holidays=wishes.desk_holidays
        )
    except SetupError as error:
        raise SetupError(f"DESK_HOURS or DESK_HOLIDAYS: {error.detail}") from error


async def _nothing() -> None:
    """At rest there is nothing to wait for."""


class Routed(Protocol):
    """A part with routes."""

    def routes(self) -> Sequence[Route]: ...


async def _logged(name: str, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("%s ended", name)


@asynccontextmanager
async def opened(
    settings: Settings, data_dir: DataDir, *, store: EmbeddedStore | None
) -> AsyncIterator[Center]:
    """The center on this data directory, which the caller holds; `store` is already launched."""
    async with AsyncExitStack() as stack:
        uri = settings.store.mongodb_uri or ""
        if store is not None:
            stack.push_async_callback(store.stop)
            await store.start()
            uri = store.uri
        db = await open_database(uri)
        stack.push_async_callback(db.client.close)
        await ensure_indexes(db)
        center = Center(settings, data_dir, db, store=store)
        await stack.enter_async_context(center.closing)
        yield center


@asynccontextmanager
async def serving(
    settings: Settings,
    data_dir: DataDir,
    *,
    store: EmbeddedStore | None,
    guide: Path | None = GUIDE,
    responder: Responder | None = None,
) -> AsyncIterator[Serving]:
    """Everything running, on a data directory that the caller holds.

    When nothing is known yet, the guide is taken in, in the background. `responder` answers in
    place of the one that the settings ask for.
    """
    async with opened(settings, data_dir, store=store) as center:
        live = center.live = Serving(center, await center.rag(), responder=responder)
        control = ControlServer(center.commands(), path=socket_path(data_dir.path))
        try:
            await live.start(guide=guide)
            await control.start()
            yield live
        finally:
            await control.stop()
            await live.stop()
