"""The seam where the outside world plugs in: four members, and a few optional ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from core.messages import Address, Delivery, InboundMessage, OutboundMessage, Receipt

Receive = Callable[[InboundMessage], Awaitable[None]]
"""Returns once the message is accepted and stored; raises StoreUnavailable when it is not.

Acknowledge to the vendor only after it has returned.
"""

ReceiveReceipt = Callable[[Receipt], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCapabilities:
    """What a medium can do; the core renders and behaves by it."""

    text_limit: int  #: longest text of one part, in the channel's own unit
    markup: str = "plain"  #: plain, html, telegram, slack
    buttons: bool = False
    typing: bool = False
    edits: bool = False
    streaming: bool = False
    receipts: bool = False
    pulls: bool = False  #: customers fetch from us (the web): stored is delivered
    answers_only: bool = False
    """Each message of the customer opens the way for a little of ours; what has no way waits."""
    notices: bool = True  #: False: each message costs, so only the most needful notice is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A webhook call, not yet verified."""

    method: str
    path: str  #: below the channel's own mount, "" for the root
    headers: Mapping[str, str]  #: names in lower case
    query: Mapping[str, str]
    body: bytes
    url: str = ""  #: as the caller addressed it, by PUBLIC_URL where that is set


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """What the vendor is answered."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Channel(Protocol):
    """One way to talk with customers."""

    @property
    def capabilities(self) -> ChannelCapabilities:
        """What this medium can do; constant while running."""
        ...

    async def start(self, receive: Receive) -> None:
        """Connect and return; from now on every message goes through `receive`.

        Raises ChannelNotReady (try later) or ChannelAuthFailed (ask the admin).
        """
        ...

    async def send(self, message: OutboundMessage) -> Delivery:
        """Hand the message to the vendor, split if it must be, never cut.

        Raises DeliveryDeferred (certainly not sent, try later), DeliveryUnknown (maybe sent),
        DeliveryFailed (never), ChannelAuthFailed; where `capabilities.answers_only`, also
        DeliveryAwaitsCustomer (not sent, and cannot be before the customer writes).
        """
        ...

    async def stop(self) -> None:
        """Let go of everything; safe after a failed start, safe twice."""
        ...


@runtime_checkable
class HandlesHttp(Protocol):
    """A channel whose vendor calls us."""

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """Verify, store, answer. Raises WebhookRefused when the signature does not hold."""
        ...


@runtime_checkable
class ShowsTyping(Protocol):
    """A channel that can show that an answer is being written."""

    async def typing(self, address: Address) -> None:
        """Show it once; the core repeats the call while it is true."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A channel that can show an answer while it grows."""

    async def stream(self, address: Address, parts: AsyncIterator[str]) -> None:
        """Show the growing text as a preview; the final text still comes through `send`."""
        ...


@runtime_checkable
class Reconciles(Protocol):
    """A channel whose vendor can be asked what it sent."""

    async def find(self, message: OutboundMessage) -> Delivery | None:
        """What the vendor knows of an earlier attempt; None when it never got there."""
        ...


@runtime_checkable
class ReportsReceipts(Protocol):
    """A channel whose vendor tells later what became of a message."""

    def on_receipt(self, receive: ReceiveReceipt) -> None:
        """Called once before `start`; every later status goes through `receive`."""
        ...


@runtime_checkable
class ChecksConnection(Protocol):
    """A channel that can try its credentials without starting."""

    async def check(self) -> str:
        """One line saying with whom we are connected; raises as `start` does."""
        ...
