"""The repository remembers a bounded number of things, however many processes append."""

from __future__ import annotations

import pytest

from core.domain.conversation import Conversation
from core.storage.client import Database
from tests.support.world import build


async def test_what_others_append_takes_no_memory_for_ever(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.repository.CACHED", 10)
    conversations = build(db).conversations
    for number in range(100):
        conversations.adopt(Conversation(id=f"c{number}", seq=1))
        conversations.at_least(f"c{number}", 2)
    assert len(conversations._doubtful) <= 20
    assert conversations._doubtful >= {f"c{number}" for number in range(90, 100)}
