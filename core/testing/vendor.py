"""What an author builds of his vendor: a local server that takes, refuses, delays and remembers."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.channel import Channel, HandlesHttp, HttpRequest
from core.errors import BadInput, ChannelError, StoreUnavailable, WebhookRefused
from core.messages import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Something a customer wrote at the vendor's."""

    text: str
    event_id: str = "1001"  #: the vendor's id of it; digits, so that any vendor can use it
    customer: str = "5001"  #: digits, likewise
    unknown_fields: bool = False  #: with fields that no documentation mentions


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One part of a message of ours, as the customer sees it."""

    customer: str
    text: str


class Fault(enum.Enum):
    """What goes wrong at the vendor's at the next send."""

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


async def call_webhook(channel: Channel, request: HttpRequest) -> int:
    """The status that the vendor sees when he calls: the host's answer to what is raised."""
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
