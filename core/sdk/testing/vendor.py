"""The vendor simulator that a plugin's author builds: a local server that plays faults."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from core.domain.messages import Address
from core.errors import BadInput, ChannelError, StoreUnavailable, WebhookRefused
from core.sdk.channel import Channel, HandlesHttp, HttpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A message that a customer wrote at the vendor's."""

    text: str
    event_id: str = "1001"  #: the vendor's id of it; digits, so that any vendor can use it
    customer: str = "5001"  #: digits, likewise
    unknown_fields: bool = False  #: with fields that no documentation mentions


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The customer changed the message `of` (its `event_id`) into this text."""

    of: str
    text: str
    event_id: str = "1101"
    customer: str = "5001"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """The customer took the message `of` (its `event_id`) back."""

    of: str
    event_id: str = "1102"
    customer: str = "5001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """The customer put a sign under the message `of` (its `event_id`)."""

    of: str
    sign: str = "👍"
    event_id: str = "1103"
    customer: str = "5001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strange:
    """The customer sent something of a kind that no channel knows, with no text in it."""

    event_id: str = "1104"
    customer: str = "5001"


@dataclass(frozen=True, slots=True, kw_only=True)
class InThread:
    """The customer wrote in a thread of their conversation with us alone."""

    text: str
    event_id: str = "1105"
    customer: str = "5001"
    thread: str = "77"  #: digits, likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class InGroup:
    """A member of a group wrote to us there, in the way the vendor has for it."""

    text: str
    event_id: str
    member: str  #: digits, as `customer`
    name: str  #: what the member is called
    group: str = "8001"  #: digits, likewise


Happening = Changed | TakenBack | Reacted | Strange | InThread | InGroup
"""Something other than a plain message; which of them there are depends on the vendor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One part of a message of ours, as the customer sees it."""

    customer: str
    text: str


class Fault(enum.Enum):
    """A fault of the vendor at the next send."""

    RATE_LIMITED = "rate limited"  #: refused, with the wait it asks for (at most 1 s)
    SERVER_ERROR = "server error"  #: 5xx, and nothing was sent
    NO_ANSWER = "no answer"  #: sent, and the connection breaks before the answer
    SLOW = "slow"  #: sent, answered after one second
    REFUSED = "refused"  #: this message will never be taken
    UNAUTHORIZED = "unauthorized"  #: the credentials have been withdrawn


class VendorSimulator(Protocol):
    """The vendor in this process; a local HTTP server is the honest way to build it."""

    async def start(self) -> None:
        """Begin to listen; again after `stop`, at the same address and with its memory."""
        ...

    async def stop(self) -> None:
        """Be down: nobody can connect; safe twice."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """The settings with which the channel talks to us; after the first `start`."""
        ...

    def wrong_settings(self) -> Mapping[str, Any]:
        """Settings that are well-formed and that we refuse."""
        ...

    def address(self, customer: str) -> Address:
        """Where that customer is reached."""
        ...

    async def write(self, channel: Channel, written: Written) -> int:
        """Deliver it as the vendor does, once; gives the HTTP status the channel answered.

        Works while we are down, where our webhooks come from elsewhere than our API.
        A channel that pulls answers 200 when it confirmed, 503 when it left the event with us.
        """
        ...

    async def forge(self, channel: Channel, written: Written) -> int:
        """The same from somebody who does not know the secret."""
        ...

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        """The next sends go wrong in this way."""
        ...

    def arrived(self) -> Sequence[Arrived]:
        """Every part the customers got, oldest first, also those whose answer was lost."""
        ...


@runtime_checkable
class PlaysHappenings(Protocol):
    """A simulator whose vendor knows more than plain messages."""

    async def happen(self, channel: Channel, what: Happening) -> int | None:
        """Deliver it as the vendor does; as `write`. None: this vendor knows no such thing."""
        ...


@runtime_checkable
class BringsFiles(Protocol):
    """A simulator whose customers can attach files; without it those tests do not apply."""

    async def write_file(
        self, channel: Channel, written: Written, *, name: str, content: bytes
    ) -> int:
        """As `VendorSimulator.write`, with one file; the same event brings the same file."""
        ...


@runtime_checkable
class KeepsMessages(Protocol):
    """A simulator whose vendor can be asked what customers wrote (`FetchesMissed`)."""

    def keep(self, written: Written) -> None:
        """It has come to the vendor and stands in what one can ask for; nobody brings it."""
        ...


@runtime_checkable
class TakesFiles(Protocol):
    """A simulator of a medium by which we can send files."""

    def files(self) -> Sequence[bytes]:
        """The contents that customers got, oldest first."""
        ...


async def call_webhook(channel: Channel, request: HttpRequest) -> int:
    """The status that the vendor sees when calling: the host's answer to what is raised."""
    assert isinstance(channel, HandlesHttp), "the channel has no handle_http"
    try:
        response = await channel.handle_http(request)
    except WebhookRefused:
        return 403
    except BadInput:
        return 400
    except (StoreUnavailable, ChannelError):
        return 503
    return response.status
