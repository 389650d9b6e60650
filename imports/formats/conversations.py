"""Past conversations as every format yields them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime


class Role(enum.StrEnum):
    """The author of a message."""

    CUSTOMER = "customer"
    AGENT = "agent"
    MACHINE = "machine"  #: a rule, a bot, an acknowledgement: nobody's answer


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMessage:
    """One public message; private notes are none, and no format yields them."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastConversation:
    """One conversation, with all that its export says of the people in it."""

    id: str  #: as its help desk calls it; "" where it does not
    subject: str = ""
    messages: tuple[PastMessage, ...] = ()  #: oldest first
    names: tuple[str, ...] = ()  #: of everybody who takes part: they are taken out of the texts
    contacts: tuple[str, ...] = ()  #: the customer's e-mail addresses, numbers and ids
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row, line or item that could not be read; the rest of its file was."""

    place: int  #: its number in the file, from 1
    why: str


Item = PastConversation | BadRow


@dataclass(slots=True, kw_only=True)
class Gathered:
    """A conversation whose messages come one by one."""

    id: str
    subject: str = ""
    messages: list[PastMessage] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    contacts: dict[str, None] = field(default_factory=dict)
    at: datetime | None = None

    def done(self) -> PastConversation:
        """All that was gathered."""
        return PastConversation(
            id=self.id,
            subject=self.subject,
            messages=tuple(self.messages),
            names=tuple(name for name in self.names if name.strip()),
            contacts=tuple(contact for contact in self.contacts if contact.strip()),
            at=self.at,
        )
