"""Missing answers are dismissed, merged and answered, and each of it is taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from analytics.facts.periods import Period
from analytics.queries.gap_marks import MarkKind, MarksOfPeople, MarkStore
from analytics.queries.gaps import Gap, Gaps
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.engine.ports import Person
from core.errors import BadInput, Forbidden, NotFound
from tests.analytics.conftest import END, SUPERVISOR, Past
from tests.analytics.reports.test_reports import spelling

ANN = User(id="a", email="ann@example.com", role=Role.AGENT)


class Desk:
    """The gaps of a past, with their marks."""

    def __init__(self, past: Past) -> None:
        self.past = past
        self.analytics = past.analytics()
        self.marks = MarkStore(past.db["gap_marks"], clock=past.clock)
        self.gaps = Gaps(
            self.analytics,
            conversations=past.world.conversations,
            meaning=spelling,
            marks=self.marks,
            audit=Audit(past.db, clock=past.clock),
        )

    def days(self, days: int = 20) -> Period:
        return self.analytics.period(None, None, days=days)

    async def open(self, days: int = 20) -> list[Gap]:
        return (await self.gaps.sorted_out(self.days(days))).open


@pytest.fixture
def desk(past: Past) -> Desk:
    return Desk(past)


async def test_a_dismissed_gap_is_gone_until_that_is_undone(desk: Desk) -> None:
    before = await desk.open()
    first = before[0]
    with pytest.raises(Forbidden):
        await desk.gaps.mark(ANN, MarkKind.DISMISSED, [first.asked[0].place])
    with pytest.raises(BadInput):
        await desk.gaps.mark(SUPERVISOR, MarkKind.DISMISSED, [])
    # One question is enough: the others are of the same meaning.
    mark = await desk.gaps.mark(SUPERVISOR, MarkKind.DISMISSED, [first.asked[-1].place])
    found = await desk.gaps.sorted_out(desk.days())
    assert [g.question for g in found.open] == [g.question for g in before[1:]]
    assert [(s.gap.question, s.mark.by) for s in found.settled] == [
        (first.question, SUPERVISOR.email)
    ]
    await desk.gaps.unmark(SUPERVISOR, mark.id)
    assert [g.question for g in await desk.open()] == [g.question for g in before]
    with pytest.raises(NotFound):
        await desk.gaps.unmark(SUPERVISOR, mark.id)


async def test_the_same_asked_again_after_the_period_stays_dismissed(desk: Desk) -> None:
    # Marked by questions that the shorter period does not hold any more.
    week = END - timedelta(days=7)
    whole = await desk.open()
    gap = next(
        g for g in whole if any(a.at < week for a in g.asked) and any(a.at > week for a in g.asked)
    )
    old = [a.place for a in gap.asked if a.at < week]
    assert gap.question in [g.question for g in await desk.open(7)]
    await desk.gaps.mark(SUPERVISOR, MarkKind.DISMISSED, old)
    assert gap.question not in [g.question for g in await desk.open(7)]


async def test_merged_gaps_are_one_with_all_their_questions(desk: Desk) -> None:
    before = await desk.open()
    one, two = before[0], before[-1]
    mark = await desk.gaps.mark(
        SUPERVISOR, MarkKind.MERGED, [one.asked[0].place, two.asked[0].place]
    )
    found = await desk.gaps.sorted_out(desk.days())
    assert len(found.open) == len(before) - 1
    [merged] = found.merged
    assert merged.gap.count == one.count + two.count
    assert merged.gap in found.open
    assert merged.gap.asked == sorted(merged.gap.asked, key=lambda a: a.at, reverse=True)
    assert sum(g.count for g in found.open) == sum(g.count for g in before)
    await desk.gaps.unmark(SUPERVISOR, mark.id)
    assert len(await desk.open()) == len(before)


async def test_an_answered_gap_comes_back_when_it_is_asked_in_vain_again(desk: Desk) -> None:
    [first, *_] = await desk.open()
    await desk.gaps.mark(SUPERVISOR, MarkKind.ANSWERED, [a.place for a in first.asked])
    found = await desk.gaps.sorted_out(desk.days())
    assert first.question not in [g.question for g in found.open]
    assert found.settled[0].mark.kind is MarkKind.ANSWERED
    # Of a mark made before the newest questions, those are open.
    newest = first.asked[0]
    earlier = newest.at - timedelta(seconds=1)
    await desk.past.db["gap_marks"].update_many({}, {"$set": {"at": earlier}})
    found = await desk.gaps.sorted_out(desk.days())
    back = next(g for g in found.open if g.asked[0].place == newest.place)
    assert back.count < first.count


async def test_whoever_is_forgotten_leaves_the_marks(desk: Desk) -> None:
    [first, *_] = await desk.open()
    places = [a.place for a in first.asked]
    mark = await desk.gaps.mark(SUPERVISOR, MarkKind.DISMISSED, places)
    of_people = MarksOfPeople(desk.marks)
    person = Person(conversation_ids=(places[0].conversation_id,))
    assert len(await of_people.export(person)) >= 1
    assert await of_people.erase(person) == {"gap_marks": 1}
    assert await of_people.export(person) == []
    assert await of_people.erase(person) == {}
    [left] = await desk.marks.all()
    assert left.id == mark.id
    await of_people.erase(Person(conversation_ids=tuple(p.conversation_id for p in places)))
    assert await desk.marks.all() == []
