"""Questions that customers have asked and an article answered: what it might be taught."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from analytics.knowledge.uses import titled
from config.languages import DEFAULT
from core.domain import events as ev
from core.domain.messages import Author
from core.engine.repository import Conversations
from core.nlu.smalltalk import small_talk
from core.text.anonymization import anonymized, holes_in

LONGEST = 200  #: characters of a question that is suggested; more is a story


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A question, and the conversation in which it was asked."""

    question: str
    conversation_id: str


class Questions:
    """Reads conversations again: facts hold no texts."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    async def answered_by(self, title: str, conversation_ids: Collection[str]) -> list[Suggestion]:
        """What was asked in these conversations and answered from this article."""
        found: dict[str, Suggestion] = {}
        for conversation_id in conversation_ids:
            for question in await self._asked(conversation_id, title):
                found.setdefault(
                    question.casefold(),
                    Suggestion(question=question, conversation_id=conversation_id),
                )
        return list(found.values())

    async def holds(self, conversation_id: str, title: str, question: str) -> bool:
        """Whether it was asked there, and its customer was not forgotten since."""
        return question in await self._asked(conversation_id, title)

    async def _asked(self, conversation_id: str, title: str) -> Sequence[str]:
        history = await self._conversations.history(conversation_id)
        items = [item for commit in history for item in commit.numbered()]
        erased_at = max((i.seq for i in items if isinstance(i.event, ev.Erased)), default=0)
        return list(_questions([i for i in items if i.seq > erased_at], title))


def teachable(text: str, *, locale: str) -> str:
    """The question without its frame; "" where it holds personal data, or is none."""
    question = " ".join(anonymized(text, locale=locale).split())
    fits = 0 < len(question) <= LONGEST and not holes_in(question)
    return question if fits and small_talk(question) is None else ""


def _questions(items: Sequence[ev.Numbered], title: str) -> Iterator[str]:
    """Questions of one message, answered from this article alone, without personal data."""
    said = {i.seq: i.event.text for i in items if isinstance(i.event, ev.Received)}
    for item in items:
        match item.event:
            case ev.Sent(author=author, answers=(seq,), citations=citations) as sent if (
                author is not Author.SYSTEM and citations
            ):
                if any(titled(c.title, {title}) != title for c in citations) or seq not in said:
                    continue
                locale = sent.draft.locale if sent.draft is not None else DEFAULT
                if question := teachable(said[seq], locale=locale):
                    yield question
            case _:
                continue
