"""Agents read a message as it is now, what it points at, who wrote it and what stands under it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from approvals.queue.decisions import check_held
from approvals.queue.fold import fold
from approvals.queue.model import Approval
from approvals.queue.wording import Entry, thread
from approvals.slack.views.cards import Looks, card
from approvals.slack.views.thread import before, told
from channels.web.transcript import messages_of
from core.accounts.roles import Role, User
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Reason
from core.domain.fold import fold_commit
from core.domain.messages import (
    Address,
    Attachment,
    Author,
    DeliveryState,
    Pointing,
    Quoted,
    Sender,
    SenderKind,
)
from core.errors import NotYours
from core.i18n import Words

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
WORDS = Words.load(Path(__file__).parents[3] / "config" / "locales")
LOOKS = Looks(words=WORDS, locale="en", base_url="https://desk.example")
ADA = Sender(id="1", name="Ada")


def commits(*events: ev.Event) -> list[ev.Commit]:
    """A conversation with Ada; its first event has number 1."""
    begun = ev.Started(address=Address(channel="telegram", account="a", chat="1"), sender=ADA)
    return [ev.Commit(conversation_id="c", base=1, at=NOW, events=(begun, *events))]


def lines(*events: ev.Event) -> list[Entry]:
    return thread(commits(*events), words=WORDS, locale="en")


def test_a_changed_message_reads_as_it_is_now_and_says_so() -> None:
    events = (
        ev.Received(text="How log?", external_id="m1"),
        ev.Edited(seq=2, text="How long?"),
    )
    [entry] = [e for e in lines(*events) if e.side == "customer"]
    assert (entry.text, entry.before, entry.edited) == ("How long?", "How log?", True)
    [message] = messages_of(commits(*events))
    assert (message["text"], message["edited_at"]) == ("How long?", "2026-11-30T12:00:00.000Z")


def test_a_message_that_was_taken_back_says_so() -> None:
    events = (ev.Received(text="Oops", external_id="m1"), ev.Deleted(seq=2))
    assert [e.deleted for e in lines(*events) if e.side == "customer"] == [True]
    [message] = messages_of(commits(*events))
    assert message["deleted_at"]


@pytest.mark.parametrize("about", ["m1", "v1"])
def test_a_reaction_stands_under_its_message_until_it_is_taken_back(about: str) -> None:
    events: tuple[ev.Event, ...] = (
        ev.Received(text="Hello", external_id="m1"),
        ev.Sent(author=Author.AI, text="Good day"),
        ev.DeliveryRecorded(seq=3, state=DeliveryState.SENT, external_ids=("v1",)),
        ev.Reacted(sign="👍", about=about),
    )
    place = 0 if about == "m1" else 1
    assert messages_of(commits(*events))[place]["reactions"] == ["👍"]
    assert [e.signs for e in lines(*events) if e.side != "event"][place] == ("👍",)
    again = (*events, ev.Reacted(sign="👍", about=about, removed=True))
    assert all("reactions" not in m for m in messages_of(commits(*again)))


def test_words_that_are_pointed_at_are_shown() -> None:
    shared = Quoted(text="Error E04", kind=Pointing.SHARED, author="Bob")
    received = ev.Received(text="What is it?", external_id="m1", quotes=(shared,))
    [entry] = [e for e in lines(received) if e.side == "customer"]
    assert (entry.text, entry.quoted) == ("What is it?", "> Bob: Error E04")
    [message] = messages_of(commits(received))
    assert message["text"] == "> Bob: Error E04\nWhat is it?"


def test_who_else_wrote_is_named_and_told_apart() -> None:
    admin = Sender(id="-5", name="Club", kind=SenderKind.ANONYMOUS_ADMIN)
    events = (
        ev.Received(text="Hello", external_id="m1"),
        ev.Received(text="Hi", external_id="m2", sender=Sender(id="2", name="Bob")),
        ev.Received(text="Hi", external_id="m3", sender=admin),
    )
    assert [e.sender for e in lines(*events) if e.side == "customer"] == [
        "",
        "Bob",
        "Club (anonymous admin of the group)",
    ]


def test_what_nobody_can_read_is_named() -> None:
    received = ev.Received(text="", external_id="m1", unreadable="dice")
    assert messages_of(commits(received))[0]["text"] == "[dice]"
    assert [e.text for e in lines(received) if e.side == "customer"] == ["[dice]"]


def item(event: ev.Event) -> ev.Numbered:
    return ev.Numbered(conversation_id="c", seq=9, at=NOW, event=event)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (ev.Edited(seq=2, text="How long?"), "How long?"),
        (ev.Deleted(seq=2), "taken back"),
        (ev.Reacted(sign="👍"), "Ada reacted with 👍"),
        (ev.Reacted(sign="👍", removed=True, sender=Sender(id="2", name="Bob")), "Bob took"),
        (ev.Received(text="Hi", sender=Sender(id="2", name="Bob")), "Bob: Hi"),
        (ev.Received(text="So?", quotes=(Quoted(text="30 days"),)), "30 days"),
    ],
)
def test_a_person_in_slack_hears_of_it(event: ev.Event, words: str) -> None:
    state = fold_commit(Conversation(id="c"), commits()[0])
    post = told(item(event), LOOKS, about=state, human=True, waits=False)
    assert post is not None
    assert words in post.text.replace("&gt;", ">")


def test_the_lines_before_a_question_are_as_they_are_now() -> None:
    items = commits(
        ev.Received(text="How log?", external_id="m1"),
        ev.Received(text="Oops", external_id="m2"),
        ev.Edited(seq=2, text="How long?"),
        ev.Deleted(seq=3),
    )[0].numbered()
    assert [turn.text for turn in before(items, 99)] == ["How long?"]


def test_the_card_shows_what_the_question_points_at() -> None:
    waiting = Approval(
        id="c.5",
        conversation_id="c",
        seq=5,
        at=NOW,
        requested_at=NOW,
        deadline=NOW,
        customer="Bob",
        channel="telegram",
        question="For sale items too?",
        quoted="> Us: 30 days.",
    )
    drawn = repr(card(waiting, LOOKS).blocks)
    assert "30 days." in drawn
    assert "Bob" in drawn


def test_who_speaks_in_the_vendors_own_app_keeps_nobody_out() -> None:
    mina = User(id="u1", email="mina@example.com", name="Mina", role=Role.AGENT)
    begun = commits(ev.TakenOver(by="Grace (telegram)"))[0]
    held = fold_commit(Conversation(id="c"), begun)
    check_held(held, mina)
    with pytest.raises(NotYours):
        check_held(held, mina, strictly=True)  # to speak, she takes it over first
    colleagues = fold_commit(Conversation(id="c"), commits(ev.TakenOver(by="joon@example.com"))[0])
    with pytest.raises(NotYours):
        check_held(colleagues, mina)


def test_a_file_without_words_has_its_name_in_what_was_said_since() -> None:
    photo = Attachment(kind="image", name="cup.jpg", ref="r")
    events = (
        ev.Received(text="Is it broken?", external_id="m1"),
        ev.ReviewRequested(
            draft_id="d", version=1, question="", draft=Draft(text=""), reasons=(), deadline=NOW
        ),
        ev.Received(text="", external_id="m2", attachments=(photo, Attachment(kind="voice"))),
    )
    known: Mapping[str, Approval] = {}
    for one in commits(*events)[0].numbered():
        known = fold(known, one, about=Conversation(id="c"))
    [approval] = known.values()
    assert [turn.text for turn in approval.said] == ["📎 cup.jpg, voice"]
    assert "📎 cup.jpg" in str(card(approval, LOOKS).blocks)
    turns = before(commits(*events)[0].numbered(), 9)
    assert [turn.text for turn in turns] == ["Is it broken?", "📎 cup.jpg, voice"]


@pytest.mark.parametrize(
    ("locale", "words"), [("en", "has blocked the bot"), ("ko", "차단")], ids=["en", "ko"]
)
def test_why_it_did_not_arrive_is_told_in_the_readers_language(locale: str, words: str) -> None:
    lost = ev.DeliveryRecorded(
        seq=2, state=DeliveryState.FAILED, code="403", detail="Forbidden: bot was blocked"
    )
    entries = thread(
        commits(ev.Sent(author=Author.AGENT, text="Hello", by="ann"), lost),
        words=WORDS,
        locale=locale,
    )
    [told_of] = [e for e in entries if e.trouble]
    assert words in told_of.delivery_detail


def test_where_there_is_no_draft_none_went_to_the_desk() -> None:
    reasons = (Reason.ATTACHMENT, Reason.NO_SOURCE, Reason.LOW_CONFIDENCE)
    asked = ev.ReviewRequested(
        draft_id="d", version=1, question="", draft=Draft(text=""), reasons=reasons, deadline=NOW
    )
    [told_of] = [e.text for e in lines(asked) if e.text.startswith("The message went")]
    assert "draft" not in told_of
    assert "only a person can look at" in told_of


def test_agents_read_that_the_customer_was_told_of_the_assistant() -> None:
    sent = ev.Sent(author=Author.AI, text="30 days.", disclosure="This is the AI assistant.")
    assert [e.text for e in lines(sent) if e.side == "ours"] == [
        "This is the AI assistant.\n\n30 days."
    ]
