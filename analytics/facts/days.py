"""A day's facts as columns, each as narrow as possible, in store and memory."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from analytics.facts.columns import (
    DAY_MS,
    NAMED,
    NOTHING,
    ROW,
    Column,
    Names,
    Page,
    Rows,
    digest,
    own_names,
    unique,
)
from analytics.facts.model import Kind
from analytics.facts.tables import Facts, Table

KINDS = max(Kind) + 1
PACKED = ("seq", *NAMED)  #: columns in which the same numbers come again and again
PLAIN = ("at", "conversation", "digests", "value", "valued")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The facts of one UTC day, ordered by kind and, within a kind, by time."""

    number: int
    starts: tuple[int, ...]  #: facts of kind k stand from starts[k] to starts[k + 1]
    digests: Column  #: of its conversations, ascending
    names: Column  #: for its own numbers of names those of everybody
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return self.starts[-1]

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.digests.nbytes + sum(c.nbytes for c in self.columns.values())

    @classmethod
    def of(cls, number: int, rows: Rows, names: Names) -> Day:
        """From rows by time, each once."""
        rows = rows[np.argsort(rows["kind"], kind="stable")]
        named, texts = own_names(rows, names)
        digests, where = np.unique(rows["conversation"], return_inverse=True)
        columns = {
            "at": _narrow(rows["at"] - number * DAY_MS),
            "conversation": _narrow(where),
            "seq": _narrow(rows["seq"]),
            "value": np.ascontiguousarray(rows["value"]),
            **{field: _narrow(column) for field, column in named.items()},
        }
        starts = np.searchsorted(rows["kind"], np.arange(KINDS + 1))
        return cls(
            number=number,
            starts=tuple(starts.tolist()),
            digests=digests,
            names=names.numbers(texts),
            columns=columns,
        )

    @classmethod
    def read(cls, document: Mapping[str, Any], names: Names) -> Day:
        """From the store, also from a document of packed rows as they were written before."""
        if "rows" in document:
            return cls.of(document["_id"], Page.from_document(document).read(names), names)
        head = orjson.loads(document["head"])
        stored = _sections(head["packed"], zlib.decompress(document["packed"]))
        stored |= _sections(head["plain"], document["plain"])
        columns = {name: stored[name] for name in ("at", "conversation", *PACKED)}
        value = np.zeros(len(columns["at"]), dtype=np.float64)
        value[stored["valued"]] = stored["value"]
        return cls(
            number=document["_id"],
            starts=tuple(head["starts"]),
            digests=stored["digests"],
            names=names.numbers(head["names"]),
            columns={**columns, "value": value},
        )

    def document(self, names: Names, ids: Mapping[int, str]) -> dict[str, Any]:
        """Its fields in the store; `ids` says which conversation a digest stands for."""
        valued = np.flatnonzero(self.columns["value"])
        plain = {
            **{name: self.columns[name] for name in ("at", "conversation")},
            "digests": self.digests,
            "value": self.columns["value"][valued],
            "valued": _narrow(valued),
        }
        packed = {name: self.columns[name] for name in PACKED}
        head = {
            "starts": self.starts,
            "names": [names.texts[n] for n in self.names],
            "plain": _shape(plain),
            "packed": _shape(packed),
        }
        in_order = "\n".join(ids.get(d, "") for d in self.digests.tolist())
        return {
            "head": orjson.dumps(head),
            "plain": b"".join(c.tobytes() for c in plain.values()),
            "packed": zlib.compress(b"".join(c.tobytes() for c in packed.values()), 1),
            "ids": zlib.compress(in_order.encode(), 1),
        }

    def rows(self) -> Rows:
        """The facts as rows, by time; the inverse of `of`."""
        rows = np.empty(len(self), dtype=ROW)
        for field in ("seq", "value"):
            rows[field] = self.columns[field]
        for field in NAMED:
            rows[field] = self.names[self.columns[field]]
        rows["at"] = self.columns["at"].astype(np.int64) + self.number * DAY_MS
        rows["conversation"] = self.digests[self.columns["conversation"]]
        rows["kind"] = np.repeat(np.arange(KINDS, dtype=np.uint8), np.diff(self.starts))
        return rows[np.argsort(rows["at"], kind="stable")]

    def column(self, field: str, kind: Kind) -> Column:
        """One column of one kind's facts; names by everybody's numbers."""
        own = self.columns[field][self.starts[kind] : self.starts[kind + 1]]
        if field == "at":
            return own.astype(np.int64) + self.number * DAY_MS
        return self.names[own] if field in NAMED else own


def ids_of(document: Mapping[str, Any]) -> dict[int, str]:
    """Which conversation each digest of a stored day stands for."""
    if "rows" in document:
        return {digest(i): i for i in Page.from_document(document).conversation_ids()}
    text = zlib.decompress(document["ids"]).decode()
    return {digest(i): i for i in text.split("\n") if i}


def names_of(document: Mapping[str, Any]) -> list[str]:
    """The names in a stored day."""
    if "rows" in document:
        return Page.from_document(document).texts()
    found: list[str] = orjson.loads(document["head"])["names"]
    return found


def merged(number: int, day: Day | None, pages: Sequence[Rows], names: Names) -> Day:
    """The day with these pages, each fact once."""
    known = day.rows() if day is not None else NOTHING
    return Day.of(number, unique(np.concatenate([known, *pages])), names)


def joined(days: Sequence[Day]) -> Facts:
    """Several days, given in their order, as one stretch of time."""
    if not days:
        return Facts({}, np.zeros(0, dtype=np.uint64))
    digests, where = np.unique(np.concatenate([d.digests for d in days]), return_inverse=True)
    ends = np.cumsum([len(d.digests) for d in days])
    places = np.split(where.astype(np.int32), ends[:-1])

    def table(kind: Kind) -> Table:
        parts = [n for n, d in enumerate(days) if d.starts[kind + 1] > d.starts[kind]]

        def make(field: str) -> Column:
            columns = [days[n].column(field, kind) for n in parts]
            if field == "conversation":
                columns = [places[n][own] for n, own in zip(parts, columns, strict=True)]
            return np.concatenate(columns)

        return Table(sum(days[n].starts[kind + 1] - days[n].starts[kind] for n in parts), make)

    return Facts({kind: table(kind) for kind in Kind}, digests)


def _narrow(column: Column) -> Column:
    """The same numbers, none below 0, in as few bytes as the greatest needs."""
    most = int(column.max()) if len(column) else 0
    return column.astype(np.min_scalar_type(most))


def _shape(columns: Mapping[str, Column]) -> list[tuple[str, str, int]]:
    return [(name, c.dtype.newbyteorder("<").str, len(c)) for name, c in columns.items()]


def _sections(shape: Sequence[tuple[str, str, int]], data: bytes) -> dict[str, Column]:
    columns, place = {}, 0
    for name, kind, size in shape:
        columns[name] = np.frombuffer(data, dtype=kind, count=size, offset=place)
        place += columns[name].nbytes
    return columns
