"""What an event may teach, taken down without personal data."""

from __future__ import annotations

import re
from dataclasses import replace

from approvals.model import Approval
from approvals.trust.lessons import Lesson
from core import events as ev
from core.events import Numbered
from core.messages import Author
from core.rag.chunks import language_of
from core.rag.masking import has_placeholders, mask_all, without_placeholders


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
    return replace(
        lesson,
        question=" ".join(bare.split()),
        text=text.text.strip(),
        masked=has_placeholders(text.text)
        or without_name(lesson.text, approval.customer) != lesson.text,
        topic=approval.draft.topic,
        locale=language_of(bare or approval.question),
        cited=tuple(cited),
    )


def without_name(text: str, name: str) -> str:
    """The text without the customer's own name, whole or in parts."""
    parts = [part for part in (name, *name.split()) if len(part) >= 2 and not part.isdigit()]
    for part in dict.fromkeys(parts):
        # A Korean name carries its particle: 김민수입니다.
        end = "" if re.search("[가-힣]", part) else r"(?!\w)"
        text = re.sub(rf"(?<!\w){re.escape(part)}{end}", "", text, flags=re.IGNORECASE)
    return text
