"""Tables of facts, one a kind, by time; columns are made at first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import numpy as np

from analytics.facts.columns import Column, millis
from analytics.facts.model import Kind
from analytics.facts.periods import Period


class Table:
    """Facts of one kind, the earliest first.

    Columns: `at` (milliseconds), `conversation` (a place in `Facts.digests`), `seq`, `value`, and
    by numbers of names `label`, `more`, `agent`, `topic`, `channel`, `locale`.
    """

    __slots__ = ("_columns", "_make", "_size")

    def __init__(self, size: int, make: Callable[[str], Column]) -> None:
        self._size = size
        self._make = make
        self._columns: dict[str, Column] = {}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, field: str) -> Column:
        column = self._columns.get(field)
        if column is None:
            column = self._columns[field] = self._make(field)
        return column

    def part(self, start: int, end: int) -> Table:
        """Those from one place to another."""
        start, end = max(0, start), min(end, self._size)
        if (start, end) == (0, self._size):
            return self
        return Table(max(0, end - start), lambda field: self[field][start:end])

    def only(self, kept: Column) -> Table:
        """Those for which `kept` is true."""
        where = np.flatnonzero(kept)
        if len(where) == self._size:
            return self
        return Table(len(where), lambda field: self[field][where])


class Facts:
    """The facts of a stretch of time."""

    __slots__ = ("_tables", "digests")

    def __init__(self, tables: Mapping[Kind, Table], digests: Column) -> None:
        self._tables = {kind: table for kind, table in tables.items() if len(table)}
        self.digests = digests

    def __len__(self) -> int:
        return sum(map(len, self._tables.values()))

    def of(self, kind: Kind) -> Table:
        """The facts of one kind."""
        return self._tables.get(kind, NONE)

    def tables(self) -> list[Table]:
        """The facts of every kind there is."""
        return list(self._tables.values())

    def within(self, period: Period) -> Facts:
        """Those of this period."""
        return self.cut((period.start, period.end))[0]

    def cut(self, edges: Sequence[datetime]) -> list[Facts]:
        """Those between each edge and the next."""
        marks = [millis(edge) for edge in edges]
        places = {
            kind: np.searchsorted(table["at"], marks).tolist()
            for kind, table in self._tables.items()
        }
        return [
            Facts(
                {k: t.part(places[k][n], places[k][n + 1]) for k, t in self._tables.items()},
                self.digests,
            )
            for n in range(len(edges) - 1)
        ]

    def only(self, kept: Callable[[Table], Column]) -> Facts:
        """Those that `kept` says yes to."""
        return Facts({k: t.only(kept(t)) for k, t in self._tables.items()}, self.digests)


NONE = Table(0, lambda field: np.zeros(0, dtype=np.float64 if field == "value" else np.int64))
