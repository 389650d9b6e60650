"""Builds the approvals' slice: the queue, its faces, its deadlines, and what decisions teach."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from prometheus_client import Gauge

from approvals.autonomy import cli
from approvals.autonomy.assistant import STATIC as AUTONOMY_STATIC
from approvals.autonomy.assistant import AssistantPages
from approvals.autonomy.pages import TEMPLATES as AUTONOMY_TEMPLATES
from approvals.autonomy.pages import TrustPages
from approvals.autonomy.replay import Archive, Replayed, replay, start_of
from approvals.autonomy.setup import AutonomyAndLearning, build_autonomy
from approvals.autonomy.similar import Incidents
from approvals.console.api import ApprovalRoutes
from approvals.console.inbox_api import InboxRoutes
from approvals.console.inbox_assignment import AssignmentRoutes
from approvals.console.inbox_pages import InboxPages
from approvals.console.inbox_views import InboxViewRoutes
from approvals.console.pages import DeskPages
from approvals.inbox.acts import InboxActs
from approvals.inbox.setup import InboxParts, build_inbox, mentions_in
from approvals.offboarding import let_go
from approvals.personal_data import CardsOfPeople, EvidenceOfPeople, LessonsOfPeople
from approvals.queue.escalation import Desk, Escalation
from approvals.queue.freshness import Freshness
from approvals.queue.holding import Holding
from approvals.queue.opening_hours import Hours
from approvals.queue.queries import Reading
from approvals.queue.service import ApprovalService
from approvals.queue.store import ApprovalsProjection, ApprovalStore
from approvals.slack_desk import DeskInSlack, direct_messages
from config.sections import ApprovalSettings
from core.accounts.roles import User
from core.attachments.views import FileViews
from core.company.model import Company
from core.domain.messages import SLACK
from core.engine.ports import ChannelDirectory, Sources
from core.engine.processing.pipeline import Pipeline
from core.engine.replies import Replies
from core.engine.store.listing import ConversationListing
from core.errors import BadInput, SetupError
from core.privacy.owned import OwnedDocuments
from core.privacy.stored import stored
from core.rag.knowledge_base.rag import Rag
from core.rag.llm.choice import ModelChoices
from core.rag.setup import model_of, responder_of
from core.runtime.shipped import HERE, PROMPTS
from core.sdk.channel import Channel
from core.slices.slice import Core, Job, Slice, Web
from core.web.http.routing import Routed

CONSOLE_UNDO_SECONDS = 8.0  #: in which a decision on the console may be taken back
HOLDING_SECONDS = 15  #: between two looks for customers who wait for a person that holds them
INBOX_SECONDS = 5  #: between two looks for what is back, who gets a draft, and who is to be told
SWEEP_SECONDS = 2  #: between two looks for drafts whose deadline has passed
FILES = HERE / "approvals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules for drafts: autonomy by topic, opening hours, and the store of approvals."""

    store: ApprovalStore
    trust: AutonomyAndLearning
    desk: Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """The parts of approvals that others use."""

    store: ApprovalStore
    service: ApprovalService
    trust: AutonomyAndLearning
    escalation: Escalation
    freshness: Freshness
    slack: DeskInSlack
    inbox: InboxParts
    slice: Slice


def setup_rules(core: Core, rag: Rag) -> Rules:
    """The rules by which the pipeline sends or asks; they need no pipeline."""
    wishes = core.settings.approvals
    store = ApprovalStore(core.db["approvals"])
    queries = Reading(
        conversations=core.conversations,
        store=store,
        in_hands=ConversationListing(core.db["conversations"]).in_hands,
        drain=core.projector.drain,
        clock=core.clock,
    )
    trust = build_autonomy(
        core.db,
        wishes,
        confidence=rag.confidence,
        knowledge=rag.knowledge,
        recall=queries.recall,
        history=core.conversations.history,
        find_user=core.accounts.lookup,
        audit=core.audit,
        clock=core.clock,
        is_alone=core.node.is_alone,
    )
    # Whoever changes a document at rest takes back what it taught, too.
    rag.on_open(trust.autonomy.start)
    desk = Desk(hours=_hours(wishes), seconds=wishes.approval_timeout_seconds, words=core.words)
    core.company.on_check(lambda company: _check_hours(wishes, company))
    core.company.on_changed(lambda company: _change(desk, wishes, company))
    return Rules(store=store, trust=trust, desk=desk)


def setup(
    core: Core,
    rag: Rag,
    rules: Rules,
    *,
    channels: ChannelDirectory,
    at_hand: Callable[[str], Channel | None],
    pipeline: Pipeline,
    replies: Replies,
    sources: Sources,
    models: ModelChoices,
    slack_is_wanted: Callable[[], bool],
) -> Approvals:
    """Everything that people do with drafts and conversations."""
    store, trust, desk = rules.store, rules.trust, rules.desk

    async def colleagues() -> Sequence[User]:
        return [account.user for account in await core.account_store.accounts()]

    many_notices = functools.partial(_many_notices, at_hand)
    listing = ConversationListing(core.db["conversations"])
    escalation = Escalation(
        conversations=core.conversations,
        store=store,
        desk=desk,
        replies=replies,
        clock=core.clock,
        wake=core.wakeups.wake,
        many_notices=many_notices,
    )
    freshness = Freshness(
        conversations=core.conversations,
        store=store,
        sources=sources,
        redraft=pipeline.redraft,
        newer=rag.knowledge.newer,
    )
    rag.knowledge.on_changed(freshness.knowledge_changed)
    service = ApprovalService(
        conversations=core.conversations,
        store=store,
        in_hands=listing.in_hands,
        drain=core.projector.drain,
        replies=replies,
        words=core.words,
        clock=core.clock,
        wake=core.wakeups.wake,
        find_user=core.accounts.lookup,
        many_notices=many_notices,
        undo_seconds=core.settings.approvals.approval_undo_seconds,
        look=freshness.look,
        mentioned=functools.partial(mentions_in, colleagues),
    )
    parts = build_inbox(
        core,
        listing,
        colleagues=colleagues,
        find_user=core.accounts.lookup,
        mailer=core.mail,
        site=core.site.url,
    )
    holding = Holding(
        conversations=core.conversations,
        waiting=parts.inbox.in_hands_waiting,
        desk=desk,
        replies=replies,
        clock=core.clock,
        wake=core.wakeups.wake,
        many_notices=many_notices,
    )
    core.accounts.on_removed(functools.partial(let_go, service))
    core.accounts.on_removed(parts.let_go)
    slack = DeskInSlack(
        core, service=service, store=store, channels=channels, is_wanted=slack_is_wanted
    )
    core.shared.on(SLACK, slack.take)
    core.shared.on(SLACK, lambda shared: parts.teller.take(direct_messages(core, shared)))
    lessons = LessonsOfPeople(core.db["lessons"], stored("lessons"), trust.learning.paused)
    core.renames.on_renamed(lessons.rename)
    again = functools.partial(_ask_again, core, rag, models, trust)

    def routes(web: Web) -> Sequence[Routed]:
        return (
            ApprovalRoutes(
                service=service, deliveries=core.deliveries, uploaded=core.library.uploaded
            ),
            DeskPages(
                service=service,
                inbox=parts.inbox,
                notifications=parts.notifications,
                presence=parts.presence,
                conversations=core.conversations,
                pages=web.pages,
                words=core.words,
                clock=core.clock,
                colleagues=colleagues,
                trouble=slack.trouble,
                pulls=replies.pulls,
                views=FileViews(core.links),
                max_mb=core.settings.attachments.attachment_max_mb,
                undo_seconds=_console_undo(core.settings.approvals),
                threshold=trust.autonomy.threshold,
            ),
            InboxPages(
                parts.inbox,
                replies=parts.replies,
                views=parts.views,
                presence=parts.presence,
                rules=parts.rules,
                notifications=parts.notifications,
                pages=web.pages,
                words=core.words,
                colleagues=colleagues,
            ),
            InboxRoutes(
                parts.inbox,
                acts=InboxActs(service, core.conversations, clock=core.clock),
                replies=parts.replies,
                conversations=core.conversations,
            ),
            InboxViewRoutes(parts.views, presence=parts.presence),
            AssignmentRoutes(
                parts.rules,
                inbox=parts.inbox,
                presence=parts.presence,
                colleagues=colleagues,
                pages=web.pages,
                words=core.words,
                clock=core.clock,
            ),
            AssistantPages(
                autonomy=trust.autonomy,
                learning=trust.learning,
                pages=web.pages,
                clock=core.clock,
            ),
            TrustPages(
                autonomy=trust.autonomy,
                incidents=Incidents(rag.embedder, service),
                replay=again,
                pages=web.pages,
                words=core.words,
            ),
        )

    waiting = Gauge(
        "contact_center_approvals_waiting",
        "Drafts that wait for a person.",
        registry=core.registry,
    )
    longest = Gauge(
        "contact_center_approvals_longest_seconds",
        "How long the most urgent of them has waited; 0 where none waits.",
        registry=core.registry,
    )

    async def measure() -> None:
        page = await store.pending(limit=1)
        waiting.set(page.total)
        since = [(core.clock.now() - one.requested_at).total_seconds() for one in page.items]
        longest.set(max(since, default=0.0))

    return Approvals(
        store=store,
        service=service,
        trust=trust,
        escalation=escalation,
        freshness=freshness,
        slack=slack,
        inbox=parts,
        slice=Slice(
            name="approvals",
            routes=routes,
            templates={"approvals": FILES / "templates", "trust": AUTONOMY_TEMPLATES},
            static={"approvals": FILES / "static", "trust": AUTONOMY_STATIC},
            projections=(
                trust.autonomy,
                trust.learning,
                ApprovalsProjection(
                    core.db["approvals"],
                    conversations=core.conversations,
                    next_step_at=desk.next_step_at,
                ),
                parts.projection,
                parts.notifications,
            ),
            jobs=(
                Job(work=trust.learning.sweep, every=timedelta(hours=6)),
                Job(work=escalation.sweep, every=timedelta(seconds=SWEEP_SECONDS)),
                Job(work=holding.sweep, every=timedelta(seconds=HOLDING_SECONDS)),
                Job(work=parts.snoozed.sweep, every=timedelta(seconds=INBOX_SECONDS)),
                Job(work=parts.assigner.sweep, every=timedelta(seconds=INBOX_SECONDS)),
                Job(work=parts.teller.sweep, every=timedelta(seconds=INBOX_SECONDS)),
            ),
            measures=(measure,),
            tasks={
                "learning": functools.partial(trust.learning.run, is_alone=core.node.is_alone),
                "freshness": freshness.run,
                "inbox": parts.builder.run,
                **({} if core.node.is_alone else _shared_tasks(trust)),
            },
            everywhere=("autonomy of others",),
            closing=(slack.leave,),
            commands=cli.commands(again),
            personal_data=(
                lessons,
                EvidenceOfPeople(core.db),
                parts.projection,
                OwnedDocuments(core.db["inbox_seen"], stored("inbox_seen")),
                OwnedDocuments(core.db["notifications"], stored("notifications")),
            ),
            personal_data_after=(CardsOfPeople(core.db["cards"]),),
        ),
    )


def _shared_tasks(
    trust: AutonomyAndLearning,
) -> Mapping[str, Callable[[], Coroutine[Any, Any, None]]]:
    """The work by which many processes go by the same autonomy."""
    return {"autonomy of others": trust.autonomy.follow, "refit": trust.autonomy.refit}


async def _ask_again(
    core: Core,
    rag: Rag,
    models: ModelChoices,
    trust: AutonomyAndLearning,
    since: str,
    threshold: float | None,
    prompt: Path | None,
    model: str,
    progress: Callable[[int, int], None],
) -> Replayed:
    """Ask what was asked since then again, against a change; nobody hears the answers."""
    await rag.open()
    llm = core.settings.llm
    past = await Archive(
        core.conversations,
        listing=ConversationListing(core.db["conversations"]),
        snapshots=core.snapshots,
    ).since(start_of(since, now=core.clock.now()))
    await models.load()
    named = llm.model_copy(update={"llm_model": model})
    wanted = model_of(named) if model else models.settings()
    if prompt is not None and wanted is None:
        raise BadInput("A prompt is for a model, and none is set; give --model.")
    responder = responder_of(core, rag, model=wanted, prompts=prompt or PROMPTS)
    await responder.start()
    return await replay(
        past,
        responder=responder,
        would_send=trust.autonomy.would_send
        if threshold is None
        else lambda draft: draft.confidence >= threshold < 1.0,
        progress=progress,
    )


def _console_undo(wishes: ApprovalSettings) -> float:
    """On the console a press may be a slip; whoever sets a time, none included, means it."""
    if "approval_undo_seconds" in wishes.model_fields_set:
        return wishes.approval_undo_seconds
    return CONSOLE_UNDO_SECONDS


def _many_notices(at_hand: Callable[[str], Channel | None], channel_id: str) -> bool:
    """Whether a channel takes notices that are merely polite; also while it cannot send."""
    channel = at_hand(channel_id)
    return channel is None or channel.capabilities.notices


def _change(desk: Desk, wishes: ApprovalSettings, company: Company) -> None:
    """What an admin has set stands before the environment."""
    minutes = company.deadline_minutes
    seconds = wishes.approval_timeout_seconds if minutes is None else minutes * 60
    desk.change(hours=_hours(_with_company(wishes, company)), seconds=seconds)


def _check_hours(wishes: ApprovalSettings, company: Company) -> None:
    try:
        _hours(_with_company(wishes, company))
    except SetupError as error:
        raise BadInput(error.detail.removeprefix("DESK_HOURS or DESK_HOLIDAYS: ")) from error


def _said(text: str | None, *, nothing: str) -> str | None:
    """What is set; an admin says in a word that nothing is, because an empty field says None."""
    return "" if text is not None and text.strip().lower() == nothing else text


def _with_company(wishes: ApprovalSettings, company: Company) -> ApprovalSettings:
    own = {
        "desk_hours": _said(company.hours, nothing="always"),
        "desk_holidays": _said(company.holidays, nothing="none"),
        "desk_timezone": company.timezone,
    }
    return wishes.model_copy(update={name: v for name, v in own.items() if v is not None})


def _hours(wishes: ApprovalSettings) -> Hours:
    try:
        return Hours.parse(
            wishes.desk_hours, zone=wishes.desk_timezone, holidays=wishes.desk_holidays
        )
    except SetupError as error:
        raise SetupError(f"DESK_HOURS or DESK_HOLIDAYS: {error.detail}") from error
