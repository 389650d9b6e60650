"""Extracts lessons from events, without personal data."""

from __future__ import annotations

import re
from dataclasses import replace

from approvals.learning.evidence import likeness
from approvals.learning.lessons import Doubt, Lesson
from approvals.queue.model import Approval
from core.domain import events as ev
from core.domain.events import Numbered
from core.domain.messages import Author
from core.nlu.customer_specific import speaks_of_one_customer
from core.nlu.language_detection import language_of
from core.nlu.questions import LONGEST, Kind, may_hold_several, pieces
from core.nlu.smalltalk import small_talk
from core.rag.retrieval.followups import Stance, stance
from core.text.pii import has_placeholders, mask_all, without_placeholders

MOST_LINES = 30  #: of what was asked that are looked at
STILL_THE_DRAFT = 0.4  #: likeness from which on a person's words are the draft, corrected


def lesson_from(item: Numbered) -> Lesson | None:
    """What this event may teach; None for everything but a person's answer to a draft."""
    match item.event:
        case ev.Sent(notice=None, draft_id=draft_id, by=by) as e if draft_id and by:
            return Lesson(
                id=draft_id,
                conversation_id=item.conversation_id,
                by=by,
                at=item.at,
                own_words=e.author is not Author.AI,
                text=e.text,
            )
        case _:
            return None


def described(lesson: Lesson, approval: Approval) -> Lesson:
    """The lesson with its question and sources, and without personal data."""
    question, text = mask_all(
        (
            without_name(approval.question, approval.customer),
            without_name(lesson.text, approval.customer),
        ),
        locale=approval.locale,
    )
    bare = without_placeholders(question.text)
    cited = dict.fromkeys(c.id.rpartition("#")[0] or c.id for c in approval.draft.citations)
    # Words that have nothing of the draft left are about something else than its source.
    kept = not lesson.own_words or likeness(approval.draft.text, lesson.text) >= STILL_THE_DRAFT
    doubts = []
    if not _stands_alone(bare):
        doubts.append(Doubt.FOLLOW_UP)
    if may_hold_several(bare):
        doubts.append(Doubt.SEVERAL)
    if lesson.own_words and speaks_of_one_customer(text.text):
        doubts.append(Doubt.ONE_CUSTOMER)
    return replace(
        lesson,
        question=_asked(bare),
        text=text.text.strip(),
        masked=has_placeholders(text.text)
        or without_name(lesson.text, approval.customer) != lesson.text,
        topic=approval.draft.topic if kept else "",
        locale=language_of(bare or approval.question),
        cited=tuple(cited),
        doubts=tuple(doubts),
    )


def several_of(lesson: Lesson, approval: Approval) -> list[Lesson]:
    """A suggestion for each of several questions that this one answer was for; none for one.

    A yes to the whole says of none of them that this text answers it, so each waits for a person.
    Where the assistant knew which source answers which, each has its own.
    """
    raw = without_name(approval.question, approval.customer)
    bare = without_placeholders(mask_all((raw,), locale=approval.locale)[0].text)
    asked = _asking(bare)
    parts = approval.draft.parts
    if max(len(asked), len(parts)) < 2:
        return []
    if len(parts) > len(asked):
        texts = mask_all(tuple(part.question for part in parts), locale=approval.locale)
        asked = [without_placeholders(text.text) for text in texts]
    known = parts if len(parts) == len(asked) else ()
    found = []
    for number, question in enumerate(asked):
        cited, text = lesson.cited, lesson.text
        if known and not lesson.own_words:
            if not known[number].citations:
                continue  # nothing answered it
            ids = (c.id.rpartition("#")[0] or c.id for c in known[number].citations)
            cited, text = tuple(dict.fromkeys(ids)), known[number].text
        found.append(
            replace(
                lesson,
                id=f"{lesson.id}~{number + 1}",
                question=" ".join(question.split()),
                text=text,
                cited=cited,
                doubts=tuple(dict.fromkeys((Doubt.SEVERAL, *lesson.doubts))),
            )
        )
    return found


def is_one_question(text: str) -> bool:
    """Whether a text asks one thing only."""
    return len(_asking(text)) < 2


def _asking(text: str) -> list[str]:
    """What is asked, one by one; a line that asks nothing in words may still want something.

    "best pizza place" asks as well, so of several lines, which are several messages, each counts;
    where there are more than anybody answers at once, the first ones are enough to tell.
    """
    some = text[:LONGEST].splitlines()[:MOST_LINES]
    lines = [line for line in some if line.strip() and small_talk(line) is None]
    found: list[str] = []
    for line in lines:
        said = [piece for piece in pieces(line) if small_talk(piece.text) is None]
        asked = [piece.text for piece in said if piece.kind is not Kind.REMARK]
        found += asked or ([line.strip()] if said and len(lines) > 1 else [])
    return found


def _asked(text: str) -> str:
    """What is known from now on: the question without greetings, whole where it needs the rest."""
    asking = _asking(text)
    if len(asking) == 1 and stance(asking[0]) is Stance.OWN:
        return " ".join(asking[0].split())
    said = [piece.text for piece in pieces(text) if small_talk(piece.text) is None]
    return " ".join(" ".join(said or [text]).split())


def _stands_alone(text: str) -> bool:
    """Whether anybody would know what is asked who has not read what was said before."""
    said = [piece.text for piece in pieces(text) if small_talk(piece.text) is None]
    return any(stance(one) is Stance.OWN for one in said)


def without_name(text: str, name: str) -> str:
    """The text without the customer's own name, whole or in parts."""
    parts = [part for part in (name, *name.split()) if len(part) >= 2 and not part.isdigit()]
    for part in dict.fromkeys(parts):
        # A Korean name carries its particle: 김민수입니다.
        end = "" if re.search("[가-힣]", part) else r"(?!\w)"
        text = re.sub(rf"(?<!\w){re.escape(part)}{end}", "", text, flags=re.IGNORECASE)
    return text
