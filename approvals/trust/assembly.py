"""Puts the parts of trust together from their settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approvals.trust.answers_alone import History
from approvals.trust.autonomy import Autonomy, Recall, Wishes
from approvals.trust.evidence import EvidenceStore
from approvals.trust.learning import FindUser, Learning
from approvals.trust.lessons import LessonStore
from approvals.trust.topics import TopicStore
from config.sections import ApprovalSettings
from core.accounts.audit import Audit
from core.clock import Clock
from core.rag.knowledge import Knowledge
from core.rag.tempering import TemperedConfidence

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What may go out alone, and what is learned; both are projections."""

    autonomy: Autonomy
    learning: Learning


def build_trust(
    db: AsyncDatabase[dict[str, Any]],
    wishes: ApprovalSettings,
    *,
    confidence: TemperedConfidence,
    knowledge: Knowledge,
    recall: Recall,
    history: History,
    find_user: FindUser,
    audit: Audit,
    clock: Clock,
) -> Trust:
    """Both parts; `autonomy.start()` reads what is known, `learning.run()` works for ever."""
    autonomy = Autonomy(
        EvidenceStore(db["evidence"]),
        TopicStore(db["topics"], db["drawn"]),
        wishes=Wishes(
            target=wishes.auto_send_target_precision,
            prior=confidence.threshold(wishes.auto_send_target_precision),
            review_first=wishes.auto_send_cold_start == "review",
            automatic=wishes.auto_send_promotion == "auto",
            audit_share=wishes.audit_share,
            max_turns=wishes.assistant_turns,
        ),
        recall=recall,
        history=history,
        audit=audit,
        clock=clock,
        confidence=confidence,
    )
    learning = Learning(
        LessonStore(db["lessons"]),
        knowledge=knowledge,
        recall=recall,
        find_user=find_user,
        audit=audit,
        clock=clock,
        automatic=wishes.learn_from_edits == "auto",
    )
    knowledge.on_replaced(autonomy.articles_replaced)
    return Trust(autonomy=autonomy, learning=learning)
