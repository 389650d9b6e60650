"""The report by mail, through a real SMTP server: in either language, its pictures inside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from analytics.reports.email import ReportMail
from analytics.reports.pages import file_page
from analytics.reports.schedule import Reporting, Schedule
from analytics.reports.store import ReportStore
from analytics.reports.writer import ReportWriter
from core.i18n import Words
from core.runtime.mail import Mailer
from tests.analytics.conftest import Past
from tests.analytics.reports.test_reports import NoPictures, gaps_of
from tests.support.process import free_port
from tests.support.world import LOCALES

WORDS = Words.load(LOCALES)
DAY = date(2026, 11, 7)
TO = ("sara@example.com", "ada@example.com")


class Letterbox:
    """Keeps what arrives, unless it is told to refuse."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], EmailMessage]] = []
        self.refusing = ""

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        if self.refusing:
            return self.refusing
        content = envelope.content  # type: ignore[attr-defined]
        letter = message_from_bytes(content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append((list(envelope.rcpt_tos), letter))  # type: ignore[attr-defined]
        return "250 OK"


@pytest.fixture
def letterbox() -> Iterator[tuple[Letterbox, int]]:
    box, port = Letterbox(), free_port()
    post = Controller(box, hostname="127.0.0.1", port=port)
    post.start()
    yield box, port
    post.stop()


async def supervisors() -> Sequence[str]:
    return TO


def an_office(past: Past, tmp_path: Path, *, port: int, locale: str) -> Reporting:
    analytics = past.analytics()
    gaps = gaps_of(past.db, analytics, past.world.conversations)
    writer = ReportWriter(analytics, gaps, WORDS)
    page = file_page(lambda: writer)
    return Reporting(
        writer=writer,
        store=ReportStore(past.db["reports"], clock=past.clock),
        studio=NoPictures(tmp_path, WORDS),
        analytics=analytics,
        schedule=Schedule.parse("09:00"),
        mail=ReportMail(
            mailer=Mailer(host="127.0.0.1", port=port, sender="desk@example.com"),
            locale=locale,
            writer=writer,
            page=page,
            base_url=lambda: "https://desk.example.com",
            clock=past.clock,
        ),
        recipients=supervisors,
        page=page,
        clock=past.clock,
    )


@pytest.mark.parametrize(
    ("locale", "subject", "heading"),
    [
        ("en", "Daily report, Nov 7", "Answers that were missing most"),
        ("ko", "11월 7일 일일 보고서", "가장 많이"),
    ],
)
async def test_the_mail_has_words_a_page_and_pictures(
    past: Past,
    tmp_path: Path,
    letterbox: tuple[Letterbox, int],
    locale: str,
    subject: str,
    heading: str,
) -> None:
    box, port = letterbox
    await past.clock.advance(9 * 3600 + 60)
    office = an_office(past, tmp_path, port=port, locale=locale)
    await office.tick()
    await office.tick()
    assert len(box.letters) == 1
    to, letter = box.letters[0]
    assert to == list(TO)
    assert letter["Subject"] == subject
    assert letter["Content-Language"] == locale
    assert letter.get_content_type() == "multipart/alternative"
    plain, page = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert page is not None
    words, html = plain.get_content(), page.get_content()
    report = await office.of(DAY)
    for line in office.writer.headlines(report, locale):
        assert line in words
        assert line in html
    assert "https://desk.example.com/console/reports/daily/2026-11-07" in words
    assert heading in words
    pictures = {
        str(part["Content-ID"]).strip("<>"): part
        for part in letter.walk()
        if part.get_content_type() == "image/png"
    }
    assert len(pictures) == 3
    assert re.findall(r'src="cid:([^"]+)"', html) == list(pictures)
    assert all(p.get_content_disposition() == "inline" for p in pictures.values())
    assert "data:image" not in html
    assert f'lang="{locale}"' in html


async def test_a_server_that_refuses_costs_the_mail_only(
    past: Past, tmp_path: Path, letterbox: tuple[Letterbox, int]
) -> None:
    box, port = letterbox
    box.refusing = "554 no"
    await past.clock.advance(9 * 3600 + 60)
    office = an_office(past, tmp_path, port=port, locale="en")
    await office.tick()
    stored = await office.store.get("daily:2026-11-07")
    assert stored is not None
    assert stored["state"] == "sent"
    box.refusing = ""
    await office.tick()
    assert box.letters == []


async def test_a_late_report_says_so_in_the_mail(
    past: Past, tmp_path: Path, letterbox: tuple[Letterbox, int]
) -> None:
    box, port = letterbox
    await past.clock.advance(15 * 3600)
    await an_office(past, tmp_path, port=port, locale="en").tick()
    _, letter = box.letters[0]
    body = letter.get_body(("plain",))
    assert body is not None
    assert "Sent late" in body.get_content()
