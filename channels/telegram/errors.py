"""Telegram's own errors, beside those that every channel has."""

from __future__ import annotations

from core.errors import ChannelError, DeliveryFailed


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


class PlaceGone(DeliveryFailed):
    """The topic is closed or gone; the chat may take the message all the same."""


class Unshowable(DeliveryFailed):
    """Telegram cannot show this message; a plainer one it may."""
