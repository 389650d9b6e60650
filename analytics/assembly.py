"""Puts the parts of this folder together from their settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from pymongo.asynchronous.database import AsyncDatabase

from analytics.gaps import Gaps, Meaning
from analytics.letter import ReportMail
from analytics.report import ReportWriter
from analytics.report_pages import file_page
from analytics.report_store import ReportStore
from analytics.reporting import Reporting, Schedule
from analytics.service import Analytics, Drain, QueueLength
from analytics.store import FactStore
from analytics.studio import Studio
from config.settings import Settings
from core.clock import Clock
from core.mail import Mailer
from core.repository import Conversations
from core.wording import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Insight:
    """Everything of this folder that others use."""

    analytics: Analytics
    gaps: Gaps
    reporting: Reporting
    settings: Settings
    base_url: Callable[[], str]

    def take_slack(self, shared: Any) -> None:
        """Reports go out through this app from now on, if a channel is set for them."""
        channel = getattr(shared, "reports_channel", "")
        channel = channel or self.settings.slack.slack_reports_channel or ""
        if not channel:
            return
        # Here, because only who has Slack should wait for its SDK to be imported.
        from analytics.slack import SlackReports

        self.reporting.attach(
            SlackReports(
                shared.client,
                channel=channel,
                locale=shared.language,
                writer=self.reporting.writer,
                base_url=self.base_url(),
            )
        )


def open_insight(
    db: AsyncDatabase[dict[str, Any]],
    *,
    settings: Settings,
    facts: FactStore,
    conversations: Conversations,
    clock: Clock,
    words: Words,
    studio: Studio,
    queue_length: QueueLength,
    drain: Drain | None,
    meaning: Callable[[], Awaitable[Meaning]],
    recipients: Callable[[], Awaitable[Sequence[str]]],
    base_url: Callable[[], str],
) -> Insight:
    """The dashboard's and the reports' services."""
    analytics = Analytics(
        facts,
        clock=clock,
        zone=ZoneInfo(settings.reports.report_timezone),
        queue_length=queue_length,
        drain=drain,
    )
    gaps = Gaps(analytics, conversations=conversations, meaning=meaning)
    writer = ReportWriter(analytics, gaps, words)
    page = file_page(lambda: writer)
    mail = settings.mail
    reports = (
        ReportMail(
            mailer=Mailer(
                host=mail.smtp_host,
                port=mail.smtp_port,
                sender=mail.smtp_from or mail.smtp_user or "reports@localhost",
                user=mail.smtp_user or "",
                password=mail.smtp_password or "",
            ),
            locale=settings.reports.report_language,
            writer=writer,
            page=page,
            base_url=base_url,
            clock=clock,
        )
        if mail.smtp_host
        else None
    )
    reporting = Reporting(
        writer=writer,
        store=ReportStore(db["reports"], clock=clock),
        studio=studio,
        analytics=analytics,
        schedule=Schedule.parse(settings.reports.report_time),
        mail=reports,
        recipients=recipients,
        page=page,
        clock=clock,
        expects_slack=bool(settings.slack.slack_bot_token and settings.slack.slack_reports_channel),
    )
    return Insight(
        analytics=analytics, gaps=gaps, reporting=reporting, settings=settings, base_url=base_url
    )
