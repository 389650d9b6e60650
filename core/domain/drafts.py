"""Drafts: an answer before it is sent, with the evidence for and against sending it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.domain.messages import Citation


class Trait(enum.Flag):
    """The consequences of a reason, beside its words."""

    NONE = 0
    BLOCKS = enum.auto()  #: holds a draft back whatever its confidence; others only explain it
    MISSING = enum.auto()  #: the knowledge base lacks an answer: a gap on the dashboard
    FALLBACK = enum.auto()  #: the model failed, and something simpler answered
    JUDGED = enum.auto()  #: a decision is about the answer and nothing else, so it is evidence


_BLOCKS, _MISSING, _FALLBACK, _JUDGED = Trait.BLOCKS, Trait.MISSING, Trait.FALLBACK, Trait.JUDGED


class Reason(enum.StrEnum):
    """A reason why a draft waits for a person, or is weaker than it might be.

    One row a reason: its name, what follows from it, and what it means.
    """

    _value_: str
    traits: Trait

    def __new__(cls, value: str, traits: Trait = Trait.NONE) -> Reason:
        """A member by its stored name."""
        made = str.__new__(cls, value)
        made._value_, made.traits = value, traits
        return made

    LOW_CONFIDENCE = "low_confidence", _MISSING | _JUDGED  #: below the topic's threshold
    NOTHING_FOUND = "nothing_found", _BLOCKS | _MISSING  #: no passage answers the question
    #: the source has no sentence short enough to be an answer
    UNQUOTABLE = "unquotable", _BLOCKS | _MISSING
    NO_SOURCE = "no_source", _BLOCKS | _MISSING  #: the answer cites nothing that was retrieved
    UNSUPPORTED = "unsupported", _BLOCKS  #: a claim does not stand in its source
    MODEL_FAILED = "model_failed", _FALLBACK  #: the model was down or answered nonsense
    MODEL_TIMEOUT = "model_timeout", _FALLBACK  #: the model was too slow
    MODEL_CUT = "model_cut", _FALLBACK  #: the model's answer ended before it was done
    MODEL_BUDGET = "model_budget"  #: the day's calls of the model are used up, so this is quoted
    BUDGET_SPENT = "budget_spent", _BLOCKS  #: so is what may be quoted instead; a person looks
    VECTORS_FAILED = "vectors_failed", _BLOCKS  #: the search did not work
    OUT_OF_TIME = "out_of_time", _BLOCKS  #: no draft within the customer's three seconds
    PERSON_REQUESTED = "person_requested", _BLOCKS  #: the customer asked for a person
    OPTED_OUT = "opted_out", _BLOCKS  #: they want no messages; only a person may go on
    SEEMS_OPT_OUT = "seems_opt_out", _BLOCKS  #: sounds as if they want none; a person decides first
    TOO_MANY_TURNS = "too_many_turns"  #: the assistant does not get anywhere
    ATTACHMENT = "attachment", _BLOCKS  #: the customer sent something we cannot read
    #: the question was heard by a machine in a recording
    FROM_RECORDING = "from_recording", _BLOCKS
    #: it lay at the vendor's for more than a day before it reached us
    LATE = "late", _BLOCKS
    SUSPICIOUS = "suspicious", _BLOCKS  #: the message tries to steer the assistant
    SUSPICIOUS_SOURCE = "suspicious_source", _BLOCKS  #: the source gives orders or asks for secrets
    #: another source says another number, or no where it says yes
    CONTRADICTED = "contradicted", _BLOCKS
    SOURCE_CHANGED = "source_changed", _BLOCKS  #: a source was changed or removed after drafting
    NEW_SOURCE = "new_source"  #: nothing answered it until somebody wrote this source
    ABUSE = "abuse", _BLOCKS  #: the message insults or threatens
    REVIEW_ALL = "review_all", _JUDGED  #: this topic, or everything, is reviewed
    AUDIT = "audit", _JUDGED  #: drawn at random to keep the estimate honest
    SEVERAL_QUESTIONS = "several_questions", _BLOCKS  #: one of several questions has no good source
    #: the source is about another thing than the one asked about
    OTHER_THING = "other_thing", _BLOCKS
    UNCLEAR_FOLLOW_UP = "unclear_follow_up", _BLOCKS  #: hangs on what was said; the source may not
    #: neither English nor Korean, and nobody to write it
    FOREIGN_LANGUAGE = "foreign_language", _BLOCKS
    CRASHED = "crashed", _BLOCKS  #: the process died twice over this message; it was not read again
    INTERNAL_ERROR = "internal_error", _BLOCKS  #: an error of ours; its traceback is in the log


def having(trait: Trait) -> frozenset[Reason]:
    """The reasons of which this is true."""
    return frozenset(reason for reason in Reason if trait in reason.traits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The particulars of a reason: what was found, and where.

    Worded as `approvals.finding.REASON` with these values in it, or as `wording` says where a
    reason has several; the bare reason is said where there is none. A value that is the name of
    a text is said in the reader's language.
    """

    reason: Reason
    values: Mapping[str, str] = field(default_factory=dict)
    wording: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPart:
    """One of several questions in a message, with its answer.

    A decision on the draft is a decision on all parts together: it says of none that this text
    answers this question, so nothing is learned from it without a person.
    """

    question: str  #: in the customer's words
    text: str = ""  #: the quotation that answers it; "" when nothing does
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.0
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A proposed answer; `confidence` is the probability that it is right, 0 to 1."""

    text: str
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.0
    signals: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()  #: what went wrong on the way; not yet the policy's verdict
    topic: str = ""
    locale: str = "en"
    answerer: str = ""  #: "extractive", "smalltalk", or the model's name
    prompt_version: str = ""
    #: quoted from the product's own guide, before the company knew anything of its own
    demonstration: bool = False
    sendable: bool = True  #: False: nothing here may go out without a person, whatever the number
    stages: Mapping[str, float] = field(default_factory=dict)  #: seconds spent, by stage
    #: the questions it answers, where the customer asked several; then `confidence` is the least
    #: of theirs and `citations` are all of them together
    parts: tuple[DraftPart, ...] = ()
    findings: tuple[Finding, ...] = ()  #: its reasons in particulars, for the people who decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier line of the conversation, oldest first where there are several."""

    author: str
    text: str
    seq: int = 0  #: its number in the conversation; 0 where that is not known
    at: datetime | None = None
    with_person: bool = False  #: said while a person held the conversation
    sources: tuple[str, ...] = ()  #: ids of the passages it cites
    answers: tuple[int, ...] = ()  #: numbers of the messages it answers
    name: str = ""  #: who said it, where it is not who the conversation began with


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The customer's current question: a burst of messages as one thought."""

    conversation_id: str
    text: str
    locale: str
    channel: str
    history: tuple[Turn, ...] = ()
    hint: str = ""  #: an agent's word on how to do it better, after a rejected draft
    #: for all that needs no model; what a model may take, its own settings say
    seconds: float | None = None
    for_person: bool = False  #: a person looks in any case, so nothing may take longer than that


def with_reason(reasons: tuple[Reason, ...], reason: Reason) -> tuple[Reason, ...]:
    """These reasons and, first, this one."""
    return tuple(dict.fromkeys((reason, *reasons)))


def with_new_source(draft: Draft, title: str) -> Draft:
    """The draft with the finding that it rests on what was written after the question came."""
    found = Finding(reason=Reason.NEW_SOURCE, values={"title": title})
    return replace(draft, findings=(found, *draft.findings))


def with_changed_sources(draft: Draft, titles: tuple[str, ...], *, anew: bool = False) -> Draft:
    """The draft with the finding that these sources have changed; `anew`: it was written since."""
    what = "approvals.source.renewed" if anew else "approvals.source.changed"
    found = tuple(
        Finding(reason=Reason.SOURCE_CHANGED, values={"title": title, "what": what})
        for title in titles
    )
    rest = tuple(f for f in draft.findings if f.reason is not Reason.SOURCE_CHANGED)
    return replace(draft, findings=(*found, *rest))
