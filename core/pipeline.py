"""From a customer's question to an answer on its way or a draft in the queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, assert_never

from core import events as ev
from core.clock import Clock
from core.conversations import MEMORY_CHARS, Conversation, Status
from core.drafts import Draft, Question, Reason, Turn
from core.intents import wants_person
from core.path_metrics import Observe, unobserved
from core.policy import AutoSend, Review, Rules, Verdict, decide
from core.ports import OnDelta, Responder
from core.repository import Change, Conversations
from core.speech import Speech
from core.steps import wants_answer

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.8  #: from the customer's last message until he is answered or told to wait
LEAST_SECONDS = 0.6  #: what a draft gets even when the burst has eaten the rest


class Desk(Protocol):
    """When the people who review are there."""

    def deadline(self, now: datetime) -> datetime:
        """By when a draft that is queued now should be decided."""
        ...

    def back(self, now: datetime, locale: str) -> str | None:
        """When people are back, in the customer's words; None while they are there."""
        ...


class RulesSource(Protocol):
    """Whoever knows what may be sent alone."""

    def rules(self, conversation: Conversation, draft: Draft) -> Rules:
        """The rules for this draft, now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlwaysOpen:
    """A desk that never closes."""

    seconds: float

    def deadline(self, now: datetime) -> datetime:
        """So many seconds from now."""
        return now + timedelta(seconds=self.seconds)

    def back(self, now: datetime, locale: str) -> str | None:  # noqa: ARG002
        """Never closed."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedRules:
    """The same rules for everything."""

    value: Rules

    def rules(self, conversation: Conversation, draft: Draft) -> Rules:  # noqa: ARG002
        """Always these."""
        return self.value


class Pipeline:
    """Drafts, judges, and appends the outcome in one commit."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        responder: Responder,
        speech: Speech,
        desk: Desk,
        rules: RulesSource,
        clock: Clock,
        site: Callable[[], str] = lambda: "",
        observe: Observe = unobserved,
    ) -> None:
        self._observe = observe
        self._site = site
        self._conversations = conversations
        self._responder = responder
        self._speech = speech
        self._desk = desk
        self._rules = rules
        self._clock = clock

    def foresee(self, c: Conversation, text: str) -> None:
        """This message is being stored; the search for its answer may begin meanwhile."""
        if c.status is not Status.HUMAN and not c.unanswered and text.strip():
            self._responder.foresee(text, _history(c, [text]))

    async def draft(self, conversation: Conversation, *, on_delta: OnDelta | None) -> Draft:
        """A draft for everything the customer waits for; in time, and never an exception."""
        messages = conversation.unanswered
        text = "\n".join(m.text for m in messages if m.text.strip())
        if not text:
            asked_for = conversation.person_requested
            reason = Reason.PERSON_REQUESTED if asked_for else Reason.ATTACHMENT
            return Draft(text="", reasons=(reason,), locale=conversation.locale)
        history = _history(conversation, [m.text for m in messages])
        since = (self._clock.now() - messages[-1].at).total_seconds()
        budget = max(LEAST_SECONDS, ANSWER_SECONDS - since)
        self._observe("wait", since)
        begun = self._clock.monotonic()
        question = Question(
            conversation_id=conversation.id,
            text=text,
            locale=conversation.locale,
            channel=conversation.channel,
            history=history,
            hint=conversation.hint,
            # The responder gives up first, so that it can still hand over its weaker answer.
            seconds=budget - 0.2,
        )
        try:
            async with asyncio.timeout(budget):
                draft = await self._responder.draft(question, on_delta=on_delta)
            self._observe("answer", self._clock.monotonic() - begun)
            self._observe("retrieve", sum(draft.stages.get(s, 0.0) for s in ("embed", "search")))
            return self._with_whole_links(draft)
        except TimeoutError:
            log.warning("no draft within %.1f s for %s", budget, conversation.id)
            reason = Reason.OUT_OF_TIME
        except Exception:
            log.exception("drafting failed for %s", conversation.id)
            reason = Reason.INTERNAL_ERROR
        return Draft(text="", reasons=(reason,), locale=conversation.locale)

    def _with_whole_links(self, draft: Draft) -> Draft:
        """Sources of our own site ("/guide/…") have to be reachable from every channel."""
        if not any(citation.url.startswith("/") for citation in draft.citations):
            return draft
        site = self._site()
        citations = tuple(
            replace(c, url=site + c.url) if c.url.startswith("/") else c for c in draft.citations
        )
        return replace(draft, citations=citations)

    def verdict(self, conversation: Conversation, draft: Draft) -> Verdict:
        """What the policy says of this draft in this conversation."""
        return decide(draft, self._rules.rules(conversation, draft), conversation=conversation)

    async def conclude(self, drafted_for: Conversation, draft: Draft) -> Change:
        """Send or queue the draft, unless the conversation has moved on meanwhile.

        The check and the outcome are one compare-and-set: the assistant cannot speak over a
        person who takes over in this very moment, nor answer a question that has grown.
        """
        answers = tuple(m.seq for m in drafted_for.unanswered)
        person = wants_person("\n".join(m.text for m in drafted_for.unanswered))
        verdict = self.verdict(drafted_for, draft)

        def events(c: Conversation) -> Sequence[ev.Event]:
            if not wants_answer(c) or tuple(m.seq for m in c.unanswered) != answers:
                return ()
            if c.person_requested != drafted_for.person_requested:
                return ()
            match verdict:
                case AutoSend() if not person:
                    return (self._speech.answer(c, draft, answers=answers),)
                case AutoSend():
                    return self._queue(c, draft, (Reason.PERSON_REQUESTED,), answers)
                case Review(reasons=reasons):
                    if person and Reason.PERSON_REQUESTED not in reasons:
                        reasons = (Reason.PERSON_REQUESTED, *reasons)
                    return self._queue(c, draft, reasons, answers)
                case _:
                    assert_never(verdict)

        begun = self._clock.monotonic()
        change = await self._conversations.update(drafted_for.id, events)
        self._observe("deliver", self._clock.monotonic() - begun)
        return change

    def _queue(
        self,
        c: Conversation,
        draft: Draft,
        reasons: tuple[Reason, ...],
        answers: tuple[int, ...],
    ) -> Sequence[ev.Event]:
        now = self._clock.now()
        happened: list[ev.Event] = []
        if not draft.text:
            # An honest sentence that a person may send with one press; nobody else ever does.
            draft = replace(draft, text=self._speech.admission(c, reasons))
        if Reason.PERSON_REQUESTED in reasons and not c.person_requested:
            happened.append(ev.PersonRequested())
        question = "\n".join(m.text for m in c.unanswered if m.text)
        happened.append(
            ev.ReviewRequested(
                draft_id=f"{c.id}.{c.seq + 1}",
                version=1,
                question=question or _last_question(c),
                draft=draft,
                reasons=reasons,
                deadline=self._desk.deadline(now),
                answers=answers,
            )
        )
        notice, values = self._waiting_notice(reasons, now, c.locale)
        # A second holding message says nothing new, and on SMS it costs.
        if c.told is not notice:
            happened.append(self._speech.notice(c, notice, values=values))
        return happened

    def _waiting_notice(
        self, reasons: tuple[Reason, ...], now: datetime, locale: str
    ) -> tuple[ev.Notice, dict[str, str]]:
        back = self._desk.back(now, locale)
        if back is not None:
            return ev.Notice.OUT_OF_HOURS, {"when": back}
        if Reason.PERSON_REQUESTED in reasons:
            return ev.Notice.PERSON_COMING, {}
        if Reason.ATTACHMENT in reasons:
            return ev.Notice.TEXT_ONLY, {}
        return ev.Notice.WAITING_FOR_REVIEW, {}


def _history(c: Conversation, asked: Iterable[str]) -> tuple[Turn, ...]:
    """What was said before that which is asked now; the memory holds texts shortened."""
    remembered = {text[:MEMORY_CHARS] for text in asked}
    return tuple(t for t in c.memory if t.text not in remembered)


def _last_question(c: Conversation) -> str:
    said = [turn.text for turn in c.memory if turn.author == "customer"]
    return said[-1] if said else ""
