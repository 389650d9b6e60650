"""Builds what is said to customers, so that every speaker stores it in the same way."""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.conversations import Conversation
from core.drafts import Draft, Reason
from core.events import Notice, Sent
from core.messages import Author
from core.wording import Words

Pulls = Callable[[str], bool]
"""Whether customers of this channel fetch their messages from us."""


class Speech:
    """Makes `Sent` events; appending one is the promise that it reaches the customer."""

    def __init__(self, words: Words, *, pulls: Pulls) -> None:
        self._words = words
        self._pulls = pulls

    def answer(
        self,
        conversation: Conversation,
        draft: Draft,
        *,
        answers: tuple[int, ...] = (),
        by: str = "",
        draft_id: str = "",
    ) -> Sent:
        """The assistant's answer; with `by`, one that this person has approved.

        Small talk rests on no source, so it is not an answer: the system says it.
        """
        return Sent(
            author=Author.AI if draft.citations or by else Author.SYSTEM,
            text=draft.text,
            citations=draft.citations,
            by=by,
            draft=None if by else draft,
            answers=answers,
            draft_id=draft_id,
            pulled=self._pulls(conversation.channel),
        )

    def admission(self, conversation: Conversation, reasons: Collection[Reason]) -> str:
        """What can truthfully be said when there is no draft; a person decides whether to."""
        called = Reason.PERSON_REQUESTED in reasons
        name = "notices.person_is_here" if called else "notices.no_answer"
        return self._words.text(name, conversation.locale)

    def person(
        self,
        conversation: Conversation,
        text: str,
        *,
        by: str,
        answers: tuple[int, ...] = (),
        draft_id: str = "",
    ) -> Sent:
        """A person's own words, unchanged."""
        return Sent(
            author=Author.AGENT,
            text=text,
            by=by,
            answers=answers,
            draft_id=draft_id,
            pulled=self._pulls(conversation.channel),
        )

    def notice(
        self,
        conversation: Conversation,
        notice: Notice,
        *,
        by: str = "",
        answers: tuple[int, ...] = (),
        draft_id: str = "",
        values: dict[str, str] | None = None,
    ) -> Sent:
        """The system tells the customer where he stands, in his language."""
        text = self._words.text(f"notices.{notice.value}", conversation.locale, **(values or {}))
        return Sent(
            author=Author.SYSTEM,
            text=text,
            by=by,
            notice=notice,
            answers=answers,
            draft_id=draft_id,
            pulled=self._pulls(conversation.channel),
        )
