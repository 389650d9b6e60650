"""Turns a raw letter into our words: a customer's message, a bounce, or nothing; pure."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime

from bs4 import BeautifulSoup

from core.domain.messages import Address, Attachment, DeliveryState, InboundMessage, Receipt, Sender

from .quotes import own_words

MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")
OURS = re.compile(r"<cc\.([0-9a-f]{16})\.[^<>@\s]+@[^<>\s]+>")
_ROBOTS = re.compile(r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+.-]|@)")
_KINDS = ("image", "audio", "video")


MOST_BYTES = 36_000_000  #: read of one letter: a file of 25 MB is a third longer in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A customer's letter, and what an answer to it needs."""

    message: InboundMessage
    message_id: str
    subject: str
    references: tuple[str, ...]  #: the letters before it, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A letter of ours that did not arrive."""

    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class NotForUs:
    """Nobody waits for an answer to it; a person may still read it in the mailbox."""

    reason: str


def thread_of(root: str) -> str:
    """The name of the conversation that began with this letter."""
    return hashlib.blake2b(root.encode(), digest_size=8).hexdigest()


def read_letter(
    raw: bytes, *, channel_id: str, account: str, fallback_id: str
) -> Letter | Bounce | NotForUs:
    """What it is. `fallback_id` names a letter that has no Message-ID; raises nothing."""
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    bounce = _bounce(letter, channel_id=channel_id, account=account)
    if bounce is not None:
        return bounce
    senders = [pair for pair in getaddresses([_header(letter, "from")]) if "@" in pair[1]]
    if not senders:
        return NotForUs(reason="it has no sender")
    name, sender = senders[0][0], senders[0][1].lower()
    reason = _why_not(letter, sender=sender, account=account)
    if reason:
        return NotForUs(reason=reason)
    found = MESSAGE_ID.search(_header(letter, "message-id"))
    message_id = found.group() if found else fallback_id
    before = _before(letter)
    ours = next((match.group(1) for match in map(OURS.fullmatch, before) if match), "")
    thread = ours or thread_of(before[0] if before else message_id)
    subject = " ".join(_header(letter, "subject").split())
    return Letter(
        message=InboundMessage(
            address=Address(channel=channel_id, account=account, chat=sender, thread=thread),
            external_id=message_id,
            sender=Sender(id=sender, name=name),
            text=_text(letter, subject="" if before else subject),
            attachments=_attachments(letter, cut=len(raw) >= MOST_BYTES),
            sent_at=_arrived(letter),
        ),
        message_id=message_id,
        subject=subject,
        references=before,
    )


def _arrived(letter: EmailMessage) -> datetime | None:
    """When it came to the mail server, which says so itself; else when its writer says it was.

    Where that is long ago nobody here read the mailbox meanwhile.
    """
    hops = _header(letter, "received", first=True)  # each server writes above those before it
    for stamp in (hops.rpartition(";")[2], _header(letter, "date", first=True)):
        try:
            at = parsedate_to_datetime(stamp.strip())
        except (ValueError, TypeError):
            continue
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return None


def _why_not(letter: EmailMessage, *, sender: str, account: str) -> str:
    """Why no answer may be sent; answering a robot makes two of them talk for ever (RFC 3834)."""
    if sender == account.lower():
        return "it is our own"
    if _header(letter, "auto-submitted").strip().lower() not in ("", "no"):
        return "it was written by a machine"
    if _header(letter, "return-path").strip() == "<>" or _ROBOTS.match(sender):
        return "its sender takes no answers"
    if _header(letter, "precedence").strip().lower() in ("bulk", "junk", "list", "auto_reply"):
        return "it was sent to many"
    if letter.get("list-id") or letter.get("list-unsubscribe"):
        return "it came by a list"
    if letter.get("x-autoreply") or letter.get("x-autorespond"):
        return "it is an automatic reply"
    return ""


def _bounce(letter: EmailMessage, *, channel_id: str, account: str) -> Bounce | None:
    if letter.get_content_type() != "multipart/report":
        return None
    failed, said, lost = False, "", ""
    for part in letter.walk():
        match part.get_content_type():
            case "message/delivery-status":
                fields = " ".join(str(part.get_payload()).split()) if part.is_multipart() else ""
                text = part.as_string()
                failed |= bool(re.search(r"^Action:\s*failed", text, re.IGNORECASE | re.MULTILINE))
                found = re.search(r"^Diagnostic-Code:\s*(.+)$", text, re.IGNORECASE | re.MULTILINE)
                said = found.group(1).strip() if found else fields[:0]
            case "message/rfc822" | "text/rfc822-headers":
                known = OURS.search(part.as_string())
                lost = known.group() if known else lost
            case _:
                pass
    if not failed or not lost:
        return None
    return Bounce(
        receipt=Receipt(
            address=Address(channel=channel_id, account=account, chat=""),
            external_id=lost,
            state=DeliveryState.FAILED,
            detail=f"The customer's mail server refused it: {said[:300] or 'no reason given'}",
        )
    )


def _before(letter: EmailMessage) -> tuple[str, ...]:
    ids = MESSAGE_ID.findall(_header(letter, "references"))
    ids += MESSAGE_ID.findall(_header(letter, "in-reply-to"))
    return tuple(dict.fromkeys(ids))


def _text(letter: EmailMessage, *, subject: str) -> str:
    words = own_words(_body(letter))
    if not subject or subject.lower() in words.lower():
        return words
    return f"{subject}\n\n{words}".strip()


def _body(letter: EmailMessage) -> str:
    part = letter.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    try:
        content = str(part.get_content())
    except (LookupError, UnicodeError, ValueError):
        payload = part.get_payload(decode=True)
        content = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    if part.get_content_type() != "text/html":
        return content
    page = BeautifulSoup(content, "html.parser")
    for quoted in page.select("blockquote, .gmail_quote, style, script, head"):
        quoted.decompose()
    for line in page.select("br, p, div, li, tr, h1, h2, h3"):
        line.append("\n")
    lines = (" ".join(line.split()) for line in page.get_text().split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _attachments(letter: EmailMessage, *, cut: bool = False) -> tuple[Attachment, ...]:
    """The files of a letter; without their bytes where only its beginning was read."""
    found: list[Attachment] = []
    for part in letter.walk():
        media_type = part.get_content_type()
        # Phones put photos between the lines; they are as much the customer's as what is attached.
        shown = part.get_content_disposition() != "attachment"
        if part.is_multipart() or (shown and not media_type.startswith("image/")):
            continue
        main = media_type.partition("/")[0]
        payload = part.get_payload(decode=True)
        found.append(
            Attachment(
                kind=main if main in _KINDS else "file",
                name=part.get_filename() or "",
                media_type=media_type,
                size=len(payload) if isinstance(payload, bytes) else None,
                content=payload if isinstance(payload, bytes) and not cut else b"",
            )
        )
    return tuple(found)


def _header(letter: EmailMessage, name: str, *, first: bool = False) -> str:
    """All of it as text, however broken it came; or only the one that stands first."""
    try:
        values = letter.get_all(name, ())
        return ", ".join(str(value) for value in (values[:1] if first else values))
    except (ValueError, IndexError, AttributeError):
        return ""
