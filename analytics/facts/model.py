"""Facts: what happened, as numbers and names that can be counted."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

#: Facts of older rules are not counted; `bot.py analytics rebuild` makes them again.
RULES = 1


AGAIN = "again"  #: a rating that replaces the one before it


class Kind(enum.IntEnum):
    """The kind of a fact; its number is stored and never changes its meaning."""

    STARTED = 1
    ASKED = 2  #: the customer wrote
    ANSWERED = 3  #: label: alone, reviewed, person; value: seconds since the customer waits
    FIRST_ANSWER = 4  #: value: seconds from the first message to the first answer
    NOTICE = 5  #: label: which
    REVIEW = 6  #: a draft waits; label: the first reason
    REASON = 7  #: of a review; label: the reason
    DECIDED = 8  #: label: decision, more: reason of a rejection; value: seconds it waited
    EDITED = 9  #: value: normalized edit distance between draft and text
    EXPIRED = 10
    SUPERSEDED = 11
    TAKEN_OVER = 12
    HANDED_BACK = 13
    RESOLVED = 14  #: value: seconds since the conversation was opened, or reopened
    REOPENED = 15
    RATED = 16  #: value: 1 to 5; label: how the last answer before was given; more: AGAIN
    USED = 17  #: an answer rested on this article; label: its title
    MISSING = 18  #: nothing in the knowledge base answered; one a question
    AUDITED = 19  #: a person looked at an answer that would have gone alone; value: 1 right
    DRAFTED = 20  #: label: who wrote it; value: seconds it took
    FELL_BACK = 21  #: the model failed, was too slow or was cut off
    TOKENS = 22  #: label: in, out; value: how many
    PERSON_WANTED = 23
    UNDELIVERED = 24  #: label: failed, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One row. `agent` and `topic` are set where the event itself has them."""

    kind: Kind
    at: datetime
    conversation_id: str
    seq: int
    channel: str
    locale: str
    agent: str = ""
    topic: str = ""
    label: str = ""
    more: str = ""
    value: float = 0.0
