"""Builds the `Sent` events for answers, notices and agents' replies."""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Reason
from core.domain.events import Notice, Sent
from core.domain.messages import Attachment, Author
from core.i18n import Words
from core.text.sanitize import sanitize

Pulls = Callable[[str], bool]
"""Whether customers of this channel fetch their messages from us."""


class Replies:
    """Makes `Sent` events; once one is appended, the outbox delivers it."""

    def __init__(self, words: Words, *, pulls: Pulls, disclosure: str = "") -> None:
        """`disclosure` replaces our words for saying that an AI writes; it is never left out."""
        self._words = words
        self._disclosure = " ".join(disclosure.split())
        self._pulls = pulls

    def pulls(self, channel_id: str) -> bool:
        """Whether customers of this channel fetch their messages, so that nothing is sent."""
        return self._pulls(channel_id)

    def disclosure(self, conversation: Conversation) -> str:
        """That an AI assistant writes, for the first message that a machine sends; "" later.

        Article 50 of the EU's AI Act and the Korean AI Basic Act ask it.
        """
        if conversation.disclosed:
            return ""
        return self._disclosure or self._words.text("notices.disclosure", conversation.locale)

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
            text=sanitize(draft.text),
            citations=draft.citations,
            by=by,
            draft=None if by else draft,
            answers=answers,
            draft_id=draft_id,
            disclosure=self.disclosure(conversation),
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
        attachments: tuple[Attachment, ...] = (),
    ) -> Sent:
        """A person's own words, unchanged but for characters that nobody sees, and files."""
        return Sent(
            author=Author.AGENT,
            text=sanitize(text),
            by=by,
            answers=answers,
            draft_id=draft_id,
            attachments=attachments,
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
        """The system tells the customer where they stand, in their language."""
        text = self._words.text(f"notices.{notice.value}", conversation.locale, **(values or {}))
        return Sent(
            author=Author.SYSTEM,
            text=text,
            by=by,
            notice=notice,
            answers=answers,
            draft_id=draft_id,
            disclosure="" if by else self.disclosure(conversation),
            pulled=self._pulls(conversation.channel),
        )
