"""A seeded past: conversations as a contact center has them, as commits of the log."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from core.domain import events as ev
from core.domain.drafts import Draft, Reason
from core.domain.messages import Address, Author, Citation, Sender

CHANNELS = (("web", 55), ("telegram", 25), ("slack", 12), ("sms", 8))
AGENTS = ("mina@example.com", "joon@example.com", "sara@example.com", "leo@example.com")
TOPICS = ("billing", "shipping", "account", "returns", "product", "warranty")
QUESTIONS = {
    "billing": "Why was my card charged twice?",
    "shipping": "Where is my order?",
    "account": "How do I reset my password?",
    "returns": "How can I send an item back?",
    "product": "Does it work with a 220 volt plug?",
    "warranty": "Is a broken screen covered?",
}
REASONS = ("wrong", "unclear", "outdated", "tone")
HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 19, 17, 14, 16, 18, 17, 15, 12, 9, 7, 6, 4, 3, 2)


def history(
    conversations: int, *, days: int, end: datetime, seed: int = 7
) -> Iterator[list[ev.Commit]]:
    """So many conversations over the days before `end`, each as its commits."""
    rng = random.Random(seed)
    for number in range(conversations):
        day = rng.randrange(days)
        hour = rng.choices(range(24), weights=HOURS)[0]
        start = (
            end
            - timedelta(days=days - day)
            + timedelta(hours=hour, minutes=rng.randrange(60), milliseconds=rng.randrange(60_000))
        )
        yield _Talk(rng, number, min(start, end - timedelta(hours=1)).astimezone(UTC)).commits()


class _Talk:
    def __init__(self, rng: random.Random, number: int, start: datetime) -> None:
        self._rng = rng
        self._at = start
        self._commits: list[ev.Commit] = []
        self._next = 1
        channel = rng.choices([c for c, _ in CHANNELS], weights=[w for _, w in CHANNELS])[0]
        self._address = Address(channel=channel, account="us", chat=f"chat-{number}")
        self._id = self._address.conversation_id()
        self._topic = rng.choice(TOPICS)
        self._locale = rng.choice(("en", "en", "ko"))
        self._open = [2]  # the first message

    def commits(self) -> list[ev.Commit]:
        rng = self._rng
        sender = Sender(id=self._address.chat)
        self._add(
            ev.Started(address=self._address, sender=sender, locale=self._locale),
            ev.Received(text=QUESTIONS[self._topic]),
        )
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            self._answer()
            if rng.random() < 0.3:
                self._pass(20, 900)
                self._ask()
        if rng.random() < 0.25:
            self._pass(10, 600)
            self._add(ev.Rated(score=rng.choice((1, 2, 3, 4, 4, 5, 5, 5))))
        if rng.random() < 0.5:
            self._pass(60, 7200)
            self._add(ev.Resolved(by=rng.choice(AGENTS)))
            if rng.random() < 0.06:
                self._pass(600, 90_000)
                self._add(ev.Reopened(), ev.Received(text="It happened again."))
        return self._commits

    def _ask(self) -> None:
        self._add(ev.Received(text=QUESTIONS[self._topic]))
        self._open.append(self._next - 1)

    def _answer(self) -> None:
        rng = self._rng
        self._pass(0.2, 2.5)
        answers, self._open = tuple(self._open), []
        draft = self._draft()
        fate = rng.random()
        if fate < 0.62:
            self._add(
                ev.Sent(
                    author=Author.AI,
                    text=draft.text,
                    citations=draft.citations,
                    draft=draft,
                    answers=answers,
                    pulled=True,
                )
            )
            return
        reasons = [rng.choice((Reason.LOW_CONFIDENCE, Reason.NOTHING_FOUND, Reason.UNSUPPORTED))]
        if rng.random() < 0.15:
            reasons = [Reason.AUDIT]
        draft_id = f"{self._id}.{self._next}"
        self._add(
            ev.ReviewRequested(
                draft_id=draft_id,
                version=1,
                question=QUESTIONS[self._topic],
                draft=draft,
                reasons=tuple(reasons),
                deadline=self._at + timedelta(minutes=15),
                answers=answers,
            ),
            ev.Sent(
                author=Author.SYSTEM,
                text="A colleague looks at it.",
                notice=ev.Notice.WAITING_FOR_REVIEW,
                pulled=True,
            ),
        )
        if rng.random() < 0.03:
            self._pass(900, 1000)
            self._add(ev.ReviewEscalated(draft_id=draft_id))
        if rng.random() < 0.05:
            # An easy question meanwhile; the hard one goes on waiting.
            self._pass(5, 100)
            self._ask()
            easy, (asked,), self._open = self._draft(), self._open, []
            self._pass(0.2, 2.5)
            self._add(
                ev.Sent(
                    author=Author.AI,
                    text=easy.text,
                    citations=easy.citations,
                    draft=easy,
                    answers=(asked,),
                    pulled=True,
                )
            )
        self._decide(draft_id, draft, answers)

    def _decide(self, draft_id: str, draft: Draft, answers: tuple[int, ...]) -> None:
        rng, by = self._rng, self._rng.choice(AGENTS)
        seconds = self._pass(8, 700)
        decision = rng.choices(list(ev.Decision), weights=(60, 22, 10, 8))[0]
        own = "Please try this: " + draft.text[: rng.randrange(5, 40)]
        decided = ev.ReviewDecided(
            draft_id=draft_id,
            version=1,
            decision=decision,
            by=by,
            text=own if decision in (ev.Decision.EDIT, ev.Decision.REJECT) else "",
            reason=rng.choice(REASONS) if decision is ev.Decision.REJECT else "",
            seconds=seconds,
        )
        if decision is ev.Decision.TAKE_OVER:
            self._add(decided, ev.TakenOver(by=by))
            self._pass(20, 400)
            self._add(ev.Sent(author=Author.AGENT, text="Hello, I am here.", by=by, pulled=True))
            self._pass(20, 400)
            self._add(ev.HandedBack(by=by))
            return
        if decision is ev.Decision.APPROVE:
            sent = ev.Sent(
                author=Author.AI,
                text=draft.text,
                citations=draft.citations,
                by=by,
                draft_id=draft_id,
                answers=answers,
                pulled=True,
            )
        else:
            sent = ev.Sent(
                author=Author.AGENT,
                text=own,
                by=by,
                draft_id=draft_id,
                answers=answers,
                pulled=True,
            )
        self._add(decided, sent)

    def _draft(self) -> Draft:
        rng = self._rng
        title = f"{self._topic.title()} {rng.randrange(1, 5)}"
        failed = rng.random() < 0.04
        return Draft(
            text=f"This is what we know about {self._topic}: press Settings, then Reset.",
            citations=(Citation(id=title.lower(), title=title),),
            confidence=rng.random(),
            signals={"tokens_in": float(rng.randrange(300, 900)), "tokens_out": 120.0},
            reasons=(Reason.MODEL_TIMEOUT,) if failed else (),
            topic=self._topic,
            locale=self._locale,
            answerer="extractive" if failed else "openai:small",
            stages={"search": 0.02, "model": rng.uniform(0.3, 1.4)},
        )

    def _pass(self, least: float, most: float) -> float:
        seconds = round(self._rng.uniform(least, most), 3)
        self._at += timedelta(seconds=seconds)
        return seconds

    def _add(self, *events: ev.Event) -> None:
        self._commits.append(
            ev.Commit(conversation_id=self._id, base=self._next, at=self._at, events=events)
        )
        self._next += len(events)
