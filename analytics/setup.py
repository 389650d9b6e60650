"""Builds the analytics slice: facts, dashboard and reports, live or at rest."""

from __future__ import annotations

import functools
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from analytics.alerts.carriers import MailCarrier, SlackCarrier
from analytics.alerts.pages import AlertPages
from analytics.alerts.store import AlertStore
from analytics.alerts.watch import EVERY, LongestWait, Watch
from analytics.charts.renderer import ChartRenderer
from analytics.cli import commands
from analytics.dashboard.api import DashboardRoutes
from analytics.dashboard.gap_pages import GapPages
from analytics.dashboard.pages import STATIC, TEMPLATES, DashboardPages
from analytics.dashboard.shift import InHands, Shift
from analytics.facts.projection import FactsProjection, rebuild
from analytics.facts.store import FactStore
from analytics.knowledge.command import audit
from analytics.knowledge.pages import ReviewPages
from analytics.knowledge.review import Look, Review
from analytics.knowledge.suggestions import Questions
from analytics.personal_data import FactsOfPeople, ReportsOfPeople
from analytics.quality.pages import QualityPages
from analytics.quality.service import QualityReview
from analytics.quality.store import ReviewStore
from analytics.queries.gap_marks import MarksOfPeople, MarkStore
from analytics.queries.gaps import Gaps, Meaning
from analytics.queries.service import Analytics, ModelCalls, QueueLength
from analytics.reports.email import ReportMail
from analytics.reports.pages import ReportPages, file_page
from analytics.reports.schedule import Reporting, Schedule
from analytics.reports.slack import SlackReports
from analytics.reports.store import ReportStore
from analytics.reports.writer import ReportWriter
from core.accounts.roles import Action
from core.accounts.service import OPERATOR
from core.domain.messages import SLACK
from core.privacy.owned import OwnedDocuments
from core.privacy.stored import stored
from core.rag.groundedness.disagreements import Disagreements
from core.rag.knowledge_base.service import Knowledge
from core.slack.retry import Retry
from core.slices.slice import Core, Job, Slice, Web
from core.web.http.routing import Routed

if TYPE_CHECKING:
    from core.slack.app import SlackApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Insight:
    """The parts of analytics that others use."""

    facts: FactStore
    analytics: Analytics
    gaps: Gaps
    reporting: Reporting
    watch: Watch
    slice: Slice


def setup(
    core: Core,
    *,
    queue_length: QueueLength,
    longest_wait: LongestWait,
    in_hands: InHands,
    model_calls: ModelCalls | None,
    knowledge: Callable[[], Awaitable[Knowledge]],
    disagreements: Disagreements,
    meaning: Callable[[], Awaitable[Meaning]],
    expects_slack: Callable[[], bool],
) -> Insight:
    """The dashboard's and the reports' services, their pages, jobs and commands."""
    settings = core.settings
    zone = ZoneInfo(settings.reports.report_timezone)
    facts = FactStore(core.db, clock=core.clock)
    studio = ChartRenderer(core.data_dir.path / "charts", core.words)
    analytics = Analytics(
        facts,
        clock=core.clock,
        zone=zone,
        queue_length=queue_length,
        drain=core.projector.drain,
        model_calls=model_calls,
    )
    marks = MarkStore(core.db["gap_marks"], clock=core.clock)
    gaps = Gaps(
        analytics,
        conversations=core.conversations,
        meaning=meaning,
        marks=marks,
        audit=core.audit,
    )
    review = Review(
        analytics,
        gaps=gaps,
        disagreements=disagreements,
        questions=Questions(core.conversations),
        knowledge=knowledge,
        clock=core.clock,
    )

    async def look(days: int) -> Look:
        return await review.look(OPERATOR, days=days, catch_up=True)

    reporting = _reporting(
        core,
        analytics,
        ReportWriter(analytics, gaps, core.words),
        studio,
        expects_slack=expects_slack,
    )
    core.shared.on(SLACK, functools.partial(_take_slack, core, reporting))
    watch = _watch(core, analytics, queue_length=queue_length, longest_wait=longest_wait)
    quality = QualityReview(
        ReviewStore(core.db["quality_reviews"]),
        analytics=analytics,
        conversations=core.conversations,
        key=hmac.digest(core.secret_key.encode(), b"quality review", "sha256"),
        audit=core.audit,
        clock=core.clock,
    )
    shift = Shift(
        analytics, accounts=core.account_store.accounts, in_hands=in_hands, clock=core.clock
    )
    facts_of_people = FactsOfPeople(facts, core.conversations)
    reports_of_people = ReportsOfPeople(reporting, core.conversations)
    core.renames.on_renamed(facts_of_people.rename)
    core.renames.on_renamed(reports_of_people.rename)

    def yesterday() -> date:
        return core.clock.now().astimezone(zone).date() - timedelta(days=1)

    def routes(web: Web) -> Sequence[Routed]:
        return (
            DashboardRoutes(analytics),
            ReportPages(
                reporting,
                analytics=analytics,
                pages=web.pages,
                words=core.words,
                clock=core.clock,
            ),
            GapPages(analytics, gaps=gaps, knowledge=knowledge, pages=web.pages),
            ReviewPages(review, pages=web.pages),
            DashboardPages(
                analytics,
                pages=web.pages,
                words=core.words,
                studio=studio,
                clock=core.clock,
                shift=shift,
            ),
            AlertPages(watch, pages=web.pages, words=core.words, clock=core.clock),
            QualityPages(quality, pages=web.pages, zone=str(zone)),
        )

    return Insight(
        facts=facts,
        analytics=analytics,
        gaps=gaps,
        reporting=reporting,
        watch=watch,
        slice=Slice(
            name="analytics",
            routes=routes,
            templates={"analytics": TEMPLATES},
            static={"analytics": STATIC},
            projections=(FactsProjection(facts, conversations=core.conversations),),
            jobs=(
                Job(work=facts.roll_up, every=timedelta(minutes=1)),
                Job(
                    work=reporting.tick,
                    every=timedelta(seconds=20),
                    first=timedelta(seconds=5),
                ),
                Job(work=watch.tick, every=EVERY),
            ),
            commands={
                "kb.audit": audit(look),
                **commands(
                    make_again=lambda progress: rebuild(
                        core.db, facts, clock=core.clock, progress=progress
                    ),
                    reporting=reporting,
                    yesterday=yesterday,
                ),
            },
            personal_data=(
                facts_of_people,
                reports_of_people,
                MarksOfPeople(marks),
                OwnedDocuments(core.db["quality_reviews"], stored("quality_reviews")),
            ),
        ),
    )


def _reporting(
    core: Core,
    analytics: Analytics,
    writer: ReportWriter,
    studio: ChartRenderer,
    *,
    expects_slack: Callable[[], bool],
) -> Reporting:
    settings = core.settings
    page = file_page(lambda: writer)

    return Reporting(
        writer=writer,
        store=ReportStore(core.db["reports"], clock=core.clock),
        studio=studio,
        analytics=analytics,
        schedule=Schedule.parse(settings.reports.report_time),
        mail=ReportMail(
            mailer=core.mail,
            locale=settings.reports.report_language,
            writer=writer,
            page=page,
            base_url=core.site.url,
            clock=core.clock,
        ),
        recipients=functools.partial(_supervisors, core),
        page=page,
        clock=core.clock,
        expects_slack=expects_slack,
    )


async def _supervisors(core: Core) -> Sequence[str]:
    """Everybody who may read reports, by e-mail."""
    accounts = await core.account_store.accounts()
    return [a.user.email for a in accounts if a.user.may(Action.REPORT_READ)]


def _watch(
    core: Core, analytics: Analytics, *, queue_length: QueueLength, longest_wait: LongestWait
) -> Watch:
    """The alerts; Slack's come through whatever app is connected."""
    slack = SlackCarrier(core.words, base_url=core.site.url)
    core.shared.on(SLACK, slack.attach)
    mail = MailCarrier(
        core.mail,
        core.words,
        recipients=functools.partial(_supervisors, core),
        locale=core.settings.reports.report_language,
        base_url=core.site.url,
        clock=core.clock,
    )
    return Watch(
        AlertStore(core.db["alerts"]),
        analytics=analytics,
        queue_length=queue_length,
        longest_wait=longest_wait,
        carriers=(slack, mail),
        audit=core.audit,
        clock=core.clock,
    )


def _take_slack(core: Core, reporting: Reporting, shared: SlackApp) -> None:
    """Reports go out through this app from now on, if a channel is set for them."""
    reporting.attach(
        SlackReports(
            shared.client,
            channel=shared.staff.reports_channel,
            locale=shared.staff.language,
            writer=reporting.writer,
            base_url=core.site.url,
            retry=Retry(clock=core.clock),
        )
    )
