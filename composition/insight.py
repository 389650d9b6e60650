"""What supervisors see: dashboards and reports over the conversations, live or at rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from analytics.assembly import Insight, open_insight
from analytics.reporting import Reporting
from approvals.store import ApprovalStore
from core.accounts.rules import Action
from core.rag.embeddings import Embedder
from core.repository import Conversations

if TYPE_CHECKING:
    from composition.center import Center


def insight_over(
    center: Center,
    conversations: Conversations,
    *,
    approvals: ApprovalStore,
    drain: Callable[[], Awaitable[None]] | None,
) -> Insight:
    """What supervisors see, over these conversations and what waits in this queue."""

    async def queue_length() -> int:
        return (await approvals.pending(limit=1)).total

    async def meaning() -> Embedder:
        return (await center.rag()).embedder

    async def supervisors() -> Sequence[str]:
        accounts = await center.account_store.accounts()
        return [a.user.email for a in accounts if a.user.may(Action.REPORT_READ)]

    return open_insight(
        center.db,
        settings=center.settings,
        facts=center.facts,
        conversations=conversations,
        clock=center.clock,
        words=center.words,
        studio=center.studio,
        queue_length=queue_length,
        drain=drain,
        meaning=meaning,
        recipients=supervisors,
        base_url=lambda: center.base_url,
    )


async def reporting_of(center: Center) -> Reporting:
    """Whoever writes the reports: the serving one, or one at rest."""
    if center.live is not None:
        return center.live.insight.reporting
    return insight_over(
        center,
        center.running().conversations,
        approvals=ApprovalStore(center.db["approvals"]),
        drain=None,
    ).reporting


def yesterday(center: Center) -> date:
    """The last whole day in the reports' time zone."""
    zone = ZoneInfo(center.settings.reports.report_timezone)
    return center.clock.now().astimezone(zone).date() - timedelta(days=1)
