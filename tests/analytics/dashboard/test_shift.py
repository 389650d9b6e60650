"""Who is on shift: seen on the console, or by what they decided and answered anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest

from analytics.dashboard.shift import HERE, OnShift, Shift
from analytics.facts.model import Fact, Kind
from core.accounts.records import Account
from core.accounts.roles import Role, User
from core.errors import Forbidden
from tests.analytics.conftest import SUPERVISOR, Past

MINUTE = timedelta(minutes=1)


def account(name: str, seen_at: datetime | None) -> Account:
    user = User(id=name, email=f"{name}@example.com", role=Role.AGENT, name=name.title())
    return Account(
        user=user, password="", created_at=datetime(2026, 1, 1, tzinfo=UTC), seen_at=seen_at
    )


def did(kind: Kind, who: str, at: datetime, number: int) -> Fact:
    return Fact(
        kind=kind,
        at=at,
        conversation_id=f"today-{number}",
        seq=number,
        channel="web",
        locale="en",
        agent=f"{who}@example.com",
    )


async def on_shift(
    past: Past, *accounts: Account, holds: Mapping[str, str] | None = None
) -> list[OnShift]:
    async def everybody() -> Sequence[Account]:
        return accounts

    async def in_hands(since: datetime) -> Mapping[str, str]:
        assert since < past.clock.now()
        return holds or {}

    shift = Shift(past.analytics(), accounts=everybody, in_hands=in_hands, clock=past.clock)
    return await shift.now(SUPERVISOR)


async def test_those_at_work_come_first_and_who_was_not_seen_today_is_left_out(past: Past) -> None:
    await past.clock.advance(12 * 3600.0)
    now = past.clock.now()
    found = await on_shift(
        past,
        account("away", now - HERE),
        account("yesterday", now - timedelta(hours=13)),
        account("never", None),
        account("here", now - HERE + MINUTE),
        account("just", now - MINUTE),
    )
    assert [(one.name, one.is_here) for one in found] == [
        ("Just", True),
        ("Here", True),
        ("Away", False),
    ]


async def test_who_decides_in_slack_alone_is_at_work_and_counted(past: Past) -> None:
    await past.clock.advance(12 * 3600.0)
    now = past.clock.now()
    past.store.gather(
        [
            did(Kind.DECIDED, "kim", now - 3 * MINUTE, 1),
            did(Kind.DECIDED, "kim", now - 2 * MINUTE, 2),
            did(Kind.ANSWERED, "kim", now - timedelta(hours=1), 3),
            did(Kind.DECIDED, "lee", now - timedelta(hours=2), 4),
        ]
    )
    kim, lee = await on_shift(past, account("kim", None), account("lee", None))
    assert (kim.name, kim.is_here, kim.decisions, kim.answers) == ("Kim", True, 2, 1)
    assert kim.seen_at == now - 2 * MINUTE
    assert (lee.name, lee.is_here, lee.decisions, lee.answers) == ("Lee", False, 1, 0)


async def test_who_holds_a_conversation_is_shown_however_long_ago_they_were_seen(
    past: Past,
) -> None:
    long_ago = past.clock.now() - timedelta(days=3)
    holds = {"a": "kim@example.com", "b": "kim@example.com", "c": "lee@example.com"}
    [kim] = await on_shift(past, account("kim", long_ago), holds=holds)
    assert (kim.holds, kim.is_here) == (2, False)


async def test_an_agent_is_not_told_who_is_on_shift(past: Past) -> None:
    async def nobody(*_: object) -> NoReturn:
        raise AssertionError("nothing is read for them")

    shift = Shift(past.analytics(), accounts=nobody, in_hands=nobody, clock=past.clock)
    with pytest.raises(Forbidden):
        await shift.now(User(id="a", email="a@example.com", role=Role.AGENT))
