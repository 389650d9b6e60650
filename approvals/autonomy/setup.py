"""Builds autonomy and learning from their settings."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.autonomy.autonomy import Autonomy, Recall, Wishes
from approvals.autonomy.fits import FitStore
from approvals.autonomy.sampling import History
from approvals.autonomy.topics import TopicStore
from approvals.learning.evidence import EvidenceStore
from approvals.learning.learning import FindUser, Learning
from approvals.learning.lessons import LessonStore
from approvals.learning.uses import TaughtStore
from config.sections import ApprovalSettings
from core.accounts.audit.log import Audit
from core.clock import Clock
from core.rag.confidence.recalibration import RecalibratedConfidence
from core.rag.knowledge.revision import SharedRevision
from core.rag.knowledge_base.service import Knowledge
from core.storage.client import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomyAndLearning:
    """The two projections: autonomy and learning."""

    autonomy: Autonomy
    learning: Learning


def build_autonomy(
    db: Database,
    wishes: ApprovalSettings,
    *,
    confidence: RecalibratedConfidence,
    knowledge: Knowledge,
    recall: Recall,
    history: History,
    find_user: FindUser,
    audit: Audit,
    clock: Clock,
    is_alone: bool,
) -> AutonomyAndLearning:
    """Both parts; `autonomy.start()` reads what is known, `learning.run()` works for ever."""
    autonomy = Autonomy(
        EvidenceStore(db["evidence"], clock=clock),
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
        fits=None if is_alone else FitStore(db["fits"]),
        shared=None if is_alone else SharedRevision(db["meta"], name="autonomy"),
    )
    learning = Learning(
        LessonStore(db["lessons"]),
        knowledge=knowledge,
        recall=recall,
        find_user=find_user,
        audit=audit,
        clock=clock,
        taught=TaughtStore(db["taught"]),
        automatic=wishes.learn_from_edits == "auto",
    )
    knowledge.on_replaced(autonomy.articles_replaced)
    return AutonomyAndLearning(autonomy=autonomy, learning=learning)
