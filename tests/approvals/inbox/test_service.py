"""The inbox on a living desk: found at once, by rights, in the audit, until it is erased."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from approvals.inbox import saved_replies
from approvals.inbox.acts import Bulk
from approvals.inbox.projection import InboxBuilder
from approvals.inbox.rows import Wanted
from approvals.inbox.saved_replies import filled
from approvals.inbox.service import Asked
from approvals.inbox.store import InboxStore
from approvals.inbox.words import WordNumbers
from core.domain import events as ev
from core.domain.conversation import Status
from core.domain.events import Decision
from core.errors import BadInput, NotYours
from core.storage.client import Database
from tests.approvals.office import JOON, MINA, SARA, Office, build_office
from tests.support.world import running


@pytest.fixture
async def office(db: Database) -> AsyncIterator[Office]:
    """A desk that serves."""
    built = build_office(db)
    async with running(built.world):
        yield built


async def ids(office: Office, text: str = "", **wanted: object) -> list[str]:
    """What Mina finds."""
    asked = Asked(text=text, wanted=Wanted(**wanted))  # type: ignore[arg-type]
    return [i.row.id for i in (await office.inbox.inbox.find(MINA, asked)).items]


async def test_what_was_just_said_is_found(office: Office) -> None:
    one = (await office.waiting(chat="c1", text="환불을 받고 싶어요")).conversation_id
    two = (await office.waiting(chat="c2", text="Where is my parcel?")).conversation_id
    assert await ids(office, "환불") == [one]
    assert await ids(office, "parcels") == [two]
    assert await ids(office, "parcel refund") == []
    assert await ids(office, two) == [two]
    assert await ids(office, f"{two}.3") == [two]
    assert sorted(await ids(office, waiting=True)) == sorted((one, two))
    await office.service.note(MINA, one, "A very patient person")
    assert await ids(office, "patient") == [one]


async def test_a_search_is_audited_without_its_words(office: Office) -> None:
    await office.waiting(text="Where is my parcel?")
    await ids(office, "parcel")
    entries = await office.world.core.audit.page()
    [entry] = [e for e in entries if e.what == "conversation.search"]
    assert (entry.who, entry.after) == (MINA.email, {"words": 1, "found": 1})
    assert "parcel" not in str(entries)


async def test_what_nobody_searched_for_is_not_shown_again_in_silence(office: Office) -> None:
    for n in range(2):
        await office.waiting(chat=f"c{n}", text="Where is my parcel?")
    find, asked = office.inbox.inbox.find, Asked(text="parcel", limit=1)

    async def audited() -> list[str]:
        entries = await office.world.core.audit.page()
        return [e.who for e in entries if e.what == "conversation.search"]

    first = await find(MINA, asked, again=True)
    assert await audited() == [MINA.email]
    await find(MINA, asked, again=True)
    await find(MINA, replace(asked, after=first.next))
    assert await audited() == [MINA.email]
    await find(JOON, replace(asked, after=first.next))
    assert sorted(await audited()) == sorted((JOON.email, MINA.email))
    await find(MINA, replace(asked, text="parcels"), again=True)
    assert len(await audited()) == 3


async def test_unread_is_ones_own(office: Office) -> None:
    cid = (await office.waiting()).conversation_id

    async def unread(user: object = MINA) -> bool:
        [item] = (await office.inbox.inbox.find(user, Asked())).items  # type: ignore[arg-type]
        return item.unread

    state = await office.world.conversations.peek(cid)
    # The system said last that it waits, and the customer is still the one to hear.
    assert state.memory[-1].author == "customer"
    assert await unread()
    await office.inbox.inbox.saw(MINA, state)
    assert not await unread()
    assert await unread(JOON)
    await office.service.take_over(JOON, cid)
    assert not await unread(SARA)
    await office.world.write("Are you there?", chat="c1")
    assert await unread(JOON)
    assert not await unread()


async def test_anybody_closes_what_nobody_holds(office: Office) -> None:
    approval = await office.waiting()
    cid = approval.conversation_id
    await office.service.resolve(MINA, cid)
    c = await office.world.conversations.peek(cid)
    assert (c.status, c.reviews) == (Status.RESOLVED, ())
    assert (await office.service.get(MINA, approval.id)).decided_by == MINA.email
    before = c.seq
    await office.service.resolve(MINA, cid)
    assert (await office.world.conversations.peek(cid)).seq == before
    await office.service.take_over(JOON, cid)
    with pytest.raises(NotYours):
        await office.service.resolve(MINA, cid)


async def test_what_was_approved_goes_out_although_the_matter_is_closed(db: Database) -> None:
    office = build_office(db, undo_seconds=600)
    async with running(office.world):
        approval = await office.waiting()
        await office.decide(approval, Decision.APPROVE)
        await office.service.resolve(MINA, approval.conversation_id)
        said = await office.world.said(approval.conversation_id)
        assert [text for author, text in said if author == "ai"] == [approval.draft.text]
        state = await office.world.conversations.peek(approval.conversation_id)
        assert (state.status, state.holds) == (Status.RESOLVED, ())


async def test_what_nobody_holds_is_given_to_a_colleague(office: Office) -> None:
    approval = await office.waiting()
    await office.service.transfer(MINA, approval.conversation_id, to=JOON.email)
    c = await office.world.conversations.peek(approval.conversation_id)
    assert (c.status, c.assignee, c.reviews) == (Status.HUMAN, JOON.email, ())
    assert await ids(office, assignee=JOON.email) == [c.id]
    with pytest.raises(NotYours):
        await office.service.transfer(MINA, c.id, to=SARA.email)


async def test_tags(office: Office) -> None:
    cid = (await office.waiting()).conversation_id
    assert list(await office.acts.tag(MINA, cid, add=["  VIP ", "#Refund"], remove=[])) == [
        "refund",
        "vip",
    ]
    assert list(await office.acts.tag(JOON, cid, add=["vip"], remove=["refund"])) == ["vip"]
    assert await ids(office, tag="vip") == [cid]
    commits = await office.world.conversations.history(cid)
    tagged = [e for c in commits for e in c.events if isinstance(e, ev.Tagged)]
    assert [(e.added, e.removed) for e in tagged] == [(("vip", "refund"), ()), ((), ("refund",))]
    # What nobody sees makes no other tag of the same letters.
    again = await office.acts.tag(MINA, cid, add=["v\u200bi\u202ep"], remove=[])
    assert list(again) == ["vip"]
    for wrong in ("a,b", "\u200b", "#"):
        with pytest.raises(BadInput):
            await office.acts.tag(MINA, cid, add=[wrong], remove=[])
    with pytest.raises(BadInput):
        await office.acts.tag(MINA, cid, add=[f"t{n}" for n in range(20)], remove=[])


async def test_a_bulk_act_goes_on_past_a_refusal(office: Office) -> None:
    cids = [(await office.waiting(chat=f"c{n}")).conversation_id for n in range(3)]
    await office.service.take_over(JOON, cids[1])
    done = await office.acts.bulk(MINA, [*cids, "nobody"], Bulk.RESOLVE)
    assert list(done.done) == [cids[0], cids[2]]
    assert list(done.refused) == [cids[1], "nobody"]
    assert JOON.email in done.refused[cids[1]].detail
    assert sorted(await ids(office, status="resolved")) == sorted((cids[0], cids[2]))
    with pytest.raises(BadInput):
        await office.acts.bulk(MINA, cids, Bulk.ASSIGN)


async def test_saved_replies(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = await office.replies.save(MINA, title="Hello", text="Hello {customer|there}, {me} here")
    assert [r.id for r in await office.replies.all(JOON)] == [mine.id]
    with pytest.raises(NotYours):
        await office.replies.save(JOON, title="x", text="y", reply_id=mine.id)
    changed = await office.replies.save(SARA, title="Hi", text="Hi", reply_id=mine.id)
    assert (changed.by, changed.title) == (MINA.email, "Hi")
    with pytest.raises(BadInput, match="order_number"):
        await office.replies.save(MINA, title="x", text="{order_number}")
    hidden = await office.replies.save(
        SARA, title="H\u200bi", text="go to \u202emoc.live\u202c", reply_id=mine.id
    )
    assert (hidden.title, hidden.text) == ("Hi", "go to moc.live")
    for title, words in (("\u200b", "x"), ("x", "\u200b\n\u2800")):
        with pytest.raises(BadInput):
            await office.replies.save(MINA, title=title, text=words)
    monkeypatch.setattr(saved_replies, "MOST", 1)
    with pytest.raises(BadInput, match="1 saved replies already"):
        await office.replies.save(MINA, title="x", text="y")
    await office.replies.save(MINA, title="Hi", text="Hello", reply_id=mine.id)
    await office.replies.remove(MINA, mine.id)
    assert list(await office.replies.all(MINA)) == []
    text = "Hello {customer|there}, {me} here"
    assert filled(text, {"me": "Mina", "customer": ""}) == "Hello there, Mina here"
    assert filled(text, {"me": "Mina", "customer": "{me}"}) == "Hello {me}, Mina here"


async def test_the_erased_are_not_found_and_newcomers_are(office: Office) -> None:
    cid = (await office.waiting(text="Where is my parcel?")).conversation_id
    await office.world.append(cid, ev.Erased())
    assert await ids(office, "parcel") == []
    assert await ids(office) == []


async def test_what_is_older_than_the_inbox_is_built_into_it(db: Database) -> None:
    office = build_office(db)
    async with running(office.world):
        cid = (await office.waiting(text="Where is my parcel?")).conversation_id
        await office.acts.tag(MINA, cid, add=["vip"], remove=[])
    await db["inbox"].delete_many({})
    again = build_office(db)
    async with running(again.world):
        assert await ids(again, "parcel") == []
        await again.inbox.builder.run()
        assert await ids(again, "parcel", tag="vip") == [cid]
        assert await again.inbox.builder.build() == 1
        # Another key: the numbers are made anew.
        numbers = WordNumbers("rotated")
        store = InboxStore(db["inbox"])
        builder = InboxBuilder(
            store, db["conversations"], conversations=again.world.conversations, numbers=numbers
        )
        await builder.run()
        assert await store.built_with() == numbers.fingerprint
        found = await store.find(Wanted(), words=numbers.of("parcel"), limit=5)
        assert [r.id for r in found.rows] == [cid]
