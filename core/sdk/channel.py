"""The channel protocol: four required members, and optional ones found by their presence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from core.domain.messages import (
    Address,
    Attachment,
    Delivery,
    InboundMessage,
    OutboundMessage,
    Receipt,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A stored message's place; the same message again gets the same one.

    Whoever answers its sender by API passes it on; other channels may ignore it.
    """

    conversation_id: str
    seq: int  #: the message's number in its conversation; where it was no message, the last one


Receive = Callable[[InboundMessage], Awaitable[Accepted]]
"""Returns once the message is accepted and stored; raises StoreUnavailable when it is not.

Acknowledge to the vendor only after it has returned.
"""

ReceiveReceipt = Callable[[Receipt], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCapabilities:
    """A medium's limits and features; the core renders and behaves by them."""

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
    """The answer to a webhook call."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Channel(Protocol):
    """The protocol of a channel: one medium over which we and customers exchange messages."""

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
class Listens(Protocol):
    """A channel that takes webhooks before it starts; each with `handle_http` should."""

    async def listen(self, receive: Receive) -> bool:
        """From now on `handle_http` verifies and stores, with nothing but the settings.

        Called once, before `start`, which may fail, hang or come much later: what a customer
        writes meanwhile must not wait for the vendor's API, and no large SDK may be imported for
        it. Returns whether the vendor calls us at all: False where messages come only by what
        `start` opens (a poll, a socket).
        """
        ...


@runtime_checkable
class FetchesMissed(Protocol):
    """A channel whose vendor can be asked what customers wrote while nobody listened."""

    async def fetch_missed(self, since: datetime) -> None:
        """Hand everything they wrote since then to `receive`, oldest first, with its `sent_at`.

        Called after every `start`, and now and then while it runs. What came by another way
        already must carry the same `external_id`; then it is one message. Raises ChannelNotReady
        when the vendor cannot be asked, and StoreUnavailable; it is called again later.
        """
        ...


@runtime_checkable
class ProbesConnection(Protocol):
    """A channel that can say whether what it has started still works."""

    async def probe(self) -> None:
        """Ask the vendor, cheaply: called about three times a minute while it runs.

        Raises ChannelNotReady (the socket is gone, another program takes the messages) or
        ChannelAuthFailed (the token was revoked), with a reason an admin can act on. A channel
        without it is asked by `check`, where it has that.
        """
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


Write = Callable[[bytes], Awaitable[None]]
"""Takes the next piece of a file. Raises BadInput once it is larger than allowed: let it pass."""


@runtime_checkable
class FetchesAttachments(Protocol):
    """A channel whose vendor keeps files until they are asked for."""

    async def fetch(self, address: Address, attachment: Attachment, write: Write) -> None:
        """Hand over the file's bytes, piece by piece, as they are at the vendor.

        Called again, after a while, when it raises ChannelNotReady or anything unexpected. Raises
        AttachmentRefused with the vendor's reason when the file will never come.
        """
        ...


@runtime_checkable
class ReportsReceipts(Protocol):
    """A channel whose vendor reports delivery receipts later."""

    def on_receipt(self, receive: ReceiveReceipt) -> None:
        """Called once before `start`; every later status goes through `receive`."""
        ...


@runtime_checkable
class Forgets(Protocol):
    """A channel that keeps state about its chats, and can forget it."""

    async def forget(self, address: Address) -> int:
        """Know nothing of this chat any more; gives how many notes went."""
        ...


@runtime_checkable
class ChecksConnection(Protocol):
    """A channel that can try its credentials without starting."""

    async def check(self) -> str:
        """One line saying with whom we are connected; raises as `start` does."""
        ...
