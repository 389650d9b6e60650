"""What e-mail brings: whose thread it is, what he wrote himself, and what is never answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from channel_email.letters import Bounce, Letter, NotForUs, read_letter, thread_of
from channel_email.quotes import own_words
from channel_email.replies import Thread, id_of, write_letter

from core.domain.messages import Address, Author, DeliveryState
from core.rendering.markdown import from_markdown
from core.sdk.testing.builders import an_outbound
from core.sdk.testing.clock import START

DESK = "desk@example.com"


def letter(text: str = "Where is my order?", **headers: str) -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    given = {
        "From": "Ada <Ada@Customer.example>",
        "To": DESK,
        "Subject": "Parcel 4711",
        "Message-ID": "<one@customer.example>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in given.items():
        if value:
            made[name] = value
    made.set_content(text)
    return made


def read(made: EmailMessage | bytes) -> Letter | Bounce | NotForUs:
    raw = made if isinstance(made, bytes) else made.as_bytes()
    return read_letter(raw, channel_id="email", account=DESK, fallback_id="uid:1:7")


def a_letter(made: EmailMessage | bytes) -> Letter:
    found = read(made)
    assert isinstance(found, Letter), found
    return found


def test_a_new_thread_is_named_after_its_first_letter_and_begins_with_its_subject() -> None:
    message = a_letter(letter()).message
    assert message.address == Address(
        channel="email",
        account=DESK,
        chat="ada@customer.example",
        thread=thread_of("<one@customer.example>"),
    )
    assert (message.external_id, message.sender.name) == ("<one@customer.example>", "Ada")
    assert message.text == "Parcel 4711\n\nWhere is my order?"


def test_a_reply_stays_in_its_thread_and_leaves_the_subject_out() -> None:
    later = a_letter(
        letter(
            "Any news?", Message_ID="<two@customer.example>", References="<one@customer.example>"
        )
    )
    assert later.message.address.thread == thread_of("<one@customer.example>")
    assert later.message.text == "Any news?"


def test_our_own_letter_in_in_reply_to_is_enough_to_find_the_thread() -> None:
    thread = thread_of("<one@customer.example>")
    ours = f"<cc.{thread}.c1.7@example.com>"
    later = a_letter(letter("Thanks!", Message_ID="<3@c.example>", In_Reply_To=ours))
    assert later.message.address.thread == thread


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"X_Autoreply": "yes"},
        {"List_Id": "<news.example>"},
        {"Return_Path": "<>"},
        {"From": "MAILER-DAEMON@customer.example"},
        {"From": "no-reply@shop.example"},
        {"From": DESK},
        {"From": ""},
    ],
)
def test_machines_lists_and_ourselves_are_not_answered(headers: dict[str, str]) -> None:
    assert isinstance(read(letter(**headers)), NotForUs)


def test_a_person_who_says_that_no_machine_wrote_is_answered() -> None:
    assert isinstance(read(letter(Auto_Submitted="no")), Letter)


def test_a_bounce_marks_the_letter_that_bounced() -> None:
    raw = (
        b"From: MAILER-DAEMON@mx.example\r\nTo: desk@example.com\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n\r\n'
        b"--B\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.\r\n"
        b"--B\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.example\r\n\r\n"
        b"Final-Recipient: rfc822; ada@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n\r\n"
        b"--B\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Message-ID: <cc.0123456789abcdef.c1.7@example.com>\r\nSubject: Re: x\r\n\r\nhello\r\n"
        b"--B--\r\n"
    )
    found = read(raw)
    assert isinstance(found, Bounce)
    receipt = found.receipt
    assert receipt.external_id == "<cc.0123456789abcdef.c1.7@example.com>"
    assert receipt.state is DeliveryState.FAILED
    assert "550 5.1.1 No such user" in receipt.detail


def test_a_delay_is_no_bounce_and_gets_no_answer() -> None:
    raw = (
        b"From: postmaster@mx.example\r\nAuto-Submitted: auto-replied\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n\r\n'
        b"--B\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.example\r\n\r\nAction: delayed\r\n\r\n--B--\r\n"
    )
    assert isinstance(read(raw), NotForUs)


def test_attachments_are_named_and_not_read() -> None:
    made = letter("See the picture.")
    made.add_attachment(b"\x89PNG" * 100, maintype="image", subtype="png", filename="box.png")
    [attachment] = a_letter(made).message.attachments
    assert (attachment.kind, attachment.name, attachment.size) == ("image", "box.png", 400)
    assert "See the picture." in a_letter(made).message.text


def test_only_html_is_read_as_text_without_its_quotes() -> None:
    made = letter("")
    made.clear_content()
    made.set_content(
        "<p>주문이 <b>안</b> 왔어요.</p><blockquote>Old answer</blockquote>"
        "<style>p{}</style><div>감사합니다</div>",
        subtype="html",
    )
    text = a_letter(made).message.text
    assert "주문이 안 왔어요." in text
    assert "감사합니다" in text
    assert "Old answer" not in text
    assert "p{}" not in text


@pytest.mark.parametrize(
    "quoted",
    [
        "On Mon, 2 Mar 2026 at 09:00, Desk <desk@example.com> wrote:\n> Hello\n> again",
        "On Mon, 2 Mar 2026 at 09:00, Desk of the Company\n<desk@example.com> wrote:\n> Hello",
        "2026년 3월 2일 (월) 오전 9:00, Desk <desk@example.com>님이 작성:\n> 안녕하세요",
        "-----Original Message-----\nFrom: Desk\nHello",
        "----- 원본 메시지 -----\n보낸 사람: Desk\n안녕하세요",
        "From: Desk <desk@example.com>\nSent: Monday\nTo: Ada\nHello",
        "-- \nAda, Customer Inc.",
        "> Hello\n> again",
    ],
)
def test_what_he_quotes_is_not_what_he_says(quoted: str) -> None:
    assert own_words(f"Where is it?\nIt was due.\n\n{quoted}\n") == "Where is it?\nIt was due."


def test_quotes_alone_are_better_than_nothing() -> None:
    assert own_words("> Where is it?") == "> Where is it?"


def test_a_broken_letter_breaks_nothing() -> None:
    for raw in (
        b"",
        b"\xff\xfe" * 500,
        b"From: a@b\r\nContent-Type: text/plain; charset=no-such\r\n\r\n\xff",
    ):
        assert isinstance(read(raw), Letter | NotForUs)


def test_an_answer_stands_in_the_customers_thread() -> None:
    thread = Thread(subject="My order", last="<two@c.example>", references=("<one@c.example>",))
    assert Thread.from_line(thread.to_line()) == thread
    address = Address(channel="email", account=DESK, chat="ada@c.example", thread="0" * 16)
    message = an_outbound("**It** is here.", message_id="c1.7", address=address)
    made = write_letter(
        message, from_markdown(message.text), thread, sender=DESK, display_name="Desk", at=START
    )
    assert made["Subject"] == "Re: My order"
    assert made["In-Reply-To"] == "<two@c.example>"
    assert made["References"] == "<one@c.example> <two@c.example>"
    assert made["Message-ID"] == id_of(message, sender=DESK)
    assert made["Auto-Submitted"] == "auto-replied"
    page = made.get_body(preferencelist=("html",))
    assert page is not None
    assert "<strong>It</strong>" in page.get_content() or "<b>It</b>" in page.get_content()


def test_what_a_person_wrote_is_not_marked_as_a_machines() -> None:
    message = an_outbound("Hello", author=Author.AGENT)
    made = write_letter(
        message, from_markdown("Hello"), Thread(), sender=DESK, display_name="", at=START
    )
    assert made["Auto-Submitted"] is None


@pytest.mark.parametrize(
    ("ai", "reviewed", "told"),
    [
        (True, False, "ai-assistant"),
        (True, True, "ai-assistant; reviewed-by=person"),
        (False, False, "person"),
    ],
)
def test_a_header_says_who_wrote_the_letter(ai: bool, reviewed: bool, told: str) -> None:
    message = replace(an_outbound("Here."), ai=ai, reviewed=reviewed)
    made = write_letter(
        message, from_markdown("Here."), Thread(), sender=DESK, display_name="Desk", at=START
    )
    assert made["X-Message-Author"] == told


def test_a_subject_cannot_smuggle_headers_in() -> None:
    evil = a_letter(letter(Subject="=?utf-8?q?Hi=0D=0ABcc:_all=40example.com?="))
    thread = Thread(subject=evil.subject, last=evil.message_id)
    made = write_letter(
        an_outbound("x"), from_markdown("x"), thread, sender=DESK, display_name="", at=START
    )
    assert b"\r\nBcc:" not in made.as_bytes()


def test_a_letter_says_when_it_came_to_the_server_and_else_when_it_was_written() -> None:
    hop = "from mx by mail.example; Mon, 30 Nov 2026 12:00:00 +0000"
    date = "Sun, 29 Nov 2026 08:00:00 +0900"
    came = a_letter(letter(Received=hop, Date=date)).message.sent_at
    assert came == datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert a_letter(letter(Date=date)).message.sent_at == datetime(2026, 11, 28, 23, tzinfo=UTC)
    assert a_letter(letter(Received="broken", Date="yesterday")).message.sent_at is None
    assert a_letter(letter()).message.sent_at is None
