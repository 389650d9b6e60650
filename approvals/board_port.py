"""What the board needs of Slack, how Slack fails, and where the desk is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from approvals.blocks import Posted
from approvals.cards import Looks
from core.errors import ContactCenterError

LIMITED = frozenset({"ratelimited", "rate_limited"})
UNSHOWABLE = frozenset({"invalid_blocks", "msg_blocks_too_long", "msg_too_long"})


class SlackAway(ContactCenterError):
    """Slack did not take it; it will later."""

    def __init__(self, detail: str = "", *, after: float = 2.0) -> None:
        self.after = after
        super().__init__(detail)


class SlackDoubt(ContactCenterError):
    """No answer came: Slack may have taken it."""


class SlackGone(ContactCenterError):
    """The message is not there any more."""


class SlackRefused(ContactCenterError):
    """Slack will not take this; the detail is its code."""


class Slack(Protocol):
    """What the board needs of Slack; raises the errors above."""

    async def post(self, channel: str, posted: Posted, *, key: str, thread: str = "") -> str:
        """Post a message that carries our key; gives its time stamp."""
        ...

    async def update(self, channel: str, ts: str, posted: Posted) -> None:
        """Let the message look like this."""
        ...

    async def find(self, channel: str, *, key: str, since: datetime, thread: str = "") -> str:
        """The time stamp of our message with this key, "" when it is not there."""
        ...

    async def clear(self, channel: str, thread: str) -> None:
        """Delete what we have posted in this thread, the message that heads it left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the cards are, how they are worded, and whom to call."""

    slack: Slack
    channel: str
    looks: Callable[[], Looks]
    on_duty: str = ""
    supervisors: str = ""
    member_of: Callable[[str], Awaitable[str]] | None = None  #: Slack's id by e-mail, "" for none


class Heard:
    """A Slack whose every answer is noticed: trouble is over when it speaks again."""

    def __init__(self, slack: Slack, answered: Callable[[], None]) -> None:
        self._slack = slack
        self._answered = answered

    async def post(self, channel: str, posted: Posted, *, key: str, thread: str = "") -> str:
        """See `Slack.post`."""
        ts = await self._slack.post(channel, posted, key=key, thread=thread)
        self._answered()
        return ts

    async def update(self, channel: str, ts: str, posted: Posted) -> None:
        """See `Slack.update`."""
        await self._slack.update(channel, ts, posted)
        self._answered()

    async def find(self, channel: str, *, key: str, since: datetime, thread: str = "") -> str:
        """See `Slack.find`."""
        return await self._slack.find(channel, key=key, since=since, thread=thread)

    async def clear(self, channel: str, thread: str) -> None:
        """See `Slack.clear`."""
        await self._slack.clear(channel, thread)
        self._answered()
