"""The parts that commands need while nothing is served: they read and write, and nobody listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from approvals.trust.assembly import Trust, build_trust
from core.bus import LocalBus
from core.clock import Clock
from core.privacy.service import Running
from core.rag.assembly import Rag
from core.repository import Conversations
from core.storage.client import Database
from core.storage.commit_log import MongoCommitLog
from core.storage.snapshots import MongoSnapshots

if TYPE_CHECKING:
    from composition.center import Center


def running_at_rest(db: Database, *, clock: Clock) -> Running:
    """What an erasure has to tell: nobody listens, and the next start catches up."""
    snapshots = MongoSnapshots(db["conversations"], db["unsettled"], owner="all")
    conversations = Conversations(
        log_store=MongoCommitLog(db["log"]), snapshots=snapshots, bus=LocalBus(), clock=clock
    )
    return Running(
        conversations=conversations,
        snapshots=snapshots,
        drain=_nothing,
        wake=lambda _conversation_id: None,
    )


async def trust_at_rest(center: Center, rag: Rag) -> Trust:
    """For what it knows, not to learn; its autonomy has started."""
    trust = build_trust(
        center.db,
        center.settings.approvals,
        confidence=rag.confidence,
        knowledge=rag.knowledge,
        recall=_nobody,
        history=center.running().conversations.history,
        find_user=_nobody,
        audit=center.audit,
        clock=center.clock,
    )
    await trust.autonomy.start()
    return trust


async def _nothing() -> None:
    """There is nothing to wait for."""


async def _nobody(_: str) -> None:
    return None
