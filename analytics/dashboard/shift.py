"""Tells who is on shift: which of the staff are at work now, and what they did today."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from analytics.facts.columns import moment
from analytics.facts.counting import Counting
from analytics.facts.model import Kind
from analytics.facts.periods import Period
from analytics.queries.service import Analytics
from core.accounts.records import Account
from core.accounts.roles import Action, User
from core.clock import Clock

HERE = timedelta(minutes=15)  #: after the last sign of somebody they count as at work
IN_HANDS = timedelta(days=30)  #: for which a conversation that nobody touched counts as held

Accounts = Callable[[], Awaitable[Sequence[Account]]]
InHands = Callable[[datetime], Awaitable[Mapping[str, str]]]
"""Who (e-mail) holds which conversation, of those in which something happened since."""

DEEDS = (Kind.DECIDED, Kind.ANSWERED, Kind.TAKEN_OVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnShift:
    """One member of staff who was seen today."""

    email: str
    name: str
    is_here: bool
    seen_at: datetime  #: on the console, or by a decision or an answer anywhere
    decisions: int  #: today
    answers: int
    holds: int  #: conversations in their hands now


class Shift:
    """Counts by the console's activity and by today's facts, so that Slack counts, too."""

    def __init__(
        self, analytics: Analytics, *, accounts: Accounts, in_hands: InHands, clock: Clock
    ) -> None:
        self._analytics = analytics
        self._accounts = accounts
        self._in_hands = in_hands
        self._clock = clock

    async def now(self, user: User) -> list[OnShift]:
        """Everybody who was seen today, those at work first, then by when they were seen."""
        user.require(Action.DASHBOARD_READ)
        now, zone = self._clock.now(), self._analytics.zone
        today = now.astimezone(zone).date()
        counting = await self._analytics.counting(Period.of_days(today, today, zone))
        begins = Period.of_days(today, today, zone).start
        held = list((await self._in_hands(now - IN_HANDS)).values())
        found = []
        for account in await self._accounts():
            email = account.user.email
            acted = _last_deed(counting, email)
            seen = max(filter(None, (account.seen_at, acted)), default=None)
            holds = held.count(email)
            if seen is None or (seen < begins and not holds):
                continue
            found.append(
                OnShift(
                    email=email,
                    name=account.user.name or email,
                    is_here=now - seen < HERE,
                    seen_at=seen,
                    decisions=_count(counting, Kind.DECIDED, email),
                    answers=_count(counting, Kind.ANSWERED, email),
                    holds=holds,
                )
            )
        return sorted(found, key=lambda one: (not one.is_here, -one.seen_at.timestamp()))


def _count(counting: Counting, kind: Kind, email: str) -> int:
    table = counting.of(kind)
    return len(table.only(table["agent"] == counting.names.find(email)))


def _last_deed(counting: Counting, email: str) -> datetime | None:
    number = counting.names.find(email)
    if number <= 0:
        return None
    tables = [counting.of(kind) for kind in DEEDS]
    at = [int(t["at"][t["agent"] == number].max(initial=0)) for t in tables]
    return moment(max(at)) if max(at) else None
