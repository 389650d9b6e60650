"""Decisions: one each, with its message, whoever clicks how often."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import pytest

from approvals.queue.model import (
    MAX_TEXT,
    ApprovalState,
    ChangedSince,
    NotTakenOver,
    Ruling,
    Then,
    Withdrawn,
)
from core.domain import events as ev
from core.domain.conversation import Status
from core.domain.drafts import Draft, Reason
from core.domain.events import Decision
from core.errors import AlreadyDecided, BadInput, NotFound, NotYours
from core.sdk.channel import ChannelCapabilities
from core.text.sanitize import conceals
from tests.approvals.office import JOON, MINA, SARA, Office
from tests.support.world import VendorChannel, sure


async def sent_after_notice(office: Office, cid: str) -> list[ev.Sent]:
    """What went to the customer after he was told to wait."""
    sent = [i.event for i in await office.world.events(cid) if isinstance(i.event, ev.Sent)]
    return sent[1:]


async def test_pending_shows_what_the_contract_promises(office: Office) -> None:
    approval = await office.waiting()
    page = await office.service.pending(MINA)
    assert [a.id for a in page.items] == [approval.id]
    assert approval.version == 1
    assert approval.channel == "web"
    assert approval.draft.citations
    assert approval.deadline > approval.requested_at


async def test_approve_sends_the_draft_with_its_sources(office: Office) -> None:
    approval = await office.waiting()
    await office.decide(approval, Decision.APPROVE)
    [sent] = await sent_after_notice(office, approval.conversation_id)
    assert (sent.author, sent.by, sent.text) == ("ai", MINA.email, approval.draft.text)
    assert sent.citations == approval.draft.citations
    state = await office.world.conversations.load(approval.conversation_id)
    assert state.status is Status.AI
    assert state.unanswered == ()
    assert (await office.service.pending(MINA)).items == ()
    past = await office.service.get(MINA, approval.id)
    assert (past.state, past.decided_by) == (ApprovalState.DECIDED, MINA.email)


async def test_a_draft_without_a_source_is_sent_as_the_persons_word(office: Office) -> None:
    approval = await office.waiting(draft=Draft(text="Yes.", confidence=0.4))
    await office.decide(approval, Decision.APPROVE)
    [sent] = await sent_after_notice(office, approval.conversation_id)
    assert sent.author == "agent"


async def test_without_a_draft_an_honest_sentence_can_be_sent_with_one_press(
    office: Office,
) -> None:
    approval = await office.waiting(draft=Draft(text="", reasons=(Reason.NOTHING_FOUND,)))
    assert "no answer" in approval.draft.text
    await office.decide(approval, Decision.APPROVE)
    [sent] = await sent_after_notice(office, approval.conversation_id)
    assert (sent.author, sent.text) == ("agent", approval.draft.text)


async def test_an_edited_text_arrives_unchanged(office: Office) -> None:
    text = "  Line one\n\n**two** 😀 " + "가" * (MAX_TEXT - 25) + " \n"
    assert len(text) <= MAX_TEXT
    approval = await office.waiting()
    await office.decide(approval, Decision.EDIT, text=text)
    [sent] = await sent_after_notice(office, approval.conversation_id)
    assert (sent.author, sent.text) == ("agent", text)


@pytest.mark.parametrize(
    "text", ["", " \n ", "\u200b\u2060", "\u3164 \u2800", "x" * (MAX_TEXT + 1)]
)
async def test_an_edit_needs_a_text_that_fits(office: Office, text: str) -> None:
    approval = await office.waiting()
    with pytest.raises(BadInput):
        await office.decide(approval, Decision.EDIT, text=text)


async def test_a_rejection_is_never_silence(office: Office) -> None:
    approval = await office.waiting()
    await office.decide(approval, Decision.REJECT)
    [sent] = await sent_after_notice(office, approval.conversation_id)
    assert (sent.author, sent.notice) == ("system", ev.Notice.REJECTED)
    state = await office.world.conversations.load(approval.conversation_id)
    assert state.unanswered == ()


async def test_a_rejection_with_an_own_answer_sends_it(office: Office) -> None:
    approval = await office.waiting()
    await office.decide(approval, Decision.REJECT, text="Please call us.")
    [sent] = await sent_after_notice(office, approval.conversation_id)
    assert (sent.author, sent.text) == ("agent", "Please call us.")


async def test_a_rejection_with_a_hint_gets_another_draft(office: Office) -> None:
    approval = await office.waiting()
    office.world.responder.always(sure("Better."))
    await office.service.decide(
        MINA,
        approval.id,
        Ruling(decision=Decision.REJECT, then=Then.RETRY, hint="Name the button."),
        version=1,
    )
    state = await office.world.until(
        approval.conversation_id,
        lambda c: c.review is not None and c.review.draft_id != approval.id,
    )
    assert office.world.responder.asked[-1].hint == "Name the button."
    assert state.review is not None
    assert state.review.draft.text == "Better."


async def test_taking_over_silences_the_assistant(office: Office) -> None:
    approval = await office.waiting()
    cid = approval.conversation_id
    await office.decide(approval, Decision.TAKE_OVER)
    state = await office.world.conversations.load(cid)
    assert (state.status, state.assignee) == (Status.HUMAN, MINA.email)
    [sent] = await sent_after_notice(office, cid)
    assert sent.notice is ev.Notice.PERSON_JOINED
    assert "Mina" in sent.text
    await office.world.write("And now?")
    await asyncio.sleep(0.1)
    assert len(await sent_after_notice(office, cid)) == 1


async def test_two_people_decide_at_once_a_hundred_times(office: Office) -> None:
    for round_ in range(100):
        approval = await office.waiting(chat=f"c{round_}")
        results = await asyncio.gather(
            office.decide(approval, Decision.APPROVE, user=MINA),
            office.decide(approval, Decision.EDIT, user=JOON, text="Mine."),
            return_exceptions=True,
        )
        [lost] = [r for r in results if isinstance(r, AlreadyDecided)]
        assert results.count(None) == 1
        winner = MINA if results[0] is None else JOON
        assert lost.decided_by == winner.email
        assert lost.decision == ("approve" if winner is MINA else "edit")
        assert len(await sent_after_notice(office, approval.conversation_id)) == 1


async def test_a_double_click_sends_once_and_says_so(office: Office) -> None:
    approval = await office.waiting()
    await office.decide(approval, Decision.APPROVE)
    with pytest.raises(AlreadyDecided) as told:
        await office.decide(approval, Decision.APPROVE)
    assert (told.value.decided_by, told.value.decision) == (MINA.email, "approve")
    assert len(await sent_after_notice(office, approval.conversation_id)) == 1


async def test_whoever_is_late_by_a_draft_still_learns_who_was_first(office: Office) -> None:
    first = await office.waiting()
    await office.decide(first, Decision.APPROVE)
    second = await office.waiting()
    await office.decide(second, Decision.EDIT, user=JOON, text="Second.")
    with pytest.raises(AlreadyDecided) as told:
        await office.decide(first, Decision.REJECT, user=SARA)
    assert (told.value.decided_by, told.value.decision) == (MINA.email, "approve")


async def test_a_superseded_draft_cannot_be_sent(office: Office) -> None:
    first = await office.waiting()
    second = await office.waiting(text="How do I change my address?")
    assert first.id != second.id
    superseded = ev.ReviewSuperseded(draft_id=first.id)
    await office.world.append(first.conversation_id, superseded)
    with pytest.raises(Withdrawn) as told:
        await office.decide(first, Decision.APPROVE)
    assert told.value.decision == "superseded"
    assert first.id not in [a.id for a in (await office.service.pending(MINA)).items]


@pytest.mark.parametrize("approval_id", ["nonsense", "a.b", ".", "x.", ".x", "c" * 300 + ".1"])
async def test_what_is_not_there_is_not_found(office: Office, approval_id: str) -> None:
    with pytest.raises(NotFound):
        await office.service.decide(MINA, approval_id, Ruling(decision=Decision.APPROVE), version=1)


@pytest.mark.parametrize("version", [0, 2, -1, 10**9])
async def test_a_version_that_never_was_is_refused(office: Office, version: int) -> None:
    approval = await office.waiting()
    with pytest.raises(ChangedSince):
        await office.service.decide(
            MINA, approval.id, Ruling(decision=Decision.APPROVE), version=version
        )


async def test_a_claim_is_seen_moved_and_taken_back(office: Office) -> None:
    approval = await office.waiting()
    assert await office.service.claim(MINA, approval.id) == 2
    assert await office.service.claim(MINA, approval.id) == 2
    assert (await office.service.get(JOON, approval.id)).claimed_by == MINA.email
    with pytest.raises(NotYours):
        await office.service.claim(JOON, approval.id)
    with pytest.raises(NotYours):
        await office.service.release(JOON, approval.id)
    assert await office.service.claim(SARA, approval.id) == 3
    assert await office.service.release(SARA, approval.id) == 4
    assert await office.service.release(SARA, approval.id) == 4


async def test_the_customer_hears_that_somebody_looks_once_somebody_does(office: Office) -> None:
    approval = await office.waiting()
    cid = approval.conversation_id

    async def notices() -> list[ev.Notice | None]:
        return [
            i.event.notice for i in await office.world.events(cid) if isinstance(i.event, ev.Sent)
        ]

    assert await notices() == [ev.Notice.WAITING_FOR_REVIEW]
    await office.service.claim(MINA, approval.id)
    await office.service.release(MINA, approval.id)
    await office.service.claim(JOON, approval.id)
    assert await notices() == [ev.Notice.WAITING_FOR_REVIEW, ev.Notice.BEING_REVIEWED]


async def test_a_claim_stops_only_who_has_not_seen_it(office: Office) -> None:
    approval = await office.waiting()
    await office.service.claim(JOON, approval.id)
    with pytest.raises(ChangedSince) as told:
        await office.decide(approval, Decision.APPROVE)
    assert told.value.decided_by == JOON.email
    fresh = await office.service.get(MINA, approval.id)
    await office.decide(fresh, Decision.APPROVE)


async def test_ones_own_claim_does_not_age_what_one_read(office: Office) -> None:
    approval = await office.waiting()
    await office.service.claim(MINA, approval.id)
    await office.decide(approval, Decision.APPROVE)


async def test_a_conversation_in_a_persons_hands(office: Office) -> None:
    approval = await office.waiting()
    cid = approval.conversation_id
    with pytest.raises(NotTakenOver):
        await office.service.hand_back(MINA, cid)
    with pytest.raises(NotTakenOver):
        await office.service.reply(MINA, cid, "Hi")
    await office.decide(approval, Decision.TAKE_OVER)
    first = await office.service.reply(MINA, cid, "Hi", client_id="1")
    assert await office.service.reply(MINA, cid, "Hi", client_id="1") == first
    with pytest.raises(NotYours):
        await office.service.reply(JOON, cid, "Me too")
    with pytest.raises(NotYours):
        await office.service.reply(SARA, cid, "Me too")
    with pytest.raises(NotYours):
        await office.service.take_over(JOON, cid)
    await office.service.note(JOON, cid, "Knows us well.")
    await office.service.take_over(SARA, cid)
    with pytest.raises(BadInput):
        await office.service.transfer(SARA, cid, to="nobody@example.com")
    await office.service.transfer(SARA, cid, to="Joon@example.com", note="Yours.")
    assert (await office.world.conversations.load(cid)).assignee == JOON.email
    await office.service.hand_back(JOON, cid)
    state = await office.world.conversations.load(cid)
    assert (state.status, state.assignee) == (Status.AI, "")
    said = [text for author, text in await office.world.said(cid) if author == "agent"]
    assert said == ["Hi"]


async def test_colleagues_read_nothing_that_they_cannot_see(office: Office) -> None:
    """Notes, reasons and hints; a rejection may teach, and a note is searched for."""
    hidden = "m\u202eoc.live\u202c \U000e0041me"
    approval = await office.waiting()
    cid = approval.conversation_id
    await office.service.note(MINA, cid, hidden)
    await office.service.transfer(MINA, cid, to=JOON.email, note=hidden)
    await office.service.note(JOON, cid, "\u200b.")
    other = await office.waiting(chat="another")
    rejected = Ruling(decision=Decision.REJECT, text=hidden, reason=hidden)
    await office.service.decide(MINA, other.id, rejected, version=other.version)
    reasons = (await office.waiting(chat="third")).conversation_id
    await office.service.set_consent(SARA, reasons, opted_out=True, reason=hidden)
    for conversation_id in (cid, other.conversation_id, reasons):
        for item in await office.world.events(conversation_id):
            words = [v for v in asdict(item.event).values() if isinstance(v, str)]
            assert not any(map(conceals, words)), item
    with pytest.raises(BadInput):
        await office.service.note(JOON, cid, "\u200b \u2800")


async def test_resolving_closes_and_the_next_message_reopens(office: Office) -> None:
    approval = await office.waiting()
    cid = approval.conversation_id
    await office.service.take_over(MINA, cid)
    past = await office.service.get(MINA, approval.id)
    assert past.decision == "take_over"
    await office.service.resolve(MINA, cid)
    assert (await office.world.conversations.load(cid)).status is Status.RESOLVED
    again = await office.waiting()
    assert again.conversation_id == cid


async def test_a_rejection_may_end_in_a_take_over(office: Office) -> None:
    approval = await office.waiting()
    ruling = Ruling(decision=Decision.REJECT, then=Then.TAKE_OVER, reason="wrong")
    await office.service.decide(MINA, approval.id, ruling, version=1)
    state = await office.world.conversations.load(approval.conversation_id)
    assert (state.status, state.assignee) == (Status.HUMAN, MINA.email)
    past = await office.service.get(MINA, approval.id)
    assert (past.decision, past.reason) == ("reject", "wrong")


async def test_where_each_message_costs_only_the_needful_is_said(office: Office) -> None:
    office.world.channels.running["sms"] = Costly()
    approval = await office.waiting(channel="sms")
    await office.decide(approval, Decision.TAKE_OVER)
    await office.service.hand_back(MINA, approval.conversation_id)
    assert await sent_after_notice(office, approval.conversation_id) == []
    again = await office.waiting(channel="sms")
    await office.decide(again, Decision.REJECT)
    sent = await sent_after_notice(office, approval.conversation_id)
    assert sent[-1].notice is ev.Notice.REJECTED


async def test_a_list_does_not_wait_for_ever(office: Office) -> None:
    approval = await office.waiting()

    async def never() -> None:
        await asyncio.Event().wait()

    office.service._drain = never
    assert [a.id for a in (await office.service.pending(MINA)).items] == [approval.id]


class Costly(VendorChannel):
    """A channel like SMS."""

    @property
    def capabilities(self) -> ChannelCapabilities:
        return ChannelCapabilities(text_limit=1600, notices=False)
