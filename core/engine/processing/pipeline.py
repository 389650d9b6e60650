"""The pipeline: drafts an answer, judges it, and sends it or queues it for review."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol, assert_never

from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Status, Unanswered
from core.domain.conversation import Review as Waiting
from core.domain.drafts import Draft, Question, Reason, Turn, with_changed_sources, with_reason
from core.domain.next_step import wants_answer
from core.domain.policy import AutoSend, Review, Rules, Verdict, decide, may_go_alone
from core.engine.ports import OnDelta, Responder, Sources
from core.engine.processing.draft_merging import extension, repeated
from core.engine.processing.pointed_at import replied_to
from core.engine.processing.poison_messages import CrashMarks
from core.engine.prometheus import Observe, unobserved
from core.engine.replies import Replies
from core.engine.repository import Change, Conversations
from core.nlu.consent import opting_out
from core.nlu.handoff_intent import wants_person
from core.runtime.telemetry import tracing

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.8  #: for an answer that needs no model, from the customer's last message on
HISTORY_TIME = timedelta(hours=24)  #: what was said earlier explains nothing that is asked now
LEAST_SECONDS = 0.6  #: what a draft gets even when the burst has eaten the rest
RECORDING_SECONDS = 10.0  #: that a recording's question may come after its text
LOOK_SECONDS = 0.2
MARGIN_SECONDS = 0.2  #: the responder gives up first, so that it can hand over its weaker answer


class Desk(Protocol):
    """The port to the desk's hours and deadlines."""

    def deadline(self, now: datetime) -> datetime:
        """By when a draft that is queued now should be decided."""
        ...

    def back(self, now: datetime, locale: str) -> str | None:
        """When people are back, in the customer's words; None while they are there."""
        ...


class RulesSource(Protocol):
    """The port to the rules for sending without review."""

    def rules(self, conversation: Conversation, draft: Draft) -> Rules:
        """The rules for this draft, now."""
        ...


class Pipeline:
    """Drafts, judges, and appends the outcome in one commit."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        responder: Responder,
        replies: Replies,
        desk: Desk,
        rules: RulesSource,
        clock: Clock,
        site: Callable[[], str] = lambda: "",
        writing_seconds: Callable[[], float] = lambda: 0.0,
        observe: Observe = unobserved,
        sources: Sources | None = None,
        marks: CrashMarks | None = None,
    ) -> None:
        """`sources` says what has changed of what a draft rests on; without it nothing ever has."""
        self._sources = sources
        # What a model may take on top, by its own settings; the customer sees it write.
        self._writing_seconds = writing_seconds
        self._observe = observe
        self._marks = marks or CrashMarks()
        self._site = site
        self._conversations = conversations
        self._responder = responder
        self._replies = replies
        self._desk = desk
        self._rules = rules
        self._clock = clock

    def foresee(self, c: Conversation, text: str) -> None:
        """This message is being stored; the search for its answer may begin meanwhile."""
        if c.status is Status.HUMAN or c.open or not text.strip():
            return
        # A vendor brings a message again that we died of before it was stored.
        coming = f"{c.id}:{c.seq}+"
        if not self._marks.died_of(coming):
            with self._marks.working_on(coming):
                self._responder.foresee(text, self._history(c))

    def disclosure(self, c: Conversation) -> str:
        """What stands before the next text of a machine: that an AI writes, if it is the first."""
        return self._replies.disclosure(c)

    def under_way(self, conversation: Conversation) -> AbstractContextManager[None]:
        """A draft for it is being made and concluded; if the process dies in there, it counts."""
        return self._marks.working_on(_work(conversation))

    async def draft(self, conversation: Conversation, *, on_delta: OnDelta | None) -> Draft:
        """A draft for everything the customer waits for; in time, and never an exception."""
        messages = conversation.due
        text = "\n".join(m.text for m in messages if m.text.strip())
        if _unreadable(conversation):
            return Draft(text="", locale=conversation.locale)
        if any(m.has_attachment for m in messages):
            # What is in a file nobody here has seen, so nothing can be an answer to it.
            return Draft(text="", reasons=(Reason.ATTACHMENT,), locale=conversation.locale)
        if not text:
            reason = Reason.PERSON_REQUESTED
            return Draft(text="", reasons=(reason,), locale=conversation.locale)
        if self._marks.died_of(_work(conversation)):
            return Draft(text="", reasons=(Reason.CRASHED,), locale=conversation.locale)
        if self._seems_opt_out(conversation):
            return Draft(text="", reasons=(Reason.SEEMS_OPT_OUT,), locale=conversation.locale)
        if repeated(conversation) is not None:
            return Draft(text="", locale=conversation.locale)
        history = self._history(conversation, before=messages[0].seq)
        history = (*history, *replied_to(messages, history))
        since = (self._clock.now() - messages[-1].at).total_seconds()
        budget = _budget(since)
        rules = self._rules.rules(conversation, Draft(text=""))
        may_go = may_go_alone(conversation, max_turns=rules.max_turns) and not wants_person(text)
        self._observe("wait", since)
        tracing.passed("wait", since)
        begun = self._clock.monotonic()
        question = Question(
            conversation_id=conversation.id,
            text=text,
            locale=conversation.locale,
            channel=conversation.channel,
            history=history,
            hint=conversation.hint,
            seconds=budget - MARGIN_SECONDS,
            for_person=conversation.person_requested or wants_person(text),
        )
        # Twice, because what was written is written anew when its source has changed meanwhile.
        patience = budget + 2 * self._writing_seconds()
        try:
            async with asyncio.timeout(patience):
                draft = await self._responder.draft(question, on_delta=on_delta if may_go else None)
            self._observe("answer", self._clock.monotonic() - begun)
            self._observe("retrieve", sum(draft.stages.get(s, 0.0) for s in ("embed", "search")))
            return self._with_whole_links(draft)
        except TimeoutError:
            log.warning("no draft within %.1f s for %s", patience, conversation.id)
            reason = Reason.OUT_OF_TIME
        except Exception:
            log.exception("drafting failed for %s", conversation.id)
            reason = Reason.INTERNAL_ERROR
        return Draft(text="", reasons=(reason,), locale=conversation.locale)

    def _seems_opt_out(self, c: Conversation) -> bool:
        """Whether what is due sounds like opting out; what certainly is, the inbox has found."""
        if c.opted_out or self._replies.pulls(c.channel):
            return False  # it is known, or nothing is sent there that could be stopped
        return any(opting_out(m.text) is not None for m in c.due)

    def _history(self, c: Conversation, *, before: int | None = None) -> tuple[Turn, ...]:
        """What was said before that which is asked now, as far as it is still in mind."""
        since = self._clock.now() - HISTORY_TIME
        return tuple(
            turn
            for turn in c.memory
            if (before is None or turn.seq < before) and (turn.at is None or turn.at >= since)
        )

    def _with_whole_links(self, draft: Draft) -> Draft:
        """Sources of our own site ("/guide/…") have to be reachable from every channel."""
        if not any(citation.url.startswith("/") for citation in draft.citations):
            return draft
        site = self._site()
        citations = tuple(
            replace(c, url=site + c.url) if c.url.startswith("/") else c for c in draft.citations
        )
        return replace(draft, citations=citations)

    async def checked(self, draft: Draft) -> Draft:
        """The draft, held where one of its sources was changed or removed since it was read."""
        changed = await self._sources.changed(draft.citations) if self._sources else ()
        if not changed:
            return draft
        draft = replace(draft, reasons=with_reason(draft.reasons, Reason.SOURCE_CHANGED))
        return with_changed_sources(draft, tuple(changed))

    async def redraft(self, conversation: Conversation, review: Waiting) -> tuple[Draft, Verdict]:
        """A draft for a question that waits already, and what the policy says of it."""
        question = Question(
            conversation_id=conversation.id,
            text=review.question,
            locale=conversation.locale,
            channel=conversation.channel,
            history=self._history(conversation, before=min(review.answers, default=None)),
        )
        draft = self._with_whole_links(await self._responder.draft(question))
        if not draft.text and not draft.citations and Reason.ATTACHMENT not in review.reasons:
            draft = replace(draft, text=self._replies.admission(conversation, review.reasons))
        return draft, self.verdict(conversation, draft)

    async def answer_recording(self, conversation_id: str, seq: int, text: str) -> None:
        """Draft anew for the waiting question to which the recording of this text belongs.

        A machine heard it, so what it says is for a person to check: nothing of this goes out
        alone, and a draft that somebody has written or decided meanwhile stays.
        """
        state = await self._conversations.peek(conversation_id)
        for _ in range(int(RECORDING_SECONDS / LOOK_SECONDS)):
            # A burst may still be waited for: then its question is in the queue in a moment.
            if not any(u.seq == seq for u in state.due) or any(
                seq in r.answers for r in state.reviews
            ):
                break
            await self._clock.sleep(LOOK_SECONDS)
            state = await self._conversations.peek(conversation_id)
        review = next((r for r in state.reviews if seq in r.answers), None)
        if review is None or review.draft.text:
            return
        draft, _ = await self.redraft(state, replace(review, question=text))
        reasons = (Reason.FROM_RECORDING, *(r for r in draft.reasons if r not in review.reasons))
        if not (draft.text and draft.citations):
            return  # nothing was found: the person who listens answers
        redrafted = ev.ReviewRedrafted(
            draft_id=review.draft_id,
            version=review.version + 1,
            draft=draft,
            reasons=tuple(dict.fromkeys((*review.reasons, *reasons))),
        )

        def decide(c: Conversation) -> Sequence[ev.Event]:
            now = c.review_of(review.draft_id)
            return (redrafted,) if now is not None and now.version == review.version else ()

        await self._conversations.update(conversation_id, decide)

    def verdict(self, conversation: Conversation, draft: Draft) -> Verdict:
        """What the policy says of this draft in this conversation."""
        return decide(draft, self._rules.rules(conversation, draft), conversation=conversation)

    async def conclude(self, drafted_for: Conversation, draft: Draft) -> Change:
        """Send or queue the draft, unless the conversation has moved on meanwhile.

        The check and the outcome are one compare-and-set: the assistant cannot speak over a
        person who takes over in this very moment, nor answer a question that has grown.
        """
        answers = tuple(m.seq for m in drafted_for.due)
        person = Reason.CRASHED not in draft.reasons and wants_person(
            "\n".join(m.text for m in drafted_for.due)
        )
        with tracing.stage("decide", confidence=draft.confidence) as span:
            verdict = self.verdict(drafted_for, draft)
            if isinstance(verdict, AutoSend):
                draft = await self.checked(draft)
                verdict = self.verdict(drafted_for, draft)
            span.note(
                alone=isinstance(verdict, AutoSend) and not person,
                reasons=",".join(verdict.reasons if isinstance(verdict, Review) else ()),
                topic=draft.topic,
                answerer=draft.answerer,
            )
            span.text(answer=draft.text)

        def events(c: Conversation) -> Sequence[ev.Event]:
            # A message may have been changed in its place, so the numbers alone do not tell.
            if not wants_answer(c) or c.due != drafted_for.due:
                return ()
            if c.person_requested != drafted_for.person_requested:
                return ()
            if _unreadable(c):
                return (self._replies.notice(c, ev.Notice.UNREADABLE, answers=answers),)
            match verdict:
                case AutoSend() if not person:
                    return (self._replies.answer(c, draft, answers=answers),)
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
        took = self._clock.monotonic() - begun
        self._observe("deliver", took)
        if self._replies.pulls(drafted_for.channel):
            tracing.passed("deliver", took, channel=drafted_for.channel)
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
        if Reason.PERSON_REQUESTED in reasons and not c.person_requested:
            happened.append(ev.PersonRequested())
        extended = extension(c, reasons, drafted=bool(draft.text or draft.citations))
        happened.append(extended or self._request(c, draft, reasons, answers, now=now))
        if c.opted_out or Reason.SEEMS_OPT_OUT in reasons:
            return happened  # not even that
        notice, values = self._waiting_notice(reasons, now, c.locale)
        # A second holding message says nothing new, and on SMS it costs.
        if c.told is not notice:
            happened.append(self._replies.notice(c, notice, values=values))
        return happened

    def _request(
        self,
        c: Conversation,
        draft: Draft,
        reasons: tuple[Reason, ...],
        answers: tuple[int, ...],
        *,
        now: datetime,
    ) -> ev.ReviewRequested:
        wordless = {Reason.ATTACHMENT, Reason.SEEMS_OPT_OUT} & set(reasons)
        if not draft.text and not draft.citations and not wordless:
            # An honest sentence that a person may send with one press; nobody else ever does.
            draft = replace(draft, text=self._replies.admission(c, reasons))
        question = asked(c.due)
        # Who writes again keeps the place that the first of the messages has.
        since = min((m.at for m in c.unanswered), default=now)
        return ev.ReviewRequested(
            draft_id=f"{c.id}.{c.seq + 1}",
            version=1,
            question=question or _last_question(c),
            draft=draft,
            reasons=reasons,
            deadline=self._desk.deadline(since),
            answers=answers,
            since=since,
            quoted="\n".join(m.quoted for m in c.due if m.quoted),
            asked_by=", ".join(dict.fromkeys(m.asked_by for m in c.due if m.asked_by)),
        )

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


def _budget(since: float) -> float:
    """Seconds for a draft to a message that came so long ago, without what a model takes."""
    if since > ANSWER_SECONDS:
        # After a restart, say: they have waited too long already, and haste would cost the answer.
        return ANSWER_SECONDS
    return max(LEAST_SECONDS, ANSWER_SECONDS - since)


def _unreadable(c: Conversation) -> bool:
    """Whether all that is due is of a kind that nobody here can read, a person neither."""
    return bool(c.due) and not c.person_requested and all(m.unreadable for m in c.due)


def _work(c: Conversation) -> str:
    """What is worked on: the conversation from the first message that is due."""
    return f"{c.id}:{c.due[0].seq if c.due else c.seq}"


def asked(messages: Sequence[Unanswered]) -> str:
    """What these messages say: their texts, and what stands in the files that came with them."""
    texts = [part for m in messages for part in (m.text, m.read) if part.strip()]
    named = [f"📎 {name}" for m in messages if not m.read for name in m.files]
    return "\n".join(texts or named)


def _last_question(c: Conversation) -> str:
    said = [turn.text for turn in c.memory if turn.author == "customer"]
    return said[-1] if said else ""
