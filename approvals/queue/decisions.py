"""Turns a person's ruling into events: pure rules over a conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from approvals.queue.model import MAX_TEXT, ChangedSince, NotTakenOver, Ruling, Then
from core.accounts.roles import Role, User
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Held, Review, Status
from core.domain.drafts import Reason
from core.domain.events import Decision, Event, Notice
from core.engine.replies import Replies
from core.errors import BadInput, NotFound, NotYours
from core.i18n import Words
from core.text.sanitize import is_blank, sanitize


class Rulings:
    """Turns rulings into events; a decision and what it sends are always one sequence."""

    def __init__(
        self,
        *,
        replies: Replies,
        words: Words,
        clock: Clock,
        many_notices: Callable[[str], bool],
        undo_seconds: float = 0.0,
    ) -> None:
        """`many_notices` says whether a channel (by id) takes notices that are merely polite;
        what a decision sends is held for `undo_seconds`.
        """
        self._replies = replies
        self._words = words
        self._clock = clock
        self._many_notices = many_notices
        self._undo = timedelta(seconds=undo_seconds)

    def ruled(self, c: Conversation, review: Review, ruling: Ruling, user: User) -> Sequence[Event]:
        """The decision and everything it causes, held back as long as it may be taken back.

        Raises BadInput when there is no draft to approve.
        """
        decided, *caused = self._caused(c, review, ruling, user)
        asked = ruling.undo_seconds
        undo = self._undo if asked is None else timedelta(seconds=asked)
        if undo and len(caused) == 1 and isinstance(caused[0], ev.Sent):
            until = self._clock.now() + undo
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
                    answer = self._replies.answer(
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
                return (decided, *self._joined(c, user, but=review))
            case _:
                assert_never(ruling.decision)

    def _rejected(
        self, c: Conversation, review: Review, ruling: Ruling, user: User
    ) -> Sequence[Event]:
        match ruling.then:
            case Then.RETRY:
                retried = ev.RetryRequested(by=user.email, hint=ruling.hint, answers=review.answers)
                return (retried,)
            case Then.TAKE_OVER:
                return self._joined(c, user, but=review)
            case Then.OPT_OUT:
                return (
                    consent_set(user, opted_out=True, reason=ruling.reason, settles=review.answers),
                )
            case Then.TELL if ruling.text.strip():
                return (self._own(c, review, ruling.text, user),)
            case Then.TELL:
                told = self._replies.notice(
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
        return self._replies.person(
            c, text, by=user.email, answers=review.answers, draft_id=review.draft_id
        )

    def taken_over(self, c: Conversation, user: User) -> Sequence[Event]:
        """A person speaks from here on: all drafts are decided by it, whatever was decided."""
        return self._joined(c, user)

    def _joined(self, c: Conversation, user: User, *, but: Review | None = None) -> Sequence[Event]:
        """`but` is decided already."""
        name = user.name or self._words.text("notices.a_colleague", c.locale)
        return [
            *self.withdrawn(c, user, but=but),
            ev.TakenOver(by=user.email),
            *self.polite(c, Notice.PERSON_JOINED, by=user.email, values={"name": name}),
        ]

    def withdrawn(
        self, c: Conversation, user: User, *, but: Review | None = None
    ) -> Sequence[Event]:
        """All drafts that wait, and what was about to go out, are decided by a take-over."""
        happened: list[Event] = []
        reviews = [r for r in c.reviews if r is not but]
        for held in c.holds:
            # What was about to go out is withdrawn.
            back = undone(held, user)
            happened.append(back)
            if held.review is not None:
                reviews.append(replace(held.review, version=back.version))
        ruling = Ruling(decision=Decision.TAKE_OVER)
        happened += [self.decided(review, ruling, user) for review in reviews]
        return happened

    def polite(
        self, c: Conversation, notice: Notice, *, by: str, values: dict[str, str] | None = None
    ) -> Sequence[Event]:
        """A notice, where telling costs the customer and us nothing."""
        if not self._many_notices(c.channel):
            return ()
        return (self._replies.notice(c, notice, by=by, values=values),)


def consent_set(
    user: User, *, opted_out: bool, reason: str, settles: tuple[int, ...] = ()
) -> ev.ConsentChanged:
    """A person says what the customer wants; the reason is for colleagues and the audit."""
    return ev.ConsentChanged(
        opted_out=opted_out,
        source=ev.ConsentSource.AGENT,
        by=user.email,
        reason=reason,
        settles=settles,
    )


def released_now(c: Conversation) -> Sequence[Event]:
    """Whatever is held back goes out; the first of it says that an AI writes, if nothing has."""
    released: list[Event] = []
    for held in c.holds:
        told = bool(c.disclosed or released)
        sent = replace(held.sent, disclosure="") if told else held.sent
        released += [ev.SendReleased(draft_id=held.draft_id), sent]
    return released


def undone(held: Held, user: User) -> ev.DecisionUndone:
    """A decision is taken back."""
    version = held.review.version + 1 if held.review else 1
    return ev.DecisionUndone(draft_id=held.draft_id, version=version, by=user.email)


def check_version(review: Review, version: int, user: User) -> None:
    """What a person decides is what they have read: every change gives another version.

    One's own claim is no surprise to oneself: the version from before it is still good, if nothing
    else has changed. Whoever has seen a colleague's claim (the version is current) may decide all
    the same.
    """
    own_claim = review.claimed_by == user.email and version == review.version - 1
    if version == review.version or (own_claim and version >= review.written):
        return
    others = review.claimed_by not in ("", user.email)
    source = version < review.written and Reason.SOURCE_CHANGED in review.reasons
    raise ChangedSince(by=review.claimed_by, claimed=others, outdated=source)


def _is_own_text(ruling: Ruling) -> bool:
    if ruling.decision is Decision.REJECT:
        return ruling.then is Then.TELL and bool(ruling.text.strip())
    return ruling.decision is Decision.EDIT


def cleaned(ruling: Ruling) -> Ruling:
    """The same without what nobody sees: colleagues read it, and the assistant learns from it."""
    return replace(
        ruling,
        text=sanitize(ruling.text),
        reason=sanitize(ruling.reason),
        hint=sanitize(ruling.hint),
    )


def check_ruling(ruling: Ruling) -> None:
    if ruling.decision is Decision.EDIT or _is_own_text(ruling):
        check_text(ruling.text)
    if ruling.decision is Decision.REJECT and ruling.then is Then.RETRY:
        if is_blank(ruling.hint):
            raise BadInput("Say how the assistant should do it better.")
        check_text(ruling.hint)


def check_text(text: str) -> None:
    if is_blank(text):
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
    if is_elsewhere(c.assignee) and not strictly:
        return
    raise NotYours(held_by=c.assignee)


def check_free(c: Conversation, user: User) -> None:
    """Raises unless nobody holds the conversation, or the user does or may stand in."""
    check_exists(c)
    if c.assignee:
        check_held(c, user)


def is_elsewhere(assignee: str) -> bool:
    """Whether who holds a conversation does so at the vendor's, and has no account here."""
    return bool(assignee) and "@" not in assignee


def is_supervisor(user: User) -> bool:
    return user.role.includes(Role.SUPERVISOR)
