"""Questions and their answers in a past conversation, without personal data; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.nlu.customer_specific import speaks_of_one_customer
from core.nlu.language_detection import language_of
from core.nlu.questions import Kind, Piece, pieces
from core.nlu.smalltalk import SmallTalk, small_talk
from core.rag.retrieval.followups import Stance, stance
from core.text.anonymization import anonymized, holes_in, is_automatic, without_holes
from core.text.sanitize import sanitize
from imports.formats.conversations import PastConversation, PastMessage, Role

LONGEST_QUESTION = 300  #: characters; more is a story, of which the beginning is taken
LONGEST_ANSWER = 4_000
SHORTEST_ANSWER = 12  #: characters; "Done." answers nobody else
MOST = 5  #: exchanges of one conversation
_WORD = re.compile(r"[^\W\d_]+|[\u3040-\u30ff\u4e00-\u9fff]")
_REPLY = re.compile(r"^(?:(?:re|fwd?|aw|wg|rv|답장|전달|회신)\s?:\s?){1,5}", re.IGNORECASE)

Fingerprint = Callable[[str], str]
"""A contact as a number that only this installation can make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question that a person answered; nothing in it says who asked."""

    id: str  #: the same for the same conversation, whichever file it comes from
    question: str
    answer: str
    locale: str
    who: tuple[str, ...] = ()  #: fingerprints of the customer's contacts
    at: datetime | None = None
    holes: int = 0  #: placeholders in the answer
    one_customer: bool = False  #: the answer speaks of one customer's case

    @property
    def said(self) -> str:
        """The same for the same answer, however it is spaced and punctuated."""
        return answer_key(self.answer)


def answer_key(answer: str) -> str:
    """The same for the same words."""
    words = " ".join(re.findall(r"\w+", without_holes(answer).casefold()))
    return hashlib.blake2b(words.encode(), digest_size=8).hexdigest()


def exchanges_of(
    conversation: PastConversation, *, origin: str, fingerprint: Fingerprint
) -> Iterator[Exchange]:
    """The questions of the customer with what a person answered.

    `origin` is the help desk, whose ids are its own.
    """
    who = tuple(sorted({fingerprint(contact) for contact in conversation.contacts}))
    number = 0
    for turn, (asked, answered) in enumerate(_turns(conversation.messages)):
        if number == MOST:
            return
        raw = "\n".join(message.text for message in asked)
        locale = language_of(raw)
        question = _question(raw, conversation, locale, is_first=turn == 0)
        answer = _answer(answered, conversation, locale)
        if not question or len(answer) < SHORTEST_ANSWER:
            continue
        key = conversation.id and f"{conversation.id}\x1f{number}"
        yield Exchange(
            id=_id(origin, key or f"{question}\x1f{answer}"),
            question=question,
            answer=answer,
            locale=locale,
            who=who,
            at=conversation.at,
            holes=holes_in(answer),
            one_customer=speaks_of_one_customer(answer),
        )
        number += 1


def _id(origin: str, key: str) -> str:
    return hashlib.blake2b(f"{origin}\x1f{key}".encode(), digest_size=12).hexdigest()


def _turns(
    messages: Sequence[PastMessage],
) -> Iterator[tuple[list[PastMessage], list[PastMessage]]]:
    """What the customer wrote, and what people answered before they wrote again."""
    asked: list[PastMessage] = []
    answered: list[PastMessage] = []
    for message in messages:
        if message.role is Role.MACHINE or is_automatic(message.text):
            continue
        if message.role is Role.CUSTOMER:
            if answered:
                yield asked, answered
                asked, answered = [], []
            asked.append(message)
        elif asked:
            answered.append(message)
    if asked and answered:
        yield asked, answered


def _question(raw: str, conversation: PastConversation, locale: str, *, is_first: bool) -> str:
    text = _clean(raw, conversation, locale)
    said = [p for p in pieces(text) if small_talk(p.text) is None]
    asking = [p.text for p in said if p.kind is Kind.QUESTION]
    asking = asking or [p.text for p in said if p.kind is Kind.WISH]
    chosen = [one for one in asking if _names_its_subject(one)]
    if not chosen and is_first:
        chosen = _told(said, _clean(_subject(conversation), conversation, locale))
    question = without_holes(" ".join(map(_ungreeted, chosen)))
    return question if len(question) <= LONGEST_QUESTION else _cut(question, LONGEST_QUESTION)


def _told(said: Sequence[Piece], subject: str) -> list[str]:
    """What somebody wants who asks it in no sentence of its own: nothing where nobody could tell.

    "I lost my card. What do I do?" says it; "My number is [NUMBER_1]. Why?" says who they are.
    """
    told = [piece.text for piece in said if not holes_in(piece.text)]
    # "Card" and "Question" are what a form offers to choose from.
    if small_talk(subject) is None and (len(_WORD.findall(subject)) > 1 or "?" in subject):
        return [subject, *told]
    return told if any(map(_names_its_subject, told)) else []


def _names_its_subject(text: str) -> bool:
    return stance(without_holes(text)) is Stance.OWN


def _subject(conversation: PastConversation) -> str:
    return _REPLY.sub("", conversation.subject.strip())


def _ungreeted(text: str) -> str:
    """In a line, and without the "hey" that begins it."""
    first, _, rest = " ".join(text.split()).partition(" ")
    return rest if rest and small_talk(first) is SmallTalk.GREETING else f"{first} {rest}".strip()


def _answer(messages: Sequence[PastMessage], conversation: PastConversation, locale: str) -> str:
    texts = (_clean(message.text, conversation, locale) for message in messages)
    said = "\n\n".join(text for text in texts if text and small_talk(text) is None)
    return said if len(said) <= LONGEST_ANSWER else _cut(said, LONGEST_ANSWER)


def _clean(text: str, conversation: PastConversation, locale: str) -> str:
    return anonymized(sanitize(text), names=conversation.names, locale=locale)


def _cut(text: str, most: int) -> str:
    """The text up to the last word that fits."""
    return text[: text.rfind(" ", most // 2, most) if " " in text[most // 2 : most] else most]
