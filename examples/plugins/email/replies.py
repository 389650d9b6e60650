"""Writes our letters: in the customer's thread, as text and as a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from core.domain.messages import Author, OutboundMessage
from core.rendering.html import to_html
from core.rendering.tree import Block, to_plain

NO_SUBJECT = {"ko": "문의하신 내용에 대한 답변", "en": "Your message to us"}
MOST_REFERENCES = 20
AUTHOR = "X-Message-Author"  #: a header of ours; none is standard yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """What the customer's last letter in a conversation said of itself."""

    subject: str = ""
    last: str = ""
    references: tuple[str, ...] = ()

    def to_line(self) -> str:
        """For the notebook."""
        kept = [*self.references[:1], *self.references[1:][-MOST_REFERENCES:]]
        return json.dumps([self.subject[:300], self.last, kept])

    @staticmethod
    def from_line(line: str) -> Thread:
        """The inverse; an unknown thread is an empty one."""
        if not line:
            return Thread()
        subject, last, references = json.loads(line)
        return Thread(subject=subject, last=last, references=tuple(references))


def id_of(message: OutboundMessage, *, sender: str) -> str:
    """The same for the same message at every attempt, so that readers see a double once."""
    domain = sender.rpartition("@")[2] or "localhost"
    thread = message.address.thread or "0" * 16
    return f"<cc.{thread}.{message.id}@{domain}>"


def _author(message: OutboundMessage) -> str:
    """Who wrote this letter: people and programs can tell without reading it."""
    if not message.ai:
        return "person"
    return "ai-assistant; reviewed-by=person" if message.reviewed else "ai-assistant"


def write_letter(
    message: OutboundMessage,
    blocks: Sequence[Block],
    thread: Thread,
    *,
    sender: str,
    display_name: str,
    at: datetime,
) -> EmailMessage:
    """The letter as it goes out."""
    letter = EmailMessage(policy=SMTP)
    letter["From"] = formataddr((display_name, sender))
    letter["To"] = message.address.chat
    subject = thread.subject or NO_SUBJECT.get(message.locale, NO_SUBJECT["en"])
    letter["Subject"] = subject if subject.lower().startswith("re:") else f"Re: {subject}"
    letter["Date"] = format_datetime(at)
    letter["Message-ID"] = id_of(message, sender=sender)
    answered = message.reply_to or thread.last
    if answered.startswith("<"):
        letter["In-Reply-To"] = answered
        before = [reference for reference in thread.references if reference != answered]
        letter["References"] = " ".join([*before, answered])
    if message.author is not Author.AGENT:
        letter["Auto-Submitted"] = "auto-replied"
    letter[AUTHOR] = _author(message)
    letter.set_content(to_plain(blocks))
    page = f'<html lang="{message.locale}"><body>{to_html(blocks)}</body></html>'
    letter.add_alternative(page, subtype="html")
    return letter
