"""The inbox's packed pages: what is told is found, once, in order, by every process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from approvals.inbox.pages import News, Page, page_of
from approvals.inbox.rows import Row, Wanted, millis
from approvals.inbox.store import InboxStore
from core.errors import StoreUnavailable
from core.storage.client import Database

START = datetime(2026, 11, 1, tzinfo=UTC)


def row(n: int, **fields: object) -> Row:
    """The nth conversation, n hours after the start."""
    at = millis(START + timedelta(hours=n))
    plain = Row(f"c{n}", 1, at, 0, 1, "ai", "", "web", "en", "", ())
    return plain._replace(**fields)  # type: ignore[arg-type]


def told(*rows: Row, words: frozenset[int] = frozenset()) -> dict[str, News]:
    """The rows as news."""
    return {r.id: News(row=r, words=words) for r in rows}


async def ids(store: InboxStore, wanted: Wanted | None = None, **asked: object) -> list[str]:
    """The ids that are found."""
    found = await store.find(wanted or Wanted(), **{"limit": 100, **asked})  # type: ignore[arg-type]
    return [r.id for r in found.rows]


async def test_news_are_found_before_and_after_they_are_written(db: Database) -> None:
    store, other = InboxStore(db["inbox"]), InboxStore(db["inbox"])
    store.tell(told(row(1), row(2, status="human"), words=frozenset({7, 8})))
    assert await ids(store, words=frozenset({7, 8})) == ["c2", "c1"]
    assert await ids(other) == []
    await store.flush()
    assert await ids(store, words=frozenset({7})) == ["c2", "c1"]
    assert await ids(other, words=frozenset({7})) == ["c2", "c1"]
    store.tell(told(row(1, seq=2, status="resolved"), words=frozenset({9})))
    both = frozenset({7, 9})
    assert await ids(store, Wanted(status="resolved"), words=both) == ["c1"]
    await store.flush()
    assert await ids(other, Wanted(status="resolved"), words=both) == ["c1"]
    assert (await other.find(Wanted(), limit=1)).total == 2


async def test_two_processes_write_the_same_page(db: Database) -> None:
    stores = [InboxStore(db["inbox"]) for _ in range(3)]
    for n in range(60):
        stores[n % 3].tell(told(row(n), words=frozenset({n})))
    await asyncio.gather(*(store.flush() for store in stores))
    for store in stores:
        assert len(await ids(store)) == 60
        assert await ids(store, words=frozenset({59})) == ["c59"]


async def test_an_older_row_does_not_undo_a_newer_one(db: Database) -> None:
    one, other = InboxStore(db["inbox"]), InboxStore(db["inbox"])
    one.tell(told(row(1, seq=9, status="human")))
    await one.flush()
    other.tell(told(row(1, seq=3, status="ai"), words=frozenset({5})))
    await other.flush()
    assert await ids(one, Wanted(status="human"), words=frozenset({5})) == ["c1"]


async def test_what_is_forgotten_is_gone_with_its_words(db: Database) -> None:
    store = InboxStore(db["inbox"])
    store.tell(told(row(1), row(2), words=frozenset({7})))
    await store.flush()
    store.tell({"c1": News(row=None)})
    assert await ids(store) == ["c2"]
    await store.flush()
    assert await ids(store, words=frozenset({7})) == ["c2"]
    store.tell(told(row(1, seq=5), words=frozenset({8})))  # somebody new writes there
    await store.flush()
    assert await ids(store, words=frozenset({7})) == ["c2"]
    assert await ids(store, words=frozenset({8})) == ["c1"]


async def test_a_stranger_in_a_forgotten_ones_place_has_none_of_their_words(db: Database) -> None:
    store, other = InboxStore(db["inbox"]), InboxStore(db["inbox"])
    store.tell(told(row(1, topic="billing"), words=frozenset({7})))
    await store.flush()
    store.tell({"c1": News(row=None)})
    store.tell(told(row(1, seq=5), words=frozenset({8})))  # before the first was written down
    for _ in range(2):
        assert await ids(store, words=frozenset({7})) == []
        assert await ids(store, Wanted(topic="billing")) == []
        assert await ids(store, words=frozenset({8})) == ["c1"]
        await store.flush()
    assert await ids(other, words=frozenset({7})) == []
    assert await ids(other, Wanted(topic="billing")) == []
    assert await ids(other, words=frozenset({8})) == ["c1"]


async def test_a_page_that_cannot_be_written_hides_no_other(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = InboxStore(db["inbox"]), InboxStore(db["inbox"])
    refused, write = page_of("c1"), store._write

    async def writes(number: int, news: Mapping[str, News]) -> Page:
        if number == refused:
            raise StoreUnavailable
        return await write(number, news)

    monkeypatch.setattr(store, "_write", writes)
    store.tell(told(row(0), row(1), row(2), words=frozenset({7})))
    with pytest.raises(StoreUnavailable):
        await store.flush()
    assert await ids(other, words=frozenset({7})) == ["c2", "c0"]
    assert await ids(store, words=frozenset({7})) == ["c2", "c1", "c0"]
    monkeypatch.undo()
    await store.flush()
    assert await ids(other, words=frozenset({7})) == ["c2", "c1", "c0"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(assignee="mina@example.com"), ["c3"]),
        (Wanted(assignee=""), ["c4", "c2", "c1", "c0"]),
        (Wanted(waiting=True), ["c2"]),
        (Wanted(channel="sms", locale="ko"), ["c1"]),
        (Wanted(topic="billing"), ["c4"]),
        (Wanted(tag="vip"), ["c3", "c0"]),
        (Wanted(tag="nobody"), []),
        (Wanted(since=START + timedelta(hours=1), until=START + timedelta(hours=3)), ["c2", "c1"]),
        (Wanted(ids=frozenset({"c0", "c4", "cx"})), ["c4", "c0"]),
    ],
)
@pytest.mark.parametrize("written", [True, False])
async def test_filters(db: Database, wanted: Wanted, expected: list[str], *, written: bool) -> None:
    store = InboxStore(db["inbox"])
    store.tell(
        told(
            row(0, tags=("vip",)),
            row(1, channel="sms", locale="ko"),
            row(2, status="review", waits=millis(START)),
            row(3, status="human", assignee="mina@example.com", tags=("later", "vip")),
            row(4, topic="billing"),
        )
    )
    if written:
        await store.flush()
    assert await ids(store, wanted) == expected


@pytest.mark.parametrize("by", ["newest", "oldest", "waiting"])
async def test_pages_hold_everything_once(db: Database, by: str) -> None:
    store = InboxStore(db["inbox"])
    # Many of one moment, as an import makes them, and some that wait.
    rows = [row(0)._replace(id=f"same{n:02}") for n in range(30)] + [row(n) for n in range(30)]
    rows = [r._replace(waits=millis(START) - i) if i % 4 == 0 else r for i, r in enumerate(rows)]
    store.tell(told(*rows[:45]))
    await store.flush()
    store.tell(told(*rows[45:]))
    seen: list[Row] = []
    after = None
    while True:
        found = await store.find(Wanted(), by=by, limit=7, after=after)
        assert found.total == 60
        seen += found.rows
        after = found.next
        if after is None:
            break
    assert len(seen) == len({r.id for r in seen}) == 60
    orders = {
        "newest": lambda r: -r.updated,
        "oldest": lambda r: r.updated,
        "waiting": lambda r: (not r.waits, r.waits or -r.updated),
    }
    assert seen == sorted(seen, key=orders[by])


async def test_what_one_may_choose_by(db: Database) -> None:
    store = InboxStore(db["inbox"])
    store.tell(told(row(1, tags=("vip",), topic="billing"), row(2, channel="sms")))
    await store.flush()
    store.tell(told(row(2, seq=2, channel="sms", tags=("new",))))
    assert store.values() == {
        "channel": ["sms", "web"],
        "locale": ["en"],
        "topic": ["billing"],
        "tags": ["new", "vip"],
    }
