"""Answers to presses: Start is greeted, a chosen language confirmed, a rating thanked; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.messages import InboundKind, InboundMessage
from core.engine.replies import Replies


class Acknowledgements:
    """Tells who pressed something that it was taken in (`inbox.Acknowledge`)."""

    def __init__(self, replies: Replies, *, many_notices: Callable[[str], bool]) -> None:
        """`many_notices` says whether a channel (by id) takes notices that are merely polite."""
        self._replies = replies
        self._many_notices = many_notices

    def __call__(
        self, c: Conversation, message: InboundMessage, happened: Sequence[ev.Event]
    ) -> Sequence[ev.Event]:
        """Nothing where telling costs, where the page itself answers, and where nobody wants it."""
        channel = message.address.channel
        if self._replies.pulls(channel) or not self._many_notices(channel):
            return ()
        now = c
        for event in happened:
            match event:
                case ev.Started() as e:
                    now = replace(now, address=e.address, locale=e.locale)
                case ev.LocaleChosen(locale=locale):
                    now = replace(now, locale=locale)
                case ev.ConsentChanged(opted_out=out):
                    now = replace(now, opted_out=out)
                case _:
                    pass
        notice = _notice(now, message)
        if notice is None or now.wants_no_machine:
            return ()
        return (self._replies.notice(now, notice),)


def _notice(c: Conversation, message: InboundMessage) -> ev.Notice | None:
    match message.kind:
        case InboundKind.START if c.status is not Status.HUMAN and c.told is not ev.Notice.GREETING:
            return ev.Notice.GREETING
        case InboundKind.LANGUAGE:
            return ev.Notice.LANGUAGE_SET
        case InboundKind.RATING:
            return ev.Notice.RATING_THANKS
        case _:
            return None
