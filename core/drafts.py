"""An answer before anybody has seen it, with the evidence for and against sending it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.messages import Citation


class Reason(enum.StrEnum):
    """Why an answer waits for a person, or why it is weaker than it might be."""

    LOW_CONFIDENCE = "low_confidence"  #: below the topic's threshold
    NOTHING_FOUND = "nothing_found"  #: no passage answers the question
    NO_SOURCE = "no_source"  #: the answer cites nothing that was retrieved
    UNSUPPORTED = "unsupported"  #: a claim does not stand in its source
    MODEL_FAILED = "model_failed"  #: the model was down or answered nonsense
    MODEL_TIMEOUT = "model_timeout"  #: the model was too slow or cut off
    VECTORS_FAILED = "vectors_failed"  #: the search did not work
    OUT_OF_TIME = "out_of_time"  #: no draft within the customer's three seconds
    PERSON_REQUESTED = "person_requested"  #: the customer asked for a person
    TOO_MANY_TURNS = "too_many_turns"  #: the assistant does not get anywhere
    ATTACHMENT = "attachment"  #: the customer sent something we cannot read
    SUSPICIOUS = "suspicious"  #: the message tries to steer the assistant
    ABUSE = "abuse"  #: the message insults or threatens
    REVIEW_ALL = "review_all"  #: this topic, or everything, is reviewed
    AUDIT = "audit"  #: drawn at random to keep the estimate honest
    INTERNAL_ERROR = "internal_error"  #: an error of ours; its traceback is in the log


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What the assistant would say; `confidence` is the probability that it is right, 0 to 1."""

    text: str
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.0
    signals: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()  #: what went wrong on the way; not yet the policy's verdict
    topic: str = ""
    locale: str = "en"
    answerer: str = ""  #: "extractive", "smalltalk", or the model's name
    prompt_version: str = ""
    sendable: bool = True  #: False: nothing here may go out without a person, whatever the number
    stages: Mapping[str, float] = field(default_factory=dict)  #: seconds spent, by stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier line of the conversation, oldest first where there are several."""

    author: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the customer wants to know now: a burst of messages as one thought."""

    conversation_id: str
    text: str
    locale: str
    channel: str
    history: tuple[Turn, ...] = ()
    hint: str = ""  #: an agent's word on how to do it better, after a rejected draft
    seconds: float | None = None  #: what is left until the customer has to hear something
