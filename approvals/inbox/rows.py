"""A conversation as a row of the inbox: what lists filter and sort by, and no word of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from sys import intern
from typing import Any, NamedTuple

from core.domain.conversation import Conversation, Status

OPEN_END = 1 << 52  #: stands for "until the customer writes", later than every time


class Row(NamedTuple):
    """One conversation; times are milliseconds since 1970, 0 for none."""

    id: str
    seq: int  #: number of the last event that it knows
    updated: int
    waits: int  #: since when the customer waits for a person; 0: they do not
    asked: int  #: number of the customer's last message
    status: str
    assignee: str  #: who holds it, else whose the waiting draft is to look at
    channel: str
    locale: str
    topic: str  #: of the last draft or answer
    tags: tuple[str, ...]
    snoozed: int = 0  #: until when it is put aside; 0: it is not


def row_of(c: Conversation, *, topic: str = "", asked: int = 0) -> Row:
    """The row of a conversation as it stands."""
    person = c.status in (Status.REVIEW, Status.HUMAN)
    waits = min((u.at for u in c.unanswered), default=None) if person else None
    return Row(
        id=c.id,
        seq=c.seq,
        updated=millis(c.updated_at),
        waits=millis(waits),
        asked=asked,
        status=c.status.value,
        assignee=c.assignee or c.assigned,
        channel=c.channel,
        locale=c.locale,
        topic=topic,
        tags=c.tags,
        snoozed=(millis(c.snoozed_until) or OPEN_END) if c.snoozed_by else 0,
    )


def row_from(plain: Sequence[Any]) -> Row:
    """The inverse of a row written down as a list; equal words are kept once in memory."""
    conversation_id, seq, updated, waits, asked = plain[:5]
    status, assignee, channel, locale, topic = map(intern, plain[5:10])
    tags, *later = plain[10:]  # rows of before there was snoozing end here
    return Row(
        id=conversation_id,
        seq=seq,
        updated=updated,
        waits=waits,
        asked=asked,
        status=status,
        assignee=assignee,
        channel=channel,
        locale=locale,
        topic=topic,
        tags=tuple(map(intern, tags)),
        snoozed=later[0] if later else 0,
    )


def millis(at: datetime | None) -> int:
    """Milliseconds since 1970; 0 for none."""
    return round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000) if at else 0


def moment(at: int) -> datetime:
    """The inverse of `millis`, of a time that there is."""
    return datetime.fromtimestamp(at / 1000, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A filter of rows; an empty field does not restrict."""

    status: str = ""
    assignee: str | None = None  #: an e-mail, "" for those that nobody holds
    channel: str = ""
    locale: str = ""
    topic: str = ""
    tag: str = ""
    waiting: bool = False
    snoozed: bool | None = None
    back_by: datetime | None = None  #: put aside until then at the latest
    since: datetime | None = None
    until: datetime | None = None
    ids: frozenset[str] | None = None

    @property
    def words(self) -> Mapping[str, str]:
        """The columns that must hold exactly this."""
        named = {
            "status": self.status,
            "channel": self.channel,
            "locale": self.locale,
            "topic": self.topic,
        }
        held = {} if self.assignee is None else {"assignee": self.assignee}
        return {**{name: word for name, word in named.items() if word}, **held}
