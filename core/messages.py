"""The words spoken at the seam: what comes in, what goes out, and what became of it."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from datetime import datetime


class Author(enum.StrEnum):
    """Who speaks in a conversation."""

    CUSTOMER = "customer"  #: the person who writes to the company
    AI = "ai"  #: the assistant; such a message always carries a citation
    AGENT = "agent"  #: a person of the company
    SYSTEM = "system"  #: a notice about the conversation itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a conversation lives at its vendor; all that is needed to write back.

    `account` is our side (bot id, phone number, workspace), `chat` the customer's side,
    `thread` a topic or thread inside the chat, "" where the vendor has none.
    """

    channel: str
    account: str
    chat: str
    thread: str = ""

    def conversation_id(self) -> str:
        """The same address always gives the same id, so no lookup is needed on the way in."""
        raw = "\x1f".join((self.channel, self.account, self.chat, self.thread))
        return hashlib.blake2b(raw.encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The customer as the vendor describes him."""

    id: str
    name: str = ""
    locale: str = ""  #: BCP 47 tag as the vendor gave it, "" when it did not


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Something sent beside the text; shown to agents, never read by the assistant."""

    kind: str  #: image, voice, audio, video, file, sticker, location, contact
    name: str = ""
    url: str = ""
    media_type: str = ""
    size: int | None = None  #: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One source of an answer, as the customer may follow it."""

    id: str  #: the passage's id in the knowledge base
    title: str
    url: str = ""
    quote: str = ""  #: the sentences the answer rests on


class InboundKind(enum.StrEnum):
    """What the customer did."""

    MESSAGE = "message"  #: wrote something
    START = "start"  #: opened the chat (/start); greeted, not answered
    HUMAN = "human"  #: asked for a person by command or button
    CONTINUE = "continue"  #: asked for what waits for him; opens the way, wants no answer
    RATING = "rating"  #: rated the help: `value` is "1" to "5"
    LANGUAGE = "language"  #: chose a language: `value` is "en" or "ko"
    OPT_OUT = "opt_out"  #: STOP: nothing more may be sent
    OPT_IN = "opt_in"  #: START after STOP
    HELP = "help"  #: HELP as carriers define it, answered by the vendor


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """What a customer sent, in our words; made by a channel's pure `to_inbound`."""

    address: Address
    external_id: str  #: the vendor's id, unique within (channel, account)
    sender: Sender
    text: str = ""
    kind: InboundKind = InboundKind.MESSAGE
    value: str = ""
    attachments: tuple[Attachment, ...] = ()
    group_id: str = ""  #: messages that belong together (an album) share it
    sent_at: datetime | None = None

    def key(self) -> str:
        """Unique for ever: accepting a second message with this key does nothing."""
        return "\x1f".join((self.address.channel, self.address.account, self.external_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One press the customer may make; `id` comes back as an InboundKind and value."""

    id: str  #: "human", "rating:1" … "rating:5", "language:ko"
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """What a channel is asked to send; it knows its address and nothing of its channel."""

    id: str  #: ours, the same at every attempt
    conversation_id: str
    address: Address
    author: Author
    text: str  #: CommonMark
    locale: str = "en"
    citations: tuple[Citation, ...] = ()
    buttons: tuple[Button, ...] = ()
    attempt: int = 1
    skip_parts: int = 0  #: parts of this text that an earlier attempt is known to have sent
    reply_to: str = ""  #: vendor id of the customer's message, where it is known
    queued_at: datetime | None = None  #: stored for sending; no attempt can be older


class DeliveryState(enum.StrEnum):
    """What is known of a message's way to the customer; later states never go back."""

    QUEUED = "queued"  #: stored, not yet tried
    SENDING = "sending"  #: handed to the vendor, no answer recorded yet
    SENT = "sent"  #: the vendor took it
    DELIVERED = "delivered"  #: it is on the customer's device
    READ = "read"  #: the customer has seen it
    UNKNOWN = "unknown"  #: it left us and no answer came: probably delivered
    FAILED = "failed"  #: it will not arrive; a dead letter
    DROPPED = "dropped"  #: we decided not to send it (a person took over, the customer opted out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one send."""

    state: DeliveryState
    external_ids: tuple[str, ...] = ()  #: the vendor's ids, one a part, in order
    detail: str = ""  #: plain words for an agent
    segments: int = 0  #: SMS segments charged; 0 where the medium has none
    migrated_chat: str = ""  #: the chat's new id, when the vendor moved it


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A later word of the vendor about an earlier message (status callback, read mark)."""

    address: Address
    external_id: str
    state: DeliveryState
    code: str = ""
    detail: str = ""
    again_after: float = 0.0  #: seconds; the same message may get through then (tried once)
