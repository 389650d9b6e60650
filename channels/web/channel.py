"""The web chat's channel: browsers fetch their messages, so what is stored is delivered."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from core.domain.messages import Delivery, DeliveryState, InboundMessage, OutboundMessage
from core.errors import ChannelNotReady
from core.sdk.channel import Accepted, ChannelCapabilities, Receive
from core.sdk.plugin import ChannelContext, ChannelPlugin

OFF = "The channel of the web chat is off."
TEXT_LIMIT = 100_000  #: far above what anybody writes: a page scrolls

_CAPABILITIES = ChannelCapabilities(
    text_limit=TEXT_LIMIT, markup="markdown", buttons=True, typing=True, streaming=True, pulls=True
)


class WebChannelSettings(BaseModel):
    """Nothing to set: the chat page needs no account anywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WebChannel:
    """`core.sdk.channel.Channel` for browsers, behind the conversations API."""

    def __init__(self, settings: WebChannelSettings, context: ChannelContext) -> None:
        del settings
        self._context = context
        self._receive: Receive | None = None

    @property
    def capabilities(self) -> ChannelCapabilities:
        """Everything a page can show; `pulls`, because no vendor stands between."""
        return _CAPABILITIES

    async def start(self, receive: Receive) -> None:
        """Nothing to connect: the conversations API in this process brings what browsers send."""
        self._receive = receive
        self._context.share(self)

    async def receive(self, message: InboundMessage) -> Accepted:
        """Hand in what a browser sent. Raises ChannelNotReady, StoreUnavailable."""
        if self._receive is None:
            raise ChannelNotReady(OFF)
        return await self._receive(message)

    async def send(self, message: OutboundMessage) -> Delivery:
        """The message is in the log already, where the customer's page reads it."""
        self._context.logger.debug("%s is there to be fetched", message.id)
        return Delivery(state=DeliveryState.DELIVERED, external_ids=(message.id,))

    async def stop(self) -> None:
        """From now on nothing is handed in."""
        self._receive = None


class WayIn:
    """Hands messages from the conversations API to the channel, while it is switched on."""

    def __init__(self) -> None:
        self._channel: WebChannel | None = None

    def opened(self, channel: WebChannel) -> None:
        """The channel has started, once more perhaps."""
        self._channel = channel

    async def receive(self, message: InboundMessage) -> Accepted:
        """`core.sdk.channel.Receive` of the running channel. Raises ChannelNotReady."""
        if self._channel is None:
            raise ChannelNotReady(OFF)
        return await self._channel.receive(message)


plugin = ChannelPlugin(settings=WebChannelSettings, create=WebChannel)
