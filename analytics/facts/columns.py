"""Facts as rows of numbers, with a dictionary of names; written a page at a time."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from analytics.facts.model import Fact, Kind

Column = NDArray[Any]
Rows = NDArray[Any]
"""Rows of `ROW`, ordered by time."""
Row = tuple[int, int, float, int, int, int, int, int, int, int, int]
"""The values of `ROW` in its order."""

ROW = np.dtype(
    [
        ("at", "<i8"),  # milliseconds since 1970, UTC
        ("conversation", "<u8"),  # a digest of its id
        ("value", "<f8"),
        ("seq", "<i4"),
        ("label", "<i4"),  # this and the following are numbers of names
        ("more", "<i4"),
        ("agent", "<i4"),
        ("topic", "<i4"),
        ("channel", "<i2"),
        ("locale", "<i2"),
        ("kind", "u1"),
    ]
)
NAMED = ("label", "more", "agent", "topic", "channel", "locale")
DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOTHING: Rows = np.empty(0, dtype=ROW)


class Names:
    """Numbers for texts that come again and again; 0 is the empty text."""

    def __init__(self, texts: Iterable[str] = ("",)) -> None:
        self.texts: list[str] = list(texts)
        self._numbers = {text: number for number, text in enumerate(self.texts)}
        self._lock = threading.Lock()  # days are read on threads

    def number(self, text: str) -> int:
        """Its number, a new one for a new text."""
        known = self._numbers.get(text)
        if known is not None:
            return known
        with self._lock:
            if text not in self._numbers:
                self.texts.append(text)
                self._numbers[text] = len(self.texts) - 1
            return self._numbers[text]

    def numbers(self, texts: Iterable[str]) -> Column:
        """The numbers of all of these, in their order."""
        return np.array([self.number(text) for text in texts], dtype=np.int32)

    def forget(self, text: str) -> None:
        """Nobody is counted under this any more; its number is the empty text's from now on."""
        with self._lock:
            number = self._numbers.pop(text, 0)
            if number:
                self.texts[number] = ""

    def find(self, text: str) -> int:
        """Its number, -1 for a text nobody has mentioned."""
        return self._numbers.get(text, -1)


def digest(conversation_id: str) -> int:
    """A number that stands for the conversation."""
    return int.from_bytes(hashlib.blake2b(conversation_id.encode(), digest_size=8).digest(), "big")


def millis(at: datetime) -> int:
    """Milliseconds since 1970."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def moment(ms: int) -> datetime:
    """The inverse of `millis`."""
    return EPOCH + timedelta(milliseconds=int(ms))


def day_of(at: datetime) -> int:
    """The number of the UTC day."""
    return millis(at) // DAY_MS


def to_row(fact: Fact, names: Names) -> Row:
    """One row of `ROW`."""
    return (
        millis(fact.at),
        digest(fact.conversation_id),
        fact.value,
        fact.seq,
        names.number(fact.label),
        names.number(fact.more),
        names.number(fact.agent),
        names.number(fact.topic),
        names.number(fact.channel),
        names.number(fact.locale),
        int(fact.kind),
    )


def plain_row(row: Row, names: Names, ids: Mapping[int, str]) -> dict[str, Any]:
    """A row in plain words; `ids` says which conversation a digest stands for."""
    at, conversation, value, seq, label, more, agent, topic, channel, locale, kind = row
    named = {
        "label": label, "more": more, "agent": agent, "topic": topic, "channel": channel,
        "locale": locale,
    }  # fmt: skip
    return {
        "conversation": ids[conversation],
        "number": seq,
        "at": moment(at),
        "kind": Kind(kind).name.lower(),
        "value": value,
        **{name: names.texts[number] for name, number in named.items() if number},
    }


def as_rows(rows: Sequence[Row]) -> Rows:
    """These rows as one array, by time and each fact once."""
    return unique(np.array(rows, dtype=ROW))


def to_rows(facts: Sequence[Fact], names: Names) -> Rows:
    """Rows of these facts, by time."""
    return as_rows([to_row(fact, names) for fact in facts])


def unique(rows: Rows) -> Rows:
    """Each fact once, by time: the same event may have been taken in twice."""
    if len(rows) < 2:
        return rows
    order = np.lexsort((rows["label"], rows["kind"], rows["seq"], rows["conversation"], rows["at"]))
    rows = rows[order]
    same = np.ones(len(rows) - 1, dtype=bool)
    for field in ("at", "conversation", "seq", "kind", "label"):
        same &= rows[field][1:] == rows[field][:-1]
    return rows[np.concatenate(([True], ~same))]


def own_names(rows: Rows, names: Names) -> tuple[dict[str, Column], list[str]]:
    """The named columns by numbers of their own, as small as they can be, and those names."""
    own, columns = Names(), {}
    for field in NAMED:
        used, where = np.unique(rows[field], return_inverse=True)
        numbers = own.numbers(names.texts[n] for n in used)
        columns[field] = numbers[where] if len(used) else np.zeros(0, dtype=np.int32)
    return columns, own.texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows with the names and ids they need, as bytes: what one write holds."""

    rows: bytes
    names: bytes
    ids: bytes

    @classmethod
    def of(cls, rows: Rows, names: Names, ids: Iterable[str]) -> Page:
        """Made so that it can be read without anything else."""
        columns, texts = own_names(rows, names)
        copy = rows.copy()
        for field, column in columns.items():
            copy[field] = column
        return cls(
            rows=zlib.compress(copy.tobytes(), 1),
            names=zlib.compress(orjson.dumps(texts), 1),
            ids=zlib.compress("\n".join(sorted(set(ids))).encode(), 1),
        )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Page:
        """The inverse of `document`."""
        return cls(rows=document["rows"], names=document["names"], ids=document.get("ids", b""))

    def document(self) -> dict[str, Any]:
        """Its fields in the store."""
        return {"rows": self.rows, "names": self.names, "ids": self.ids}

    def read(self, names: Names) -> Rows:
        """The rows, by the numbers of `names`."""
        rows = np.frombuffer(zlib.decompress(self.rows), dtype=ROW).copy()
        numbers = names.numbers(self.texts())
        for field in NAMED:
            rows[field] = numbers[rows[field]]
        return rows

    def texts(self) -> list[str]:
        """The names in it."""
        found: list[str] = orjson.loads(zlib.decompress(self.names))
        return found

    def conversation_ids(self) -> list[str]:
        """Whose facts these are."""
        text = zlib.decompress(self.ids).decode() if self.ids else ""
        return text.split("\n") if text else []
