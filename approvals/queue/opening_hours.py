"""Opening hours of the desk: arithmetic on local time, right across nights and DST."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import SetupError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HORIZON_DAYS = 400  #: how far ahead an opening is looked for before "never" is believed
MIDNIGHT = 24 * 60

_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_PART = re.compile(
    r"\A(?P<days>[a-z]{3}(?:\s*-\s*[a-z]{3})?(?:\s*,\s*[a-z]{3}(?:\s*-\s*[a-z]{3})?)*)\s++"
    r"(?P<spans>[\d:\-\s,]+)"
)

Span = tuple[int, int]
"""Minutes after local midnight; an end above 24:00 runs into the next day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Weekly hours and holidays; without `weekly` the desk is always open."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    weekly: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)  #: 0 is Monday
    holidays: frozenset[date] = frozenset()

    @classmethod
    def parse(cls, text: str, *, zone: str = "UTC", holidays: str = "") -> Hours:
        """From "mon-fri 09:00-12:00, 13:00-18:00; sat 10:00-14:00" and "2026-12-25, 2027-01-01".

        An empty text means always open. Raises SetupError with what cannot be read.
        """
        try:
            where = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SetupError(
                f"There is no time zone {zone!r}; write it like Asia/Seoul."
            ) from error
        weekly: dict[int, tuple[Span, ...]] = {}
        for part in filter(None, (p.strip().lower() for p in text.split(";"))):
            match = _PART.fullmatch(part)
            if match is None:
                raise SetupError(f"Opening hours {part!r}: write them like mon-fri 09:00-18:00.")
            spans = _spans(match["spans"], part)
            for day in _days(match["days"], part):
                weekly[day] = (*weekly.get(day, ()), *spans)
        days = set()
        for day_text in filter(None, (h.strip() for h in holidays.split(","))):
            try:
                days.add(date.fromisoformat(day_text))
            except ValueError:
                raise SetupError(f"Holiday {day_text!r}: write it like 2026-12-25.") from None
        return cls(zone=where, weekly=weekly, holidays=frozenset(days))

    @property
    def always(self) -> bool:
        """Whether people are there at all times."""
        return not self.weekly and not self.holidays

    def is_open(self, at: datetime) -> bool:
        """Whether people are there at this moment."""
        return any(start <= at < end for start, end in self._opens(at))

    def opens_at(self, at: datetime) -> datetime:
        """When people are there next, in UTC; `at` itself while they are."""
        for start, end in self._opens(at):
            if at < end:
                return max(start, at.astimezone(UTC))
        # Closed for more than a year: the horizon stands in for "never".
        return at.astimezone(UTC) + timedelta(days=HORIZON_DAYS)

    def closes_at(self, at: datetime) -> datetime | None:
        """When people leave next, in UTC; None when they never do. `at` itself while closed."""
        if self.always:
            return None
        closing: datetime | None = None
        for start, end in self._opens(at):
            if closing is None:
                if at >= end:
                    continue
                if at < start:
                    return at.astimezone(UTC)
            elif start > closing:
                return closing
            closing = end
        return closing

    def deadline(self, now: datetime, seconds: float) -> datetime:
        """The moment at which so many seconds of opening time have passed, in UTC."""
        left = timedelta(seconds=seconds)
        for start, end in self._opens(now):
            begin = max(start, now.astimezone(UTC))
            if end <= begin:
                continue
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return now.astimezone(UTC) + timedelta(days=HORIZON_DAYS)

    def worked(self, start: datetime, end: datetime) -> float:
        """Seconds of opening time between the two moments; 0 when `end` is not later."""
        total = 0.0
        for opens, closes in self._opens(start):
            if opens >= end:
                break
            total += max(0.0, (min(closes, end) - max(opens, start)).total_seconds())
        return total

    def _opens(self, around: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spans in UTC, in order, without overlap, from the day before on."""
        if self.always:
            yield around.astimezone(UTC) - timedelta(days=1), datetime.max.replace(tzinfo=UTC)
            return
        first = around.astimezone(self.zone).date() - timedelta(days=1)
        reached = datetime.min.replace(tzinfo=UTC)
        for offset in range(HORIZON_DAYS + 2):
            day = first + timedelta(days=offset)
            if day in self.holidays:
                continue
            spans = self.weekly.get(day.weekday(), ()) if self.weekly else ((0, MIDNIGHT),)
            for begin, finish in sorted(spans):
                start = max(self._moment(day, begin), reached)
                end = self._moment(day, finish)
                if end > start:
                    reached = end
                    yield start, end

    def _moment(self, day: date, minutes: int) -> datetime:
        days, rest = divmod(minutes, MIDNIGHT)
        local = datetime.combine(
            day + timedelta(days=days), time(rest // 60, rest % 60), tzinfo=self.zone
        )
        return local.astimezone(UTC)


def _spans(text: str, whole: str) -> tuple[Span, ...]:
    spans = []
    for piece in text.split(","):
        match = _SPAN.fullmatch(piece.strip())
        if match is None:
            raise SetupError(f"Opening hours {whole!r}: {piece.strip()!r} is no span of time.")
        from_h, from_m, to_h, to_m = (int(group) for group in match.groups())
        begin, finish = from_h * 60 + from_m, to_h * 60 + to_m
        if max(from_m, to_m) > 59 or max(begin, finish) > MIDNIGHT or begin == finish:
            raise SetupError(f"Opening hours {whole!r}: {piece.strip()!r} is no span of time.")
        spans.append((begin, finish if finish > begin else finish + MIDNIGHT))
    return tuple(spans)


def _days(text: str, whole: str) -> list[int]:
    days: list[int] = []
    for piece in text.split(","):
        first, _, last = (p.strip() for p in piece.partition("-"))
        if first not in DAYS or (last and last not in DAYS):
            raise SetupError(f"Opening hours {whole!r}: days are {', '.join(DAYS)}.")
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % 7 + 1 if last else 1
        days.extend((begin + i) % 7 for i in range(length))
    return days
