"""The quality review looks at a fair sample, and says how sure its shares are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from analytics.facts.counting import Filter
from analytics.quality.sample import Share, in_turn
from analytics.quality.service import QualityReview
from analytics.quality.store import ReviewStore, Verdict
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.errors import BadInput, Forbidden
from tests.analytics.conftest import SUPERVISOR, Past

GOOD = {"solved": Verdict.YES, "correct": Verdict.YES, "tone": Verdict.YES}


def a_review(past: Past, key: bytes = b"key") -> QualityReview:
    return QualityReview(
        ReviewStore(past.db["quality_reviews"]),
        analytics=past.analytics(),
        conversations=past.world.conversations,
        key=key,
        audit=Audit(past.db, clock=past.clock),
        clock=past.clock,
    )


def test_each_has_the_same_chance_to_be_among_the_first() -> None:
    ids, draws, sample = range(50), 2_000, 10
    first = Counter[int]()
    for week in range(draws):
        first.update(in_turn(ids, key=b"key", week=str(week))[:sample])
    expected = draws * sample / len(ids)
    chi = sum((first[one] - expected) ** 2 / expected for one in ids) / (1 - sample / len(ids))
    assert chi < 85.4  # 49 degrees of freedom: one fair lottery in a thousand is beyond


def test_a_larger_sample_only_adds_and_nobody_foresees_it_without_the_key() -> None:
    one = in_turn([5, 3, 9, 3], key=b"key", week="2026-11-02")
    assert sorted(one) == [3, 5, 9]
    assert one == in_turn([9, 5, 3], key=b"key", week="2026-11-02")
    many = range(100)
    assert in_turn(many, key=b"key", week="a") != in_turn(many, key=b"other", week="a")
    assert in_turn(many, key=b"key", week="a") != in_turn(many, key=b"key", week="b")


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    # Of 17 in 20: 0.6211 to 0.9679.
    assert (Share(good=17, judged=20).least, Share(good=17, judged=20).most) == (62, 97)
    assert (Share(good=0, judged=0).least, Share(good=0, judged=0).most) == (0, 100)
    assert Share(good=20, judged=20).most == 100


async def test_all_conversations_of_the_week_can_be_drawn(past: Past) -> None:
    quality = a_review(past)
    await past.clock.advance(86_400 * 2)  # the week before the 9th is over
    week = quality.weeks()[0]
    assert week == "2026-11-02"
    found = await past.analytics().summary(
        SUPERVISOR, past.analytics().period(f"{week}T00:00:00Z", "2026-11-09T00:00:00Z"), Filter()
    )
    [result, *_] = await quality.results(SUPERVISOR)
    assert result.conversations == found["conversations"] > 20
    seen = []
    for number in range(1, 6):
        drawn = await quality.next(SUPERVISOR, week)
        assert drawn is not None
        assert drawn.number == number
        assert drawn.turns[0].text
        seen.append(drawn.conversation_id)
        verdicts = GOOD if number > 1 else GOOD | {"solved": Verdict.NO, "tone": Verdict.UNKNOWN}
        await quality.review(SUPERVISOR, week, drawn.conversation_id, **verdicts, note=" Hm. ")
    assert len(set(seen)) == 5
    [result, *_] = await quality.results(SUPERVISOR)
    assert (result.reviewed, result.unknown) == (5, 1)
    assert (result.solved, result.tone) == (Share(good=4, judged=5), Share(good=4, judged=4))
    assert [one.note for one in await quality.notes(SUPERVISOR, week)] == ["Hm."] * 5
    # Taken back, it is its turn again.
    await quality.take_back(SUPERVISOR, week, seen[2])
    again = await quality.next(SUPERVISOR, week)
    assert again is not None
    assert again.conversation_id == seen[2]


async def test_nobody_chooses_which(past: Past) -> None:
    quality = a_review(past)
    await past.clock.advance(86_400 * 2)
    week = quality.weeks()[0]
    due = await quality.next(SUPERVISOR, week)
    assert due is not None
    other = next(
        c.conversation_id for c in past.commits if c.conversation_id != due.conversation_id
    )
    with pytest.raises(BadInput, match="turn"):
        await quality.review(SUPERVISOR, week, other, **GOOD)
    with pytest.raises(BadInput, match="over"):
        await quality.next(SUPERVISOR, "2026-11-09")
    with pytest.raises(Forbidden):
        await quality.next(User(id="a", email="ann@example.com", role=Role.AGENT), week)
    await quality.review(SUPERVISOR, week, due.conversation_id, **GOOD)
    # Only its author takes it back.
    await quality.take_back(replace(SUPERVISOR, email="joe@example.com"), week, due.conversation_id)
    assert (await quality.results(SUPERVISOR))[0].reviewed == 1
