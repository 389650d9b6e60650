"""Periods of local time: days and hours of a time zone, right across DST."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import BadInput

LONGEST = timedelta(days=1100)
MOST_BUCKETS = 3_000


class Interval(enum.StrEnum):
    """The step of a time series."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `start` (included) to `end` (excluded), seen in a time zone."""

    start: datetime
    end: datetime
    zone: ZoneInfo
    now: datetime | None = None  #: how far it has come, where it is not over

    @classmethod
    def of_days(
        cls, first: date, last: date, zone: ZoneInfo, *, now: datetime | None = None
    ) -> Period:
        """These days of the zone, both included; a day may have 23 or 25 hours.

        With `now` inside, it is compared with as much of the days before, and not with the whole.
        """
        start, end = midnight(first, zone), midnight(last + timedelta(days=1), zone)
        is_open = now is not None and start < now < end
        return cls(start=start, end=end, zone=zone, now=now if is_open else None)

    @property
    def before(self) -> Period:
        """The period to compare with: as many whole days, or else as many hours, just before."""
        first, last = self.start.astimezone(self.zone), self.end.astimezone(self.zone)
        if first.time() == last.time() == time(0):
            days = last.date() - first.date()
            start = midnight(first.date() - days, self.zone)
            if self.now is not None:
                # The same clock there, some days ago; an hour that did not exist is the next one.
                local = self.now.astimezone(self.zone).replace(tzinfo=None) - days
                end = local.replace(tzinfo=self.zone).astimezone(UTC)
                return Period(start=start, end=min(end, self.start), zone=self.zone)
        else:
            start = self.start - (self.end - self.start)
        return Period(start=start, end=self.start, zone=self.zone)

    def buckets(self, interval: Interval) -> list[datetime]:
        """Where the points begin, and the end; the first and the last may be shorter."""
        edges = [self.start]
        local = self.start.astimezone(self.zone)
        while True:
            local_next = _next(local, interval, self.zone)
            if local_next >= self.end:
                return [*edges, self.end]
            edges.append(local_next)
            local = local_next.astimezone(self.zone)
            if len(edges) > MOST_BUCKETS:
                raise BadInput("These are too many points; take a longer interval.")


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When this day begins there, in UTC."""
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def period_of(
    start: str | None, end: str | None, *, zone: ZoneInfo, now: datetime, days: int = 7
) -> Period:
    """The period that a request names; by default the last days, today included.

    Raises BadInput for what is no time, no zone-less date either, or no stretch of time.
    """
    until = _moment(end, zone) if end else now
    if start:
        since = _moment(start, zone)
    else:
        local = until.astimezone(zone).date()
        since = midnight(local - timedelta(days=days - 1), zone)
    if since >= until:
        raise BadInput("`from` must lie before `to`.")
    if until - since > LONGEST:
        raise BadInput("At most three years can be shown at once.")
    return Period(start=since, end=until, zone=zone)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip().replace(" ", "+"))
        at = at.replace(tzinfo=zone) if at.tzinfo is None else at
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{text[:40]!r} is no time; write 2026-11-22T18:00:00Z.") from None


def _next(local: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    match interval:
        case Interval.HOUR:
            # In UTC an hour is an hour, also when clocks are changed.
            passed = timedelta(
                minutes=local.minute, seconds=local.second, microseconds=local.microsecond
            )
            return (local.astimezone(UTC) - passed) + timedelta(hours=1)
        case Interval.DAY:
            return midnight(local.date() + timedelta(days=1), zone)
        case Interval.WEEK:
            return midnight(local.date() + timedelta(days=7 - local.weekday()), zone)
        case Interval.MONTH:
            first = local.date().replace(day=1)
            return midnight((first + timedelta(days=32)).replace(day=1), zone)
