"""Cards, windows, Homes and answers keep Slack's limits, whatever stands in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from approvals.queue.model import Approval, ApprovalState
from approvals.queue.wording import Entry
from approvals.slack.replies import error_text
from approvals.slack.threads import to_customer
from approvals.slack.views import modals
from approvals.slack.views.cards import Looks, card, small
from approvals.slack.views.home import Queue, home, line, queue_answer, status_answer
from approvals.slack.views.thread import erased_card, talk_card, thread_head, told
from core.accounts.roles import Role, User
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.drafts import Draft, Reason, Turn
from core.domain.messages import Address, Attachment, Author, Citation, DeliveryState, Sender
from core.errors import AlreadyDecided
from core.i18n import Words
from core.slack.blocks import at_length
from core.slack.long_text import pieces
from core.slack.mrkdwn import from_mrkdwn, readable
from core.slack.people import OUTSIDE, read_member
from tests.approvals.limits import check_blocks, check_message, check_view
from tests.support.world import LOCALES

WORDS = Words.load(LOCALES)
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ABOUT = modals.About(draft_id="c1.3", version=1, channel="C1")

texts = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "<!channel> <@U1> <https://evil.example|click> *bold* _x_ & `code`",
            "&" * 3000,
            "a&<>👩‍👩‍👧‍👦 " * 700,
            "AT&T <sales@example.com>",
            "가" * 9000,
            "👩‍👩‍👧‍👦" * 2000,
            "word " * 4000,
            "```\ncode\n```\n" * 200,
            "- item\n" * 300,
            "|a|b|\n|-|-|\n" + "|1|2|\n" * 100,
            "\n" * 50,
            "  ",
            "",
        ]
    ),
)
urls = st.sampled_from(
    ["", "https://example.com/a b|c>", "/guide", "javascript:x", "https://x.y/" + "z" * 4000]
)
citations = st.lists(
    st.builds(Citation, id=st.just("p"), title=texts, url=urls, quote=texts), max_size=12
).map(tuple)
drafts = st.builds(
    Draft, text=texts, citations=citations, confidence=st.floats(0, 1), topic=st.just("t")
)
approvals = st.builds(
    Approval,
    id=st.just("c1.3"),
    conversation_id=st.just("c1"),
    seq=st.just(3),
    state=st.sampled_from(ApprovalState),
    version=st.integers(1, 9),
    channel=st.sampled_from(["web", "sms", "telegram", "slack", "x" * 60]),
    customer=texts,
    question=texts,
    draft=drafts,
    reasons=st.lists(st.sampled_from(Reason), max_size=16).map(tuple),
    requested_at=st.just(AT),
    at=st.just(AT),
    deadline=st.just(AT + timedelta(minutes=15)),
    step=st.integers(0, 3),
    claimed_by=st.sampled_from(["", "mina@example.com", "x" * 250, "r&d@example.com"]),
    decided_by=st.sampled_from(["", "mina@example.com", "r&d@example.com"]),
    decision=st.sampled_from(["approve", "edit", "reject", "take_over"]),
    decided_at=st.sampled_from([None, AT]),
    held_until=st.sampled_from([None, AT]),
    seconds=st.floats(0, 1e7),
    text=texts,
    reason=texts,
)
turns = st.lists(
    st.builds(Turn, author=st.sampled_from(["customer", "ai", "agent"]), text=texts), max_size=20
)
looks = st.sampled_from(["en", "ko"]).map(
    lambda locale: Looks(words=WORDS, locale=locale, base_url="https://desk.example.com")
)
ENGLISH = Looks(words=WORDS, locale="en", base_url="https://desk.example.com")
SOURCE = Citation(id="p", title="Returns", url="https://x.y/" + "z" * 1400)
LONG_ADDRESSES = Approval(
    id="c1.3",
    conversation_id="c1",
    seq=3,
    question="How long?",
    draft=Draft(text="30 days.", citations=(SOURCE,) * 5),
    requested_at=AT,
    at=AT,
    deadline=AT,
)
"""Each of its sources is short enough to be a link, and all of them are no section any more."""


def entry(text: str, *, side: str = "customer") -> Entry:
    """A line of a conversation's history."""
    return Entry(seq=1, at=AT, side=side, author="customer", text=text, by="r&d@example.com")


@settings(max_examples=150, deadline=None)
@given(a=approvals, seen=looks, earlier=turns)
@example(a=LONG_ADDRESSES, seen=ENGLISH, earlier=[])
def test_every_card_is_within_the_limits(a: Approval, seen: Looks, earlier: list[Turn]) -> None:
    for posted in (card(a, seen, earlier=earlier), small(a, seen)):
        check_message(posted.text, posted.blocks)


@settings(max_examples=60, deadline=None)
@given(a=approvals, seen=looks, earlier=turns, status=st.sampled_from(Status))
def test_every_head_of_a_thread_is_within_the_limits(
    a: Approval, seen: Looks, earlier: list[Turn], status: Status
) -> None:
    c = Conversation(
        id="c1", status=status, assignee=a.claimed_by, sender=Sender(id="x", name=a.customer)
    )
    for posted in (
        thread_head(c, seen, before=earlier, carried="c1.3 1"),
        talk_card(c, seen, before=earlier, carried="c1.t3 0"),
        erased_card(seen),
    ):
        check_message(posted.text, posted.blocks)


@settings(max_examples=80, deadline=None)
@given(a=approvals, seen=looks, typed=st.one_of(st.none(), texts), warning=texts)
def test_every_window_is_within_the_limits(
    a: Approval, seen: Looks, typed: str | None, warning: str
) -> None:
    check_view(modals.edit(a, seen, ABOUT, typed=typed))
    check_view(modals.reject(a, seen, ABOUT))
    check_view(modals.transfer(seen, ABOUT))
    check_view(modals.reply(seen, ABOUT, entries=[entry(typed or "x"), entry("", side="event")]))
    why = error_text(AlreadyDecided(decided_by=warning, decision=a.decision), seen)
    check_view(modals.notice(seen, why, typed=typed or ""))
    check_view(modals.edit(a, seen, ABOUT, warning=why))


@settings(max_examples=40, deadline=None)
@given(waiting=st.lists(approvals, max_size=40), seen=looks, said=turns)
def test_homes_and_answers_are_within_the_limits(
    waiting: list[Approval], seen: Looks, said: list[Turn]
) -> None:
    user = User(id="u", email="mina@example.com", role=Role.AGENT)
    held = [Conversation(id="c1", memory=tuple(said), sender=Sender(id="x", name="A" * 300))] * 12
    queue = Queue(waiting=waiting, decided=waiting, held=held, now=AT)
    check_view(home(queue, user, seen))
    check_blocks(queue_answer(waiting, seen), kind="message")
    check_blocks(status_answer(queue, seen), kind="message")
    for a in waiting:
        assert "<!channel" not in line(a, seen)


@settings(max_examples=80, deadline=None)
@given(text=texts, seen=looks, human=st.booleans(), waits=st.booleans())
def test_everything_a_thread_is_told_is_within_the_limits(
    text: str, seen: Looks, human: bool, waits: bool
) -> None:
    about = Conversation(id="c1", sender=Sender(id="x", name=text))
    file = Attachment(kind="image", name=text)
    happened: list[ev.Event] = [
        ev.Received(text=text, attachments=(file,) * 12),
        ev.Sent(author=Author.AGENT, text=text, by=text),
        ev.Sent(author=Author.AI, text=text),
        ev.Sent(author=Author.SYSTEM, text=text),
        ev.Noted(by="mina@example.com", text=text),
        ev.TakenOver(by=text),
        ev.HandedBack(by=text),
        ev.Resolved(by=text),
        ev.ReviewReminded(draft_id="c1.3", step=1),
        ev.ReviewReminded(draft_id="c1.3", step=2),
        ev.ReviewEscalated(draft_id="c1.3"),
        ev.DeliveryRecorded(seq=1, state=DeliveryState.FAILED, detail=text),
    ]
    for event in happened:
        item = ev.Numbered(conversation_id="c1", seq=5, at=AT, event=event)
        posted = told(
            item, seen, about=about, human=human, waits=waits, on_duty="S1 U2", supervisors="@here"
        )
        if posted is not None:
            check_message(posted.text, posted.blocks)


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(texts, st.text(alphabet="ab \n", max_size=9000)))
def test_a_draft_in_pieces_is_whole_again(text: str) -> None:
    parts, glue = pieces(text)
    assert all(len(part.encode("utf-16-le", "surrogatepass")) // 2 <= 3000 for part in parts)
    view = {
        "private_metadata": modals.About(draft_id="c1.3", version=1, glue=glue).packed(),
        "state": {
            "values": {f"text:{n}": {"text": {"value": p}} for n, p in enumerate(parts, start=1)}
        },
    }
    typed = modals.read_state(view).text
    if all(parts):
        assert typed == text
    else:
        assert typed.split() == text.split()


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("&gt; Hello &amp; welcome", "Hello & welcome"),
        ("> Hello", "Hello"),
        ("&gt;Hello\n&gt; there\nand more", "Hello\nthere\nand more"),
        ("&gt; see <https://x.example|the page>", "see [the page](https://x.example)"),
        ("&gt;", ""),
        ("a note", None),
        (" &gt; not at the beginning", None),
        ("5 &gt; 3", None),
        ("a note\n&gt; that quotes", None),
        ("*&gt; bold*", None),
        ("", None),
    ],
)
def test_only_what_begins_with_the_sign_goes_to_the_customer(typed: str, sent: str | None) -> None:
    assert to_customer(typed) == sent


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("*bold* and _it_ and ~gone~", "**bold** and *it* and ~~gone~~"),
        ("5*3*2 snake_case_x 5 * 3 * 2", "5*3*2 snake_case_x 5 * 3 * 2"),
        ("`*x*` *a <https://e.f|l> b*", "`*x*` **a [l](https://e.f) b**"),
        (
            "<https://a.b/c_(d)|x> <https://x.y/z_a_b>",
            "[x](https://a.b/c_%28d%29) https://x.y/z_a_b",
        ),
        ("<mailto:a@b.c|a@b.c> <tel:+82|call>", "a@b.c call (+82)"),
        ("<@U1|mina> <!channel> &lt;b&gt; &amp;amp;", "@mina @channel <b> &amp;"),
        ("```*x* &lt;```", "```*x* <```"),
        ("*설정*을 _꼭_ 여세요", "**설정**을 *꼭* 여세요"),
    ],
)
def test_what_is_typed_in_slack_becomes_our_markdown(typed: str, meant: str) -> None:
    assert from_mrkdwn(typed) == meant


@given(text=st.text(max_size=200))
@example("for us alone:\n> I will not pay")
def test_no_note_ever_slips_out(text: str) -> None:
    sent = to_customer(text)
    assert (sent is not None) == text.startswith((">", "&gt;"))
    readable(text)
    from_mrkdwn(text)


@given(
    view=st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["state", "values", "private_metadata", "value", "text:1", "text"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ).filter(lambda v: isinstance(v, dict))
)
def test_nonsense_in_a_window_raises_nothing(view: dict[str, object]) -> None:
    modals.read_state(view)


def test_who_counts_as_an_outsider() -> None:
    assert not read_member({"profile": {"email": "A@b.c"}}, team="T1").outsider
    assert read_member({"profile": {"email": "A@b.c"}}, team="T1").email == "a@b.c"
    assert read_member({"team_id": "T2"}, team="T1").outsider
    grid = {"team_id": "T2", "enterprise_user": {"teams": ["T1", "T2"]}}
    assert not read_member(grid, team="T1").outsider
    assert read_member({"locale": "ko-KR"}, team="").locale == "ko"
    for kind in OUTSIDE:
        assert read_member({kind: True, "profile": {"email": "a@b.c"}}, team="T1").outsider


def test_an_address_that_a_member_has_only_typed_is_nobodys() -> None:
    member = {"profile": {"email": "admin@b.c"}}
    assert read_member({**member, "is_email_confirmed": False}, team="T1").email == ""
    assert read_member({**member, "is_email_confirmed": True}, team="T1").email == "admin@b.c"


def test_texts_of_the_customer_mention_nobody() -> None:
    seen = Looks(words=WORDS, locale="en", base_url="https://desk.example.com")
    a = Approval(
        id="c1.3",
        conversation_id="c1",
        seq=3,
        channel="web",
        customer="<!channel>",
        question="<!here> <@U1>",
        draft=Draft(text="<!everyone> hello", citations=(Citation(id="p", title="<!here>"),)),
        requested_at=AT,
        at=AT,
        deadline=AT,
    )
    posted = card(a, seen)
    mrkdwn = [
        t["text"]
        for b in posted.blocks
        for t in [b.get("text"), *(b.get("elements") or ())]
        if isinstance(t, dict) and t.get("type") == "mrkdwn"
    ]
    assert not any("<!here" in t or "<!everyone" in t or "<!channel" in t for t in mrkdwn)
    assert "<!" not in posted.text
    address = Address(channel="web", account="a", chat="c")
    assert address.conversation_id()


def test_what_is_told_of_a_colleague_is_escaped_once() -> None:
    seen = Looks(words=WORDS, locale="en", base_url="https://desk.example.com")
    why = error_text(AlreadyDecided(decided_by="r&d@example.com", decision="approve"), seen)
    assert "r&amp;d@example.com" in why
    told = modals.notice(seen, why)
    assert told["blocks"][0]["text"]["text"] == why


@settings(max_examples=100, deadline=None)
@given(
    text=st.text(alphabet="a&<> 👩🎉", min_size=1, max_size=40).map(lambda t: f"x{t}" * 400),
    shift=st.integers(0, 3),
)
@example(text="<<<<<<‹🎉🎉🎉 " * 400, shift=1)
def test_a_long_text_in_several_blocks_loses_nothing_between_them(text: str, shift: int) -> None:
    text = ("x" * shift + text)[:5000]
    blocks = at_length(text, quote=False)
    shown = "".join(b["elements"][0]["elements"][0]["text"] for b in blocks)
    assert shown.rstrip() == text.rstrip()  # Slack takes no block of blanks alone
    check_blocks(blocks, kind="message")
