"""Builds the analytics slice: facts, dashboard and reports, live or at rest."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from analytics.charts.renderer import ChartRenderer
from analytics.cli import commands
from analytics.dashboard.api import DashboardRoutes
from analytics.dashboard.gap_pages import GapPages
from analytics.dashboard.pages import STATIC, TEMPLATES, DashboardPages
from analytics.facts.projection import FactsProjection, rebuild
from analytics.facts.store import FactStore
from analytics.knowledge.command import audit
from analytics.knowledge.pages import ReviewPages
from analytics.knowledge.review import Look, Review
from analytics.knowledge.suggestions import Questions
from analytics.personal_data import FactsOfPeople, ReportsOfPeople
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
from core.rag.groundedness.disagreements import Disagreements
from core.rag.knowledge_base.service import Knowledge
from core.runtime.mail import mailer_of
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
    slice: Slice


def setup(
    core: Core,
    *,
    queue_length: QueueLength,
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
    gaps = Gaps(analytics, conversations=core.conversations, meaning=meaning)
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
                analytics, pages=web.pages, words=core.words, studio=studio, clock=core.clock
            ),
        )

    return Insight(
        facts=facts,
        analytics=analytics,
        gaps=gaps,
        reporting=reporting,
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
            personal_data=(facts_of_people, reports_of_people),
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
    mailer = mailer_of(settings.mail)

    async def supervisors() -> Sequence[str]:
        accounts = await core.account_store.accounts()
        return [a.user.email for a in accounts if a.user.may(Action.REPORT_READ)]

    return Reporting(
        writer=writer,
        store=ReportStore(core.db["reports"], clock=core.clock),
        studio=studio,
        analytics=analytics,
        schedule=Schedule.parse(settings.reports.report_time),
        mail=ReportMail(
            mailer=mailer,
            locale=settings.reports.report_language,
            writer=writer,
            page=page,
            base_url=core.site.url,
            clock=core.clock,
        )
        if mailer is not None
        else None,
        recipients=supervisors,
        page=page,
        clock=core.clock,
        expects_slack=expects_slack,
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
