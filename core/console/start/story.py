"""The demonstration shop's story: colleagues and conversations that nobody was and had."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from core.accounts.roles import Role
from core.domain import events as ev
from core.domain.drafts import Draft, Reason
from core.domain.messages import DEMONSTRATION, WEB_CHAT, Address, Author, Citation, Sender

PATIENCE = timedelta(days=7)  #: until a draft's deadline: nobody is called for one that is not real


class Colleague(BaseModel):
    """A member of staff who is nobody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    email: str
    role: Role


class Talk(BaseModel):
    """A conversation that nobody had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: answered alone; a draft that waits; one without an answer; taken over by a person
    kind: Literal["alone", "waiting", "missing", "person"]
    customer: str
    question: str
    answer: str = ""
    article: str = ""
    title: str = ""
    topic: str = ""
    rating: int = 0


class Story(BaseModel):
    """All of it, in one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: tuple[Colleague, ...]
    conversations: tuple[Talk, ...]


def read_story(folder: Path, locale: str) -> Story:
    """The story in this language, else in English."""
    file = folder / locale / "story.toml"
    if not file.is_file():
        file = folder / "en" / "story.toml"
    return Story.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The here and now that a talk's events need to know of."""

    conversation_id: str
    locale: str
    now: datetime
    colleague: str  #: e-mail of who takes over


def events_of(talk: Talk, telling: Telling) -> Sequence[ev.Event]:
    """Everything that happened in it, at once; nothing is left for anybody to do by machine."""
    told = telling
    address = Address(channel=WEB_CHAT, account=DEMONSTRATION, chat=told.conversation_id)
    sender = Sender(id=told.conversation_id, name=talk.customer, locale=told.locale)
    begun: tuple[ev.Event, ...] = (
        ev.Started(address=address, sender=sender, locale=told.locale),
        ev.Received(text=talk.question, external_id="1"),
    )
    draft = _draft(talk, told.locale)
    match talk.kind:
        case "alone":
            sent = ev.Sent(
                author=Author.AI,
                text=talk.answer,
                citations=draft.citations,
                draft=draft,
                answers=(2,),
                pulled=True,
            )
            rated = (ev.Rated(score=talk.rating),) if talk.rating else ()
            return (*begun, sent, *rated)
        case "waiting" | "missing":
            return (*begun, _review(talk, draft, told))
        case "person":
            sent = ev.Sent(author=Author.AGENT, text=talk.answer, by=told.colleague, pulled=True)
            return (*begun, ev.PersonRequested(), ev.TakenOver(by=told.colleague), sent)


def _draft(talk: Talk, locale: str) -> Draft:
    cited = (
        (Citation(id=f"{talk.article}#0", title=talk.title, quote=talk.answer),)
        if talk.article
        else ()
    )
    sure = {"alone": 0.97, "waiting": 0.71}.get(talk.kind, 0.0)
    return Draft(
        text=talk.answer if cited else "",
        citations=cited,
        confidence=sure,
        topic=talk.topic,
        locale=locale,
        answerer="extractive",
        demonstration=True,
        sendable=talk.kind == "alone",
    )


def _review(talk: Talk, draft: Draft, told: Telling) -> ev.ReviewRequested:
    reason = Reason.LOW_CONFIDENCE if draft.text else Reason.NOTHING_FOUND
    return ev.ReviewRequested(
        draft_id=f"{told.conversation_id}.3",  # by the number of this event
        version=1,
        question=talk.question,
        draft=draft,
        reasons=(reason,),
        deadline=told.now + PATIENCE,
        answers=(2,),
    )
