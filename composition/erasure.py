"""Every place where what a customer said is kept, so that forgetting him finds them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.privacy.kept import (
    OURS,
    TRUTH,
    Documents,
    Elsewhere,
    LearnedQuestions,
    LogFiles,
    Memories,
)
from core.privacy.service import PrivacyService
from core.storage.embedded import EmbeddedStore

if TYPE_CHECKING:
    from composition.center import Center


def open_privacy(center: Center, *, store: EmbeddedStore | None) -> PrivacyService:
    """Exports and erases over the center's store, which the embedded one writes anew after."""
    privacy = PrivacyService(
        center.db,
        running=center.running,
        audit=center.audit,
        clock=center.clock,
        rewrite=store.rewrite if store else None,
    )
    for kept in (
        Documents("deliveries", center.db["deliveries"]),
        Documents("approvals", center.db["approvals"]),
        Documents("lessons", center.db["lessons"]),
        LearnedQuestions(center.knowledge),
        Elsewhere(center.db, but=frozenset({*TRUTH, *OURS})),
        Memories(center.forget_memories),
        LogFiles(center.data_dir.path / "logs"),
    ):
        privacy.register(kept)
    return privacy
