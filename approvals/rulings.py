"""What follows from a person's ruling: pure rules from a conversation to its next events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import assert_never

from approvals.model import MAX_TEXT, ChangedSince, NotTakenOver, Ruling, Then
from core import events as ev
from core.accounts.rules import Role, User
from core.clock import Clock
from core.conversations import Conversation, Review, Status
from core.errors import BadInput, NotFound, NotYours
from core.events import Decision, Event, Notice
from core.speech import Speech
from core.wording import Words


class Rulings:
    """Turns rulings into events; a decision and what it sends are always one sequence."""

    def __init__(
        self,
        *,
        speech: Speech,
        words: Words,
        clock: Clock,
        many_notices: Callable[[str], bool],
        undo_seconds: float = 0.0,
    ) -> None:
        """`many_notices` says whether a channel (by id) takes notices that are merely polite;
        what a decision sends is held for `undo_seconds`.
        """
        self._speech = speech
        self._words = words
        self._clock = clock
        self._many_notices = many_notices
        self._undo = timedelta(seconds=undo_seconds)

    def ruled(self, c: Conversation, review: Review, ruling: Ruling, user: User) -> Sequence[Event]:
        """The decision and everything it causes, held back as long as it may be taken back.

        Raises BadInput when there is no draft to approve.
        """
        decided, *caused = self._caused(c, review, ruling, user)
        if self._undo and len(caused) == 1 and isinstance(caused[0], ev.Sent):
            until = self._clock.now() + self._undo
            held = ev.SendHeld(draft_id=review.draft_id, sent=caused[0], until=until)
            return (held, decided)
        return (decided, *caused)

    def _caused(
        self, c: Conversation, review: Review, ruling: Ruling, user: User
    ) -> Sequence[Event]:
        decided = self.decided(review, ruling, user)
        sent = review.answers
        match ruling.decision:
            case Decision.APPROVE:
                if not review.draft.text.strip():
                    raise BadInput("There is no draft to approve; write the answer yourself.")
                if review.draft.citations:
                    answer = self._speech.answer(
                        c, review.draft, answers=sent, by=user.email, draft_id=review.draft_id
                    )
                    return (decided, answer)
                # Without a source the assistant does not speak; the person vouches for it.
                return (decided, self._own(c, review, review.draft.text, user))
            case Decision.EDIT:
                return (decided, self._own(c, review, ruling.text, user))
            case Decision.REJECT:
                return (decided, *self._rejected(c, review, ruling, user))
            case Decision.TAKE_OVER:
                return (decided, *self.joined(c, user))
            case _:
                assert_never(ruling.decision)

    def _rejected(
        self, c: Conversation, review: Review, ruling: Ruling, user: User
    ) -> Sequence[Event]:
        match ruling.then:
            case Then.RETRY:
                return (ev.RetryRequested(by=user.email, hint=ruling.hint),)
            case Then.TAKE_OVER:
                return self.joined(c, user)
            case Then.TELL if ruling.text.strip():
                return (self._own(c, review, ruling.text, user),)
            case Then.TELL:
                told = self._speech.notice(
                    c,
                    Notice.REJECTED,
                    by=user.email,
                    answers=review.answers,
                    draft_id=review.draft_id,
                )
                return (told,)
            case _:
                assert_never(ruling.then)

    def decided(self, review: Review, ruling: Ruling, user: User) -> ev.ReviewDecided:
        waited = (self._clock.now() - review.requested_at).total_seconds()
        return ev.ReviewDecided(
            draft_id=review.draft_id,
            version=review.version,
            decision=ruling.decision,
            by=user.email,
            text=ruling.text if _is_own_text(ruling) else "",
            reason=ruling.reason,
            seconds=max(0.0, waited),
            opened_sources=ruling.opened_sources,
            remember=ruling.remember,
        )

    def _own(self, c: Conversation, review: Review, text: str, user: User) -> ev.Sent:
        return self._speech.person(
            c, text, by=user.email, answers=review.answers, draft_id=review.draft_id
        )

    def joined(self, c: Conversation, user: User) -> Sequence[Event]:
        name = user.name or self._words.text("notices.a_colleague", c.locale)
        return [
            ev.TakenOver(by=user.email),
            *self.polite(c, Notice.PERSON_JOINED, by=user.email, values={"name": name}),
        ]

    def polite(
        self, c: Conversation, notice: Notice, *, by: str, values: dict[str, str] | None = None
    ) -> Sequence[Event]:
        """A notice, where telling costs the customer and us nothing."""
        if not self._many_notices(c.channel):
            return ()
        return (self._speech.notice(c, notice, by=by, values=values),)


def check_version(review: Review, version: int, user: User) -> None:
    """A draft's text never changes under its id, so only a colleague's claim can be missed.

    One's own claim is no surprise to oneself: the version from before it is still good. Whoever
    has seen a colleague's claim (the version is current) may decide all the same.
    """
    own_claim = review.claimed_by == user.email and version == review.version - 1
    if version != review.version and not own_claim:
        others = review.claimed_by not in ("", user.email)
        raise ChangedSince(by=review.claimed_by, claimed=others)


def _is_own_text(ruling: Ruling) -> bool:
    if ruling.decision is Decision.REJECT:
        return ruling.then is Then.TELL and bool(ruling.text.strip())
    return ruling.decision is Decision.EDIT


def check_ruling(ruling: Ruling) -> None:
    if ruling.decision is Decision.EDIT or _is_own_text(ruling):
        check_text(ruling.text)
    if ruling.decision is Decision.REJECT and ruling.then is Then.RETRY:
        if not ruling.hint.strip():
            raise BadInput("Say how the assistant should do it better.")
        check_text(ruling.hint)


def check_text(text: str) -> None:
    if not text.strip():
        raise BadInput("A text is needed.")
    if len(text) > MAX_TEXT:
        raise BadInput(f"At most {MAX_TEXT:,} characters; this is {len(text):,}.")


def check_exists(c: Conversation) -> None:
    if c.seq == 0 or c.erased:
        raise NotFound


def check_held(c: Conversation, user: User, *, strictly: bool = False) -> None:
    """Raises unless the user holds the conversation; supervisors stand in, but not to speak."""
    check_exists(c)
    if c.status is not Status.HUMAN or not c.assignee:
        raise NotTakenOver
    if c.assignee == user.email or (is_supervisor(user) and not strictly):
        return
    raise NotYours(held_by=c.assignee)


def is_supervisor(user: User) -> bool:
    return user.role.includes(Role.SUPERVISOR)
