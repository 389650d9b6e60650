"""The daily budget of model calls, in all and by topic, counted in the store."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.clock import Clock
from core.domain.drafts import Draft, Finding, Reason
from core.storage.client import Document, MongoCollection
from core.storage.errors import KeyTaken, store_errors

log = logging.getLogger(__name__)

EVERY_OTHER = "*"  #: the topic that stands for those without an allowance of their own
KEPT_DAYS = 40  #: that the store remembers
PATIENCE = 2.0  #: seconds for the store to count one question
_MANY = 1 << 53  #: no limit


class Ruling(enum.IntEnum):
    """The decision on one question: ask the model, quote instead, or hold for a person."""

    ASK = 0  #: the model answers
    QUOTE = 1  #: the soft limit is reached: the quotation goes instead
    REVIEW = 2  #: so is the hard one: a person looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A number of questions a day; None is any number."""

    soft: int | None = None  #: from then on answers are quoted
    hard: int | None = None  #: from then on a person looks

    @property
    def ends(self) -> tuple[int, int]:
        """Where asking ends, and where quoting does."""
        hard = _MANY if self.hard is None else self.hard
        return min(hard, _MANY if self.soft is None else self.soft), hard


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """The allowances of a day and of its topics; days begin at midnight in `zone`."""

    day: Allowance = field(default_factory=Allowance)
    topics: Mapping[str, Allowance] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def of(self, topic: str) -> Allowance:
        """A topic's; "" is the whole day's."""
        if not topic:
            return self.day
        return self.topics.get(topic) or self.topics.get(EVERY_OTHER) or Allowance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The count of one day: in all, or for a topic."""

    topic: str = ""  #: "" is all of them
    calls: int = 0  #: models were asked, second attempts included
    quoted: int = 0  #: questions whose quotation went instead
    held: int = 0  #: questions that were left to a person
    allowance: Allowance = field(default_factory=Allowance)

    @property
    def counted(self) -> int:
        """What counts against the allowance: calls, and those that were saved."""
        return self.calls + self.quoted

    @property
    def is_limited(self) -> bool:
        """Whether there is an allowance at all."""
        return self.allowance != Allowance()

    @property
    def ruling(self) -> Ruling:
        """What becomes of the next question."""
        asking, quoting = self.allowance.ends
        if self.counted < asking:
            return Ruling.ASK
        return Ruling.QUOTE if self.counted < quoting else Ruling.REVIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """The ruling on one question, and whose allowance it goes by; "" is the whole day's."""

    ruling: Ruling
    topic: str = ""
    allowance: Allowance = field(default_factory=Allowance)

    counted: bool = True  #: False: the store could not count it

    def applied(self, quoted: Draft) -> Draft:
        """The quotation that goes instead of the model's answer, with the reason why."""
        finding = self._finding()
        return replace(
            quoted,
            reasons=(*quoted.reasons, finding.reason),
            findings=(*quoted.findings, *((finding,) if finding.values else ())),
            sendable=quoted.sendable and self.ruling is not Ruling.REVIEW,
        )

    def _finding(self) -> Finding:
        if not self.counted:
            return Finding(reason=Reason.MODEL_FAILED)
        quotes = self.ruling is Ruling.QUOTE
        reason = Reason.MODEL_BUDGET if quotes else Reason.BUDGET_SPENT
        values = {"count": f"{self.allowance.ends[0 if quotes else 1]:,}"}
        if not self.topic:
            return Finding(reason=reason, values=values)
        return Finding(
            reason=reason, values=values | {"topic": self.topic}, wording=f"{reason.value}_topic"
        )


class Budget(Protocol):
    """The port that decides whether a model may be asked."""

    async def ask(self, topic: str) -> Ruled:
        """Count one question that a model would be asked, and say what becomes of it."""
        ...

    async def again(self, topic: str) -> bool:
        """Count one more call for the same question, if one is left."""
        ...


class ModelBudget(Collector):
    """`Budget` over a collection; each count is one conditional write, whoever else writes.

    Counts are a document a day and one a topic of that day. What the store cannot count is not
    asked: then the quotation goes.
    """

    def __init__(self, counts: MongoCollection, allowances: Allowances, *, clock: Clock) -> None:
        self._counts = counts
        self._allowances = allowances
        self._clock = clock
        self._begun: set[str] = set()  # ids of today's documents that are there
        self._day = ""
        self._known: dict[str, Spent] = {}

    async def start(self) -> None:
        """Read what today has cost already."""
        for spent in await self.today():
            self._known[spent.topic] = spent

    async def today(self) -> tuple[Spent, ...]:
        """What today has cost: in all first, then by topic. Raises StoreUnavailable."""
        day = self._turn()
        with store_errors():
            found = {d["topic"]: self._spent(d) async for d in self._counts.find({"day": day})}
        for topic in ("", *self._allowances.topics):
            if topic != EVERY_OTHER and topic not in found:
                found[topic] = Spent(topic=topic, allowance=self._allowances.of(topic))
        return tuple(found[topic] for topic in sorted(found))

    async def ask(self, topic: str) -> Ruled:
        """See Budget."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._ask(topic)
        except Exception:
            # What is not counted might be anything, and the quotation costs nothing.
            log.exception("the model's calls could not be counted")
            return Ruled(ruling=Ruling.QUOTE, counted=False)

    async def again(self, topic: str) -> bool:
        """See Budget."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._again(topic)
        except Exception:
            log.exception("the model's calls could not be counted")
            return False

    async def _ask(self, topic: str) -> Ruled:
        day, topic = self._turn(), topic.strip()
        ruled = Ruled(ruling=Ruling.ASK)
        if topic:
            ruling = await self._claim(day, topic, least=Ruling.ASK)
            ruled = Ruled(ruling=ruling, topic=topic, allowance=self._allowances.of(topic))
        whole = await self._claim(day, "", least=ruled.ruling)
        if whole > ruled.ruling:
            if topic:
                await self._moved(day, topic, ruled.ruling, whole)
            ruled = Ruled(ruling=whole, allowance=self._allowances.day)
        await self._look(day, topic)
        return ruled

    async def _again(self, topic: str) -> bool:
        day, topic = self._turn(), topic.strip()
        if topic and not await self._one_more(day, topic, Ruling.ASK):
            return False
        if not await self._one_more(day, "", Ruling.ASK):
            if topic:
                await self._counts.update_one(_id(day, topic), {"$inc": _less(Ruling.ASK)})
            return False
        await self._look(day, topic)
        return True

    async def _claim(self, day: str, topic: str, *, least: Ruling) -> Ruling:
        """The mildest ruling from this one on that the allowance still has room for."""
        for ruling in (Ruling.ASK, Ruling.QUOTE):
            if ruling >= least and await self._one_more(day, topic, ruling):
                return ruling
        await self._counts.update_one(_id(day, topic), {"$inc": _more(Ruling.REVIEW)})
        return Ruling.REVIEW

    async def _one_more(self, day: str, topic: str, ruling: Ruling) -> bool:
        await self._begin(day, topic)
        below = self._allowances.of(topic).ends[ruling]
        done = await self._counts.update_one(
            {**_id(day, topic), "counted": {"$lt": below}}, {"$inc": _more(ruling)}
        )
        return bool(done.matched_count)

    async def _moved(self, day: str, topic: str, old: Ruling, new: Ruling) -> None:
        """The topic had room, and the day had none: it counts there as it ended."""
        change = dict(_less(old))
        for name, value in _more(new).items():
            change[name] = change.get(name, 0) + value
        await self._counts.update_one(_id(day, topic), {"$inc": change})

    async def _begin(self, day: str, topic: str) -> None:
        key = _id(day, topic)
        if key["_id"] in self._begun:
            return
        zeros = {"day": day, "topic": topic, "counted": 0, "calls": 0, "quoted": 0, "held": 0}
        with suppress(KeyTaken), store_errors():  # somebody else began it in this moment
            await self._counts.update_one(key, {"$setOnInsert": zeros}, upsert=True)
        if not topic:
            oldest = self._clock.now().astimezone(self._allowances.zone).date()
            before = (oldest - timedelta(days=KEPT_DAYS)).isoformat()
            await self._counts.delete_many({"day": {"$lt": before}})
        self._begun.add(key["_id"])

    async def _look(self, day: str, topic: str) -> None:
        """Know what others have counted, too."""
        for one in dict.fromkeys(("", topic)):
            if found := await self._counts.find_one(_id(day, one)):
                self._known[one] = self._spent(found)

    def _spent(self, found: Document) -> Spent:
        return Spent(
            topic=found["topic"],
            calls=found["calls"],
            quoted=found["quoted"],
            held=found["held"],
            allowance=self._allowances.of(found["topic"]),
        )

    def _turn(self) -> str:
        """Today, as the desk's calendar has it; yesterday is forgotten."""
        day = self._clock.now().astimezone(self._allowances.zone).date().isoformat()
        if day != self._day:
            self._day = day
            self._begun.clear()
            self._known.clear()
        return day

    def collect(self) -> Iterable[Metric]:
        """The numbers of today, for Prometheus."""
        self._turn()
        spent = GaugeMetricFamily(
            "contact_center_model_calls_today",
            "Questions of today that a model was asked, by topic (*: all together), and those"
            " that were quoted or left to a person instead.",
            labels=["topic", "became"],
        )
        limits = GaugeMetricFamily(
            "contact_center_model_calls_limit",
            "How many of them a day may have: soft, then answers are quoted; hard, then reviewed.",
            labels=["topic", "limit"],
        )
        known = {"": Spent(allowance=self._allowances.day), **self._known}
        for topic, one in sorted(known.items()):
            name = topic or EVERY_OTHER
            spent.add_metric([name, "asked"], one.calls)
            spent.add_metric([name, "quoted"], one.quoted)
            spent.add_metric([name, "held"], one.held)
            for kind, limit in (("soft", one.allowance.soft), ("hard", one.allowance.hard)):
                if limit is not None:
                    limits.add_metric([name, kind], limit)
        return (spent, limits)


def _id(day: str, topic: str) -> Document:
    return {"_id": f"{day} {topic}".rstrip()}


def _more(ruling: Ruling) -> dict[str, int]:
    match ruling:
        case Ruling.ASK:
            return {"counted": 1, "calls": 1}
        case Ruling.QUOTE:
            return {"counted": 1, "quoted": 1}
        case Ruling.REVIEW:
            return {"held": 1}


def _less(ruling: Ruling) -> dict[str, int]:
    return {name: -value for name, value in _more(ruling).items()}
