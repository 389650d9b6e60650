"""The web channel: browsers fetch their messages from us, so what is stored is delivered."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from core.channel import ChannelCapabilities, Receive
from core.messages import Delivery, DeliveryState, OutboundMessage
from core.plugin import ChannelContext, ChannelPlugin

TEXT_LIMIT = 100_000  #: far above what anybody writes: a page scrolls

_CAPABILITIES = ChannelCapabilities(
    text_limit=TEXT_LIMIT, markup="markdown", buttons=True, typing=True, streaming=True, pulls=True
)


class WebChannelSettings(BaseModel):
    """Nothing to set: the chat page needs no account anywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WebChannel:
    """Keeps `core.channel.Channel`; the conversations API is its way in and its way out."""

    def __init__(self, settings: WebChannelSettings, context: ChannelContext) -> None:
        del settings
        self._log = context.logger

    @property
    def capabilities(self) -> ChannelCapabilities:
        """Everything a page can show; `pulls`, because no vendor stands between."""
        return _CAPABILITIES

    async def start(self, receive: Receive) -> None:
        """Nothing to connect: the conversations API hands what browsers send to the inbox."""
        del receive

    async def send(self, message: OutboundMessage) -> Delivery:
        """The message is in the log already, where the customer's page reads it."""
        self._log.debug("%s is there to be fetched", message.id)
        return Delivery(state=DeliveryState.DELIVERED, external_ids=(message.id,))

    async def stop(self) -> None:
        """Nothing to let go of."""


plugin = ChannelPlugin(settings=WebChannelSettings, create=WebChannel)
