"""Who rates an answer again has changed their mind: only the last rating of it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from analytics.facts.counting import Filter
from analytics.facts.projection import FactsProjection
from analytics.facts.store import FactStore
from analytics.queries.service import Analytics
from core.accounts.roles import Role, User
from core.domain import events as ev
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.analytics.conftest import seven, write_log
from tests.analytics.test_one_question_is_missing_once import MINE, START, talk
from tests.support.world import build

SARA = User(id="u", email="sara@example.com", role=Role.SUPERVISOR)


@pytest.mark.parametrize(
    ("rated", "scores"),
    [
        ((MINE, ev.Rated(score=1), ev.Rated(score=5)), {"5": 1}),
        ((MINE, ev.Rated(score=1), ev.Rated(score=3), ev.Rated(score=2)), {"2": 1}),
        ((MINE, ev.Rated(score=1), MINE, ev.Rated(score=5)), {"1": 1, "5": 1}),
        ((MINE, ev.Rated(score=4)), {"4": 1}),
    ],
)
async def test_only_the_last_rating_of_an_answer_counts(
    db: Database, rated: Sequence[ev.Event], scores: dict[str, int]
) -> None:
    clock = ManualClock(START + timedelta(hours=5))
    commits = talk((ev.Received(text="Why?"), *rated))
    await write_log(db, [commits])
    store = FactStore(db, clock=clock)
    projection = FactsProjection(store, conversations=build(db, clock=clock).conversations)
    await projection.apply(commits)
    await projection.flush()
    analytics = Analytics(store, clock=clock, zone=ZoneInfo("UTC"), queue_length=seven)
    found = await analytics.summary(SARA, analytics.period(None, None, days=2), Filter())
    counted = {score: n for score, n in found["ratings"]["scores"].items() if n}
    assert counted == scores
    assert found["ratings"]["count"] == sum(scores.values())
