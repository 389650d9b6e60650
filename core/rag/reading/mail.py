"""Reads .eml: a letter's subject and text; who wrote to whom stays out."""

from __future__ import annotations

import email
import email.policy
import re
from pathlib import Path

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.html.page import page_of
from core.rag.reading.text.encodings import declared_in, decoded
from core.rag.reading.text.headings import with_questions_as_headings

_SIGNS = r"^[>*_\s|]{0,20}"
_SENDER = re.compile(_SIGNS + r"(?:From|Von|De|Da|보낸 ?사람)[*_ ]{0,4}:", re.IGNORECASE)
_ABOUT = re.compile(
    _SIGNS
    + r"(?:Sent|Date|Subject|Gesendet|Datum|Betreff|Envoyé|Objet|Enviado|Fecha|Asunto|Inviato"
    r"|Oggetto|보낸 ?날짜|날짜|제목)[*_ ]{0,4}:",
    re.IGNORECASE,
)
_OTHERS = re.compile(_SIGNS + r"(?:To|Cc|An|À|Para|A|받는 ?사람|참조)[*_ ]{0,4}:", re.IGNORECASE)
_ORIGINAL = re.compile(
    r"^[>*_\s]{0,20}-{2,20}\s?(?:Original Message|Ursprüngliche Nachricht|Message d['’]origine"
    r"|원본 메시지)",
    re.IGNORECASE,
)
_WROTE = ("wrote", "schrieb", "a écrit", "escribió", "ha scritto", "작성")
LONGEST_HEAD = 300  #: characters of a line that says who wrote what follows


def _without_heads(text: str) -> tuple[str, int]:
    """The text without who wrote the letters in it to whom, and how many characters that was.

    Hours ("From: nine", "To: five") are no head: that names a sender, and a date or a subject.
    """
    lines = text.split("\n")
    kept: list[str] = []
    gone = at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and (
            _is_of_head(lines[end]) or (end > at and not lines[end].strip())
        ):
            end += 1
        some = lines[at : max(end, at + 1)]
        at += len(some)
        is_head = any(map(_SENDER.match, some)) and any(map(_ABOUT.match, some))
        if is_head or _says_who_wrote(some[0]):
            gone += sum(map(count, some if is_head else some[:1]))
            some = [] if is_head else some[1:]
        kept += some
    return "\n".join(kept).strip(), gone


def _is_of_head(line: str) -> bool:
    return any(kind.match(line) for kind in (_SENDER, _ABOUT, _OTHERS))


def _says_who_wrote(line: str) -> bool:
    """Whether this stands over a quoted letter: "On Monday, ann@… wrote:"."""
    if len(line) > LONGEST_HEAD:
        return False
    told = line.rstrip().endswith(":") and "@" in line and any(w in line for w in _WROTE)
    return told or _ORIGINAL.match(line) is not None


def read(path: Path, raw: bytes) -> Reading:
    """One article."""
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    body = letter.get_body(preferencelist=("html", "plain"))
    warnings = [
        Warned(
            what=f"what is attached was not read: {part.get_filename() or part.get_content_type()}"
        )
        for part in letter.iter_attachments()
    ]
    if body is None:
        return Reading(warnings=warnings)
    content = body.get_payload(decode=True)
    content = content if isinstance(content, bytes) else b""
    said = decoded(content, declared=body.get_content_charset() or declared_in(content))
    subject = " ".join(str(letter["subject"] or "").split())
    if body.get_content_subtype() == "html":
        page = page_of(said.text, name=subject)
        text, characters, dropped = page.text, page.characters, dict(page.dropped)
    else:
        letter_text = said.text.replace("\r\n", "\n").strip()
        text, _, signature = letter_text.partition("\n-- \n")
        dropped = {"signature": count(signature)} if signature else {}
        characters = count(text) + count(signature)
    text, quoted = _without_heads(text)
    if quoted:
        dropped["heads of quoted letters"] = quoted
    if not text:
        return Reading(characters=characters, dropped=dropped, warnings=warnings)
    article = Article(
        id=article_id(path.stem, str(path.resolve())),
        title=subject or path.stem,
        text=with_questions_as_headings(text),
        locale="",
        source=str(path),
    )
    return Reading(articles=[article], characters=characters, dropped=dropped, warnings=warnings)
