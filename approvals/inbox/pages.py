"""A page of the inbox: some hundreds of rows and their words, packed into one document."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import orjson

from approvals.inbox.rows import Row, Wanted, millis, row_from
from approvals.inbox.words import MOST

PAGES = 256
"""A conversation's page follows from its id. A document costs the embedded store the same whether
it is short or long, so 100,000 conversations are 256 documents of some 400 rows."""

Places = npt.NDArray[np.int64]
CHOSEN_BY = ("channel", "locale", "topic")
WORDS = ("status", "assignee", "channel", "locale", "topic")
_codes: dict[str, int] = {}
Numbers = npt.NDArray[np.uint32]


def page_of(conversation_id: str) -> int:
    """Which page holds this conversation."""
    return crc32(conversation_id.encode()) % PAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The news about one conversation."""

    row: Row | None  #: None: it is forgotten
    words: frozenset[int] = frozenset()  #: numbers that come to those it has
    anew: bool = False  #: this is all that is known of it

    def after(self, earlier: News | None) -> News:
        """Both in one."""
        if earlier is None or self.row is None or self.anew:
            return self
        if earlier.row is None:
            return replace(self, anew=True)  # a stranger in a forgotten one's place
        words = earlier.words | self.words
        return replace(self, row=self.over(earlier.row), words=words, anew=earlier.anew)

    def over(self, before: Row | None) -> Row | None:
        """The row after this; what it does not say stays as it was."""
        if before is None or self.row is None or self.anew:
            return self.row
        topic, asked = self.row.topic or before.topic, max(self.row.asked, before.asked)
        return self.row._replace(topic=topic, asked=asked)


def _code(word: str) -> int:
    """A number for this word, the same in this process; there are few different ones."""
    return _codes.setdefault(word, len(_codes))


def _places(columns: Mapping[str, Places], by: str) -> Places:
    updated, waits = columns["updated"], columns["waits"]
    match by:
        case "oldest":
            return updated
        case "waiting":
            return np.where(waits > 0, waits, (1 << 52) - updated)
        case _:
            return -updated


class Page:
    """Rows by their conversations' ids, and their words one after the other; never changed."""

    def __init__(
        self,
        version: int,
        rows: Mapping[str, Row],
        lengths: npt.NDArray[np.uint32],
        words: Numbers | None,
    ) -> None:
        """`words` is None where only the rows were read."""
        self.version = version
        self.rows = rows
        self._lengths = lengths
        self._words = words

    @property
    def has_words(self) -> bool:
        """Whether it was read whole."""
        return self._words is not None

    @cached_property
    def _owners(self) -> npt.NDArray[np.uint16]:
        return np.repeat(np.arange(len(self.rows), dtype=np.uint16), self._lengths)

    @cached_property
    def _ids(self) -> Sequence[str]:
        return tuple(self.rows)

    @cached_property
    def _columns(self) -> Mapping[str, npt.NDArray[np.int64]]:
        """Figures by column; words as the numbers that `_code` gave them."""
        rows = list(self.rows.values())
        figures = {
            name: [getattr(r, name) for r in rows] for name in ("updated", "waits", "snoozed")
        }
        words = {name: [_code(getattr(r, name)) for r in rows] for name in WORDS}
        return {name: np.array(values, np.int64) for name, values in (figures | words).items()}

    @cached_property
    def values(self) -> Mapping[str, frozenset[str]]:
        """What its conversations have in the columns that people choose by."""
        rows = self.rows.values()
        chosen = {name: frozenset(getattr(r, name) for r in rows) for name in CHOSEN_BY}
        return {**chosen, "tags": self.tags}

    @cached_property
    def tags(self) -> frozenset[str]:
        """All tags that its conversations have."""
        return frozenset(tag for row in self.rows.values() for tag in row.tags)

    @cached_property
    def _index(self) -> Mapping[str, int]:
        return {key: i for i, key in enumerate(self.rows)}

    def find(
        self, wanted: Wanted, words: Iterable[int], *, by: str, without: Iterable[str] = ()
    ) -> tuple[Places, Places]:
        """Which rows (by their numbers) are wanted and have all words, and their places.

        `without` are ids of rows that count as not there.
        """
        columns = self._columns
        mask = np.ones(len(self.rows), bool)
        for name, word in wanted.words.items():
            mask &= columns[name] == _code(word)
        if wanted.waiting:
            mask &= columns["waits"] > 0
        if wanted.snoozed is not None:
            mask &= (columns["snoozed"] > 0) == wanted.snoozed
        if wanted.back_by is not None:
            aside = columns["snoozed"]
            mask &= (aside > 0) & (aside <= millis(wanted.back_by))
        if wanted.since is not None:
            mask &= columns["updated"] >= millis(wanted.since)
        if wanted.until is not None:
            mask &= columns["updated"] < millis(wanted.until)
        if wanted.tag:
            tagged = wanted.tag in self.tags and [
                wanted.tag in row.tags for row in self.rows.values()
            ]
            mask &= np.array(tagged, bool)
        if wanted.ids is not None:
            mask &= self._are(wanted.ids)
        for number in words:
            assert self._words is not None
            having = np.zeros(len(self.rows), bool)
            having[self._owners[self._words == number]] = True
            mask &= having
        if without:
            mask &= ~self._are(without)
        chosen = np.flatnonzero(mask)
        return chosen, _places(columns, by)[chosen]

    def _are(self, ids: Iterable[str]) -> npt.NDArray[np.bool_]:
        mask = np.zeros(len(self.rows), bool)
        mask[[self._index[key] for key in ids if key in self._index]] = True
        return mask

    def row(self, number: int) -> Row:
        """The row of this number."""
        return self.rows[self._ids[number]]

    def words_of(self, conversation_id: str) -> frozenset[int]:
        """The words of one conversation."""
        assert self._words is not None
        if conversation_id not in self.rows:
            return frozenset()
        place = self._ids.index(conversation_id)
        start = int(self._lengths[:place].sum())
        return frozenset(self._words[start : start + int(self._lengths[place])].tolist())

    def with_news(self, news: Mapping[str, News]) -> Page:
        """The next version of the page; a row that is newer than its news stays."""
        assert self._words is not None
        starts = np.concatenate(([0], np.cumsum(self._lengths))).astype(int).tolist()
        known = {key: self._words[starts[i] : starts[i + 1]] for i, key in enumerate(self._ids)}
        rows = dict(self.rows)
        for key, new in news.items():
            before, row = rows.get(key), new.over(rows.get(key))
            if row is None:
                rows.pop(key, None)
                known.pop(key, None)
                continue
            if before is None or before.seq <= row.seq:
                rows[key] = row
            fresh = np.fromiter(new.words, np.uint32, len(new.words))
            if key in known and not new.anew:
                fresh = np.union1d(known[key], fresh)
            known[key] = fresh[:MOST]
        parts = [known[key] for key in rows]
        return Page(
            self.version + 1,
            rows,
            np.array([len(part) for part in parts], np.uint32),
            np.concatenate(parts) if parts else np.empty(0, np.uint32),
        )

    def packed(self) -> dict[str, Any]:
        """The fields of its document."""
        assert self._words is not None
        return {
            "v": self.version,
            "rows": zlib.compress(orjson.dumps([tuple(row) for row in self.rows.values()]), 1),
            "lengths": self._lengths.astype("<u4").tobytes(),
            "words": self._words.astype("<u4").tobytes(),
        }


def unpacked(document: Mapping[str, Any]) -> Page:
    """The inverse of `Page.packed`; without `words` in the document the page has none."""
    rows = {r.id: r for r in map(row_from, orjson.loads(zlib.decompress(document["rows"])))}
    words = document.get("words")
    return Page(
        document["v"],
        rows,
        np.frombuffer(document["lengths"], "<u4"),
        None if words is None else np.frombuffer(words, "<u4"),
    )


EMPTY = Page(0, {}, np.empty(0, np.uint32), np.empty(0, np.uint32))
