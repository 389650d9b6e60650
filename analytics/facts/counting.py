"""Counts facts: filters, sums, percentiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.facts.columns import Column, Names
from analytics.facts.model import AGAIN, Kind
from analytics.facts.tables import Facts, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter of facts; "" is everything."""

    channel: str = ""
    agent: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the facts behind a number; by default all."""

    label: str = ""
    locale: str = ""
    least: float | None = None
    below: float | None = None
    hour_of_week: int | None = None


def selected(facts: Facts, chosen: Filter, names: Names) -> Facts:
    """The facts of one period that the filter keeps.

    An agent's or a topic's are those that bear its name, and of the nameless ones (what the
    customer wrote, say) those of conversations in which it occurs in the period.
    """
    if chosen.channel:
        channel = names.find(chosen.channel)
        facts = facts.only(lambda table: table["channel"] == channel)
    for field, text in (("agent", chosen.agent), ("topic", chosen.topic)):
        if text:
            facts = _about(facts, field, names.find(text))
    return facts


def _about(facts: Facts, field: str, name: int) -> Facts:
    about = np.zeros(len(facts.digests), dtype=bool)
    for table in facts.tables():
        about[table["conversation"][table[field] == name]] = True

    def kept(table: Table) -> Column:
        own = table[field]
        kept: Column = (own == name) | ((own == 0) & about[table["conversation"]])
        return kept

    return facts.only(kept)


class Counting:
    """One selection, counted in many ways."""

    def __init__(self, facts: Facts, names: Names) -> None:
        self.facts = facts
        self.names = names
        self._labelled: dict[tuple[Kind, str], Table] = {}

    def of(self, kind: Kind, label: str = "") -> Table:
        """The facts of one kind, perhaps of one label only."""
        table = self.facts.of(kind)
        if kind is Kind.RATED:
            table = self._last_ratings(table)
        if not label:
            return table
        part = self._labelled.get((kind, label))
        if part is None:
            part = table.only(table["label"] == self.names.find(label))
            self._labelled[kind, label] = part
        return part

    def _last_ratings(self, table: Table) -> Table:
        """Of several ratings of one answer the last: it replaces those before it."""
        again = self.names.find(AGAIN)
        if again < 0 or not len(table):
            return table
        order = np.lexsort((table["seq"], table["conversation"]))
        talk, more = table["conversation"][order], table["more"][order]
        replaced = np.zeros(len(order), dtype=bool)
        replaced[order[:-1]] = (talk[1:] == talk[:-1]) & (more[1:] == again)
        return table.only(~replaced)

    def count(self, kind: Kind, label: str = "") -> int:
        """How many."""
        return len(self.of(kind, label))

    def conversations(self, kind: Kind = Kind.ASKED) -> int:
        """In how many conversations."""
        return self._different(self.of(kind)["conversation"])

    def by(self, field: str, kind: Kind, label: str = "") -> dict[str, int]:
        """How many of each name, most first."""
        counts = np.bincount(self.of(kind, label)[field])
        return self._named({n: int(counts[n]) for n in np.flatnonzero(counts).tolist()})

    def conversations_by(self, field: str) -> dict[str, int]:
        """In how many conversations the customer wrote, by channel or language."""
        asked = self.of(Kind.ASKED)
        named, who = asked[field], asked["conversation"]
        used = np.flatnonzero(np.bincount(named)).tolist()
        return self._named({n: self._different(who[named == n]) for n in used})

    def _different(self, conversations: Column) -> int:
        # Marks in a list of all are far quicker than sorting; of a few, sorting is.
        if 0 < len(conversations) * 8 < len(self.facts.digests):
            return 1 + int(np.count_nonzero(np.diff(np.sort(conversations))))
        seen = np.zeros(len(self.facts.digests), dtype=bool)
        seen[conversations] = True
        return int(np.count_nonzero(seen))

    def _named(self, counts: dict[int, int]) -> dict[str, int]:
        pairs = [(self.names.texts[n], count) for n, count in counts.items()]
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def percentile(values: Column, p: int) -> float | None:
    """The smallest value that p percent of all do not exceed; None of none."""
    return percentiles(values, (p,))[0]


def percentiles(values: Column, wanted: tuple[int, ...]) -> list[float | None]:
    """Several of them at once."""
    if not len(values):
        return [None] * len(wanted)
    places = [max(0, -(-p * len(values) // 100) - 1) for p in wanted]
    ordered = np.partition(values, places)
    return [float(ordered[place]) for place in places]


def mean(values: Column) -> float | None:
    """Their mean; None of none."""
    return float(np.mean(values)) if len(values) else None


def share(part: int, whole: int) -> float | None:
    """The part of a whole; None of nothing."""
    return part / whole if whole else None
