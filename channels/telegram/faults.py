"""What Telegram may answer beside the errors that every channel has."""

from __future__ import annotations

from core.errors import ChannelError


class ChatMigrated(ChannelError):
    """The group has become a supergroup and has a new number."""

    def __init__(self, chat: int) -> None:
        self.chat = chat
        super().__init__()


class PollConflict(ChannelError):
    """Another program takes this bot's messages."""


class NotSupported(ChannelError):
    """This server does not know the method, or not for this chat."""


class NotModified(ChannelError):
    """The message already reads like this."""
