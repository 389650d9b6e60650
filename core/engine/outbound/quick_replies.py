"""The buttons under a message: ask for a person, rate; pure."""

from __future__ import annotations

from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.messages import Author, Button
from core.i18n import Words


def buttons_under(sent: ev.Sent, conversation: Conversation, words: Words) -> tuple[Button, ...]:
    """The buttons for this message, for channels that have buttons; mostly none."""
    if sent.notice is ev.Notice.RESOLVED:
        return tuple(Button(id=f"rating:{score}", label="★" * score) for score in range(1, 6))
    asks = conversation.person_requested or conversation.status is Status.HUMAN
    if sent.author is Author.AI and not asks:
        label = words.text("channels.talk_to_a_person", conversation.locale)
        return (Button(id="human", label=label),)
    return ()
