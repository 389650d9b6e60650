"""Inbound and outbound messages, addresses, deliveries: the values channels exchange with us."""

from __future__ import annotations

import enum
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime

_NUMBER = re.compile(r"(?:[a-z]{1,12}:)?(\+[0-9]{6,15})")  # ITU E.164


class Author(enum.StrEnum):
    """The author of a message in a conversation."""

    CUSTOMER = "customer"  #: the person who writes to the company
    AI = "ai"  #: the assistant; such a message always carries a citation
    AGENT = "agent"  #: a person of the company
    SYSTEM = "system"  #: a notice about the conversation itself


# The channels that other parts of the product know by name.
WEB_CHAT = "web"
SLACK = "slack"

DEMONSTRATION = "demonstration"
"""The account of conversations that nobody had: no figure counts them, nothing learns of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A conversation's address at its vendor; all that is needed to write back.

    `account` is our side (bot id, phone number, workspace), `chat` the customer's side,
    `thread` a topic or thread inside the chat, "" where the vendor has none.
    """

    channel: str
    account: str
    chat: str
    thread: str = ""

    def conversation_id(self) -> str:
        """The same address always gives the same id, so no lookup is needed on the way in.

        In our own chat we name the chats ourselves: there the name is the id.
        """
        if self.channel == WEB_CHAT:
            return self.chat
        raw = "\x1f".join((self.channel, self.account, self.chat, self.thread))
        return hashlib.blake2b(raw.encode(), digest_size=12).hexdigest()

    def number(self) -> str | None:
        """The customer's phone number, without the service before it; None where it is none.

        "+15551234567" by SMS and "rcs:+15551234567" reach one person, who opts out of both.
        """
        found = _NUMBER.fullmatch(self.chat)
        return found[1] if found else None


class SenderKind(enum.StrEnum):
    """The kind of a sender, whom a name alone does not tell apart."""

    PERSON = "person"
    ANONYMOUS_ADMIN = "anonymous_admin"  #: of a group, in the group's name
    CHANNEL = "channel"  #: somebody who writes in a channel's name
    BOT = "bot"  #: a program; nobody who is served


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The customer as the vendor describes them."""

    id: str
    name: str = ""
    locale: str = ""  #: BCP 47 tag as the vendor gave it, "" when it did not
    kind: SenderKind = SenderKind.PERSON
    email: str = ""  #: as they gave it themselves; nobody has proved it


class Pointing(enum.StrEnum):
    """The way in which a message points at other words."""

    REPLY = "reply"  #: answers or quotes them; its own words are about these
    FORWARDED = "forwarded"  #: hands them on; they are what it says
    SHARED = "shared"  #: shows them beside its own words


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """Words that a message points at, as its vendor hands them over with it."""

    text: str
    kind: Pointing = Pointing.REPLY
    author: str = ""  #: who wrote them, "" where the vendor does not say


#: Kinds of attachments that have bytes which a person can open; others are said in words.
FILES = frozenset({"image", "voice", "audio", "video", "file"})
WORDS_ONLY = frozenset({"sticker", "location", "contact", "poll"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Something sent beside the text; shown to agents, never answered by the assistant alone.

    A channel either gives the bytes at once (`content`), or a reference by which its `fetch`
    gets them later. What is stored of a message never holds the bytes themselves.
    """

    kind: str  #: image, voice, audio, video, file, sticker, location, contact
    name: str = ""  #: as the sender calls it; says nothing about what it is
    url: str = ""
    media_type: str = ""  #: as the sender claims; once `digest` is set, what the content says
    size: int | None = None  #: bytes
    ref: str = ""  #: the vendor's id of it, for the channel's `fetch`
    digest: str = ""  #: SHA-256 of the bytes we keep, in hex; "" until we have them
    content: bytes = field(default=b"", repr=False, compare=False)  #: only on the way in

    @property
    def is_file(self) -> bool:
        """Whether there are bytes behind it that a person can open."""
        has_place = bool(self.ref or self.url or self.digest or self.content)
        return self.kind in FILES or (has_place and self.kind not in WORDS_ONLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One source of an answer, as the customer may follow it."""

    id: str  #: the passage's id in the knowledge base
    title: str
    url: str = ""
    quote: str = ""  #: the sentences the answer rests on
    digest: str = ""  #: of the passage as it was read; by it a change of it is noticed
    known: str = ""  #: the known question that it was found by


class InboundKind(enum.StrEnum):
    """The kind of an inbound message."""

    MESSAGE = "message"  #: wrote something
    START = "start"  #: opened the chat (/start); greeted, not answered
    HUMAN = "human"  #: asked for a person by command or button
    CONTINUE = "continue"  #: asked for what waits for them; opens the way, wants no answer
    RATING = "rating"  #: rated the help: `value` is "1" to "5"
    LANGUAGE = "language"  #: chose a language: `value` is its code
    OPT_OUT = "opt_out"  #: STOP: nothing more may be sent
    OPT_IN = "opt_in"  #: START after STOP
    HELP = "help"  #: HELP as carriers define it, answered by the vendor
    EDIT = "edit"  #: changed the message `about` names into this one; `value`: KNOWN, OURS or ""
    DELETION = "deletion"  #: took back the message `about` names; `value`: KNOWN or ""
    REACTION = "reaction"  #: reacted to the message `about` names; `value` is the sign ("👍")
    REACTION_REMOVED = "reaction_removed"  #: took such a sign back
    UNREADABLE = "unreadable"  #: sent what this channel cannot read; `value` names its kind
    OURS = "ours"  #: a person of the company wrote to the customer in the vendor's own app


KNOWN = "known"  #: an edit or deletion that is of interest only where we have the message
OURS = "ours"  #: an edit by a person of the company
AUTOMATIC = "automatic"  #: the vendor's app wrote by itself in the company's name


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """A normalized message of a customer; made by a channel's pure `to_inbound`."""

    address: Address
    external_id: str  #: the vendor's id of this event, unique within (channel, account)
    sender: Sender  #: who wrote it, in a group too
    text: str = ""  #: their own words; those they point at stand in `quotes`
    kind: InboundKind = InboundKind.MESSAGE
    value: str = ""  #: by kind; of OURS: AUTOMATIC or ""
    attachments: tuple[Attachment, ...] = ()
    group_id: str = ""  #: messages that belong together (an album) share it
    sent_at: datetime | None = None
    message_id: str = ""
    """The vendor's id of the message in its chat, by which an edit, a deletion or a reaction means
    it; "" where that is `external_id`. Of an edit too, where it is the message's own."""
    about: str = ""
    """Of an edit, a deletion or a reaction: the `message_id` it means, ours or the customer's; ""
    where the vendor does not say, which is the customer's last one."""
    quotes: tuple[Quoted, ...] = ()
    customer: Sender | None = None  #: of OURS: to whom they wrote
    place: str = ""
    """A thread within the conversation, where the answer goes: as `thread` of the address we write
    to, and never a part of who is spoken with."""

    @property
    def named(self) -> str:
        """By what later events mean this message."""
        return self.message_id or self.external_id

    def key(self) -> str:
        """Unique for ever: accepting a second message with this key does nothing."""
        return "\x1f".join((self.address.channel, self.address.account, self.external_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundFile:
    """A file for a channel to send with a message; only what its manifest says it carries."""

    name: str
    media_type: str  #: by its content
    size: int  #: bytes
    content: bytes = field(repr=False)
    url: str = ""  #: signed and short-lived, for a vendor that fetches by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button under a message; `id` comes back as an InboundKind and value."""

    id: str  #: "human", "rating:1" … "rating:5", "language:ko"
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """A message for a channel to send, with its address."""

    id: str  #: ours, the same at every attempt
    conversation_id: str
    address: Address
    author: Author
    text: str  #: CommonMark
    ai: bool = False  #: a machine wrote it
    reviewed: bool = False  #: a person has read and approved what the machine wrote
    locale: str = "en"
    citations: tuple[Citation, ...] = ()
    buttons: tuple[Button, ...] = ()
    files: tuple[OutboundFile, ...] = ()  #: go after the text, each a part of its own
    attempt: int = 1
    skip_parts: int = 0  #: parts of this text that an earlier attempt is known to have sent
    reply_to: str = ""  #: `external_id` of the customer's message, where it is known
    queued_at: datetime | None = None  #: stored for sending; no attempt can be older


class DeliveryState(enum.StrEnum):
    """The delivery state of a message; later states never go back."""

    QUEUED = "queued"  #: stored, not yet tried
    SENDING = "sending"  #: handed to the vendor, no answer recorded yet
    SENT = "sent"  #: the vendor took it
    DELIVERED = "delivered"  #: it is on the customer's device
    READ = "read"  #: the customer has seen it
    UNKNOWN = "unknown"  #: it left us and no answer came: probably delivered
    FAILED = "failed"  #: it will not arrive; a dead letter
    DROPPED = "dropped"  #: we decided not to send it (a person took over, the customer opted out)


NOT_ARRIVED = frozenset({DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.DROPPED})
"""States in which a message has not arrived, as far as anybody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The outcome of one send."""

    state: DeliveryState
    external_ids: tuple[str, ...] = ()  #: the vendor's ids, one a part, in order
    detail: str = ""  #: plain words for an agent
    segments: int = 0  #: SMS segments charged; 0 where the medium has none
    migrated_chat: str = ""  #: the chat's new id, when the vendor moved it


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A later status of an earlier message (status callback, read mark)."""

    address: Address
    external_id: str
    state: DeliveryState
    code: str = ""
    detail: str = ""
    again_after: float = 0.0  #: seconds; the same message may get through then (tried once)
