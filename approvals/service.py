"""All that staff may do in conversations; every face (console, API, Slack) calls this one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from approvals.model import (
    MAX_TEXT,
    Ruled,
    Ruling,
    TooLate,
    conversation_of,
    given_to,
)
from approvals.reading import Drain, InHands, Reading
from approvals.rulings import (
    Rulings,
    check_exists,
    check_held,
    check_ruling,
    check_text,
    check_version,
    is_supervisor,
)
from approvals.store import ApprovalStore
from core import events as ev
from core.accounts.rules import Action, User
from core.clock import Clock
from core.conversations import Conversation, Held, Review, Status
from core.errors import AlreadyDecided, BadInput, NotFound, NotYours
from core.events import Decision, Event, Notice
from core.ports import AlreadyAccepted, Signal
from core.repository import Change, Conversations
from core.speech import Speech
from core.wording import Words

log = logging.getLogger(__name__)

FindUser = Callable[[str], Awaitable[User | None]]
"""A member of staff by e-mail."""


class _Gone(NotFound):
    """The draft does not wait any more; why stands in the log."""


class ApprovalService(Reading):
    """Decisions and conversations in people's hands.

    Each act is one compare-and-set on the conversation: a decision and the message it sends are
    stored together or not at all, and of two who act at once the second learns who was first.
    """

    def __init__(
        self,
        *,
        conversations: Conversations,
        store: ApprovalStore,
        in_hands: InHands,
        drain: Drain,
        speech: Speech,
        words: Words,
        clock: Clock,
        wake: Callable[[str], None],
        find_user: FindUser,
        many_notices: Callable[[str], bool],
        undo_seconds: float = 0.0,
    ) -> None:
        """`many_notices` says whether a channel (by id) takes notices that are merely polite;
        a decision can be taken back for `undo_seconds`, until which nothing is sent.
        """
        super().__init__(
            conversations=conversations, store=store, in_hands=in_hands, drain=drain, clock=clock
        )
        self._speech = speech
        self._rulings = Rulings(
            speech=speech,
            words=words,
            clock=clock,
            many_notices=many_notices,
            undo_seconds=undo_seconds,
        )
        self._wake = wake
        self._find_user = find_user

    # The draft

    async def claim(self, user: User, approval_id: str) -> int:
        """Say that one works on this draft; gives its version from now on.

        A claim is a sign to colleagues, not a lock. Raises NotYours while a colleague's claim
        stands (supervisors may move it), AlreadyDecided when it is too late.
        """
        user.require(Action.DRAFT_CLAIM)

        def decide(c: Conversation) -> Sequence[Event]:
            review = _waiting(c, approval_id)
            if review.claimed_by == user.email:
                return ()
            if review.claimed_by and not is_supervisor(user):
                raise NotYours(held_by=review.claimed_by)
            return (_claim(review, by=user.email),)

        return await self._claimed(approval_id, decide)

    async def release(self, user: User, approval_id: str) -> int:
        """Take one's claim back; gives the version from now on. Raises as `claim` does."""
        user.require(Action.DRAFT_CLAIM)

        def decide(c: Conversation) -> Sequence[Event]:
            review = _waiting(c, approval_id)
            if not review.claimed_by:
                return ()
            if review.claimed_by != user.email and not is_supervisor(user):
                raise NotYours(held_by=review.claimed_by)
            return (_claim(review, by=""),)

        return await self._claimed(approval_id, decide)

    async def decide(self, user: User, approval_id: str, ruling: Ruling, *, version: int) -> Ruled:
        """Decide about a draft that was read at this version, and send what follows.

        Raises AlreadyDecided (who was first, oneself included), ChangedSince when a colleague
        claimed the draft after it was read, BadInput when the ruling lacks its text.
        """
        user.require(Action.DRAFT_DECIDE)
        check_ruling(ruling)

        def decide(c: Conversation) -> Sequence[Event]:
            review = _waiting(c, approval_id)
            check_version(review, version, user)
            return self._rulings.ruled(c, review, ruling, user)

        change = await self._update_draft(approval_id, decide)
        assert change.commit is not None
        sent = [i.seq for i in change.commit.numbered() if isinstance(i.event, ev.Sent)]
        return Ruled(
            approval_id=approval_id,
            conversation_id=change.after.id,
            decision=ruling.decision,
            by=user.email,
            at=change.commit.at,
            sent_seq=sent[0] if sent else None,
        )

    async def undo(self, user: User, approval_id: str) -> None:
        """Take a decision back while what it sends is held; the draft waits again.

        Raises TooLate once it has gone out, NotYours for a colleague's decision.
        """
        user.require(Action.DRAFT_DECIDE)

        def decide(c: Conversation) -> Sequence[Event]:
            held = c.held
            if c.review is not None and c.review.draft_id == approval_id:
                return ()  # the second press
            if held is None or held.draft_id != approval_id or self._clock.now() >= held.until:
                raise TooLate
            by = c.last_decision.by if c.last_decision else ""
            if by != user.email and not is_supervisor(user):
                raise NotYours(held_by=by)
            return (_undone(held, user),)

        await self._act(conversation_of(approval_id), decide)

    # The conversation

    async def take_over(self, user: User, conversation_id: str) -> None:
        """Speak with the customer oneself; the assistant is silent until `hand_back`.

        A draft that waits is decided by it. Raises NotYours when a colleague holds the
        conversation; a supervisor takes it over from him.
        """
        user.require(Action.CONVERSATION_REPLY)

        def decide(c: Conversation) -> Sequence[Event]:
            check_exists(c)
            if c.assignee == user.email:
                return ()
            if c.assignee and not is_supervisor(user):
                raise NotYours(held_by=c.assignee)
            happened: list[Event] = []
            if c.status is Status.RESOLVED:
                happened.append(ev.Reopened())
            review = c.review
            if c.held is not None and c.held.review is not None:
                # What was about to go out is withdrawn: from here on a person speaks.
                undone = _undone(c.held, user)
                happened.append(undone)
                review = replace(c.held.review, version=undone.version)
            if review is not None:
                ruling = Ruling(decision=Decision.TAKE_OVER)
                happened.append(self._rulings.decided(review, ruling, user))
            return [*happened, *self._rulings.joined(c, user)]

        await self._act(conversation_id, decide)

    async def reply(
        self, user: User, conversation_id: str, text: str, *, client_id: str = ""
    ) -> int:
        """Send the customer this text, unchanged; gives its number.

        The same `client_id` again is the same reply. Raises NotTakenOver, NotYours, BadInput.
        """
        user.require(Action.CONVERSATION_REPLY)
        check_text(text)
        key = reply_key(conversation_id, user, client_id=client_id) if client_id else ""

        def decide(c: Conversation) -> Sequence[Event]:
            check_held(c, user, strictly=True)
            return (self._speech.person(c, text, by=user.email),)

        try:
            change = await self._act(conversation_id, decide, key=key)
        except AlreadyAccepted as known:
            self._wake(conversation_id)
            return known.commit.base
        assert change.commit is not None
        return change.commit.base

    async def hand_back(self, user: User, conversation_id: str) -> None:
        """Let the assistant speak again, and tell the customer. Raises NotTakenOver, NotYours."""
        user.require(Action.CONVERSATION_REPLY)

        def decide(c: Conversation) -> Sequence[Event]:
            check_held(c, user)
            return [
                ev.HandedBack(by=user.email),
                *self._rulings.polite(c, Notice.PERSON_LEFT, by=user.email),
            ]

        await self._act(conversation_id, decide)

    async def resolve(self, user: User, conversation_id: str) -> None:
        """Close the matter, and tell the customer. Raises NotTakenOver, NotYours."""
        user.require(Action.CONVERSATION_REPLY)

        def decide(c: Conversation) -> Sequence[Event]:
            check_held(c, user)
            return [
                ev.Resolved(by=user.email),
                *self._rulings.polite(c, Notice.RESOLVED, by=user.email),
            ]

        await self._act(conversation_id, decide)

    async def transfer(self, user: User, conversation_id: str, *, to: str, note: str = "") -> None:
        """Give a conversation one holds to a colleague, with a note that only staff sees.

        Raises BadInput when there is no such colleague, NotTakenOver, NotYours.
        """
        user.require(Action.CONVERSATION_TRANSFER)
        colleague = await self._find_user(to.strip().lower())
        if colleague is None:
            raise BadInput(f"There is no colleague {to!r}.")
        words = note.strip()[:MAX_TEXT]

        def decide(c: Conversation) -> Sequence[Event]:
            check_held(c, user)
            if c.assignee == colleague.email:
                return ()
            # The customer is not told: who writes next shows by itself, and may be a while.
            moved = ev.Noted(by=user.email, text=given_to(user.email, colleague.email))
            noted = [ev.Noted(by=user.email, text=words)] if words else []
            return [ev.TakenOver(by=colleague.email), moved, *noted]

        await self._act(conversation_id, decide)

    async def note(
        self, user: User, conversation_id: str, text: str, *, client_id: str = ""
    ) -> int:
        """Write something that only staff sees; gives its number. Once for each `client_id`."""
        user.require(Action.CONVERSATION_REPLY)
        check_text(text)
        key = "\x1f".join(("note", conversation_id, user.id, client_id)) if client_id else ""

        def decide(c: Conversation) -> Sequence[Event]:
            check_exists(c)
            return (ev.Noted(by=user.email, text=text),)

        try:
            change = await self._act(conversation_id, decide, key=key)
        except AlreadyAccepted as known:
            return known.commit.base
        assert change.commit is not None
        return change.commit.base

    def typing(self, user: User, conversation_id: str) -> None:
        """Show the customer, for a moment, that a person is writing."""
        user.require(Action.CONVERSATION_REPLY)
        self._conversations.signal(
            Signal(conversation_id=conversation_id, kind="typing", text="agent")
        )

    # Writing

    async def _claimed(
        self, approval_id: str, decide: Callable[[Conversation], Sequence[Event]]
    ) -> int:
        change = await self._update_draft(approval_id, decide)
        assert change.after.review is not None
        return change.after.review.version

    async def _update_draft(
        self, approval_id: str, decide: Callable[[Conversation], Sequence[Event]]
    ) -> Change:
        conversation_id = conversation_of(approval_id)
        try:
            return await self._act(conversation_id, decide)
        except _Gone:
            raise await self._why_gone(approval_id) from None

    async def _act(
        self,
        conversation_id: str,
        decide: Callable[[Conversation], Sequence[Event]],
        *,
        key: str = "",
    ) -> Change:
        change = await self._conversations.update(conversation_id, decide, key=key)
        if change.commit is not None:
            self._wake(conversation_id)
        return change

    async def _why_gone(self, approval_id: str) -> AlreadyDecided | NotFound:
        approval = await self.recall(approval_id)
        return NotFound() if approval is None else self.too_late(approval)


def reply_key(conversation_id: str, user: User, *, client_id: str) -> str:
    """By which the log knows this reply again."""
    return "\x1f".join(("reply", conversation_id, user.id, client_id))


def _waiting(c: Conversation, approval_id: str) -> Review:
    if c.review is None or c.review.draft_id != approval_id:
        raise _Gone
    return c.review


def _undone(held: Held, user: User) -> ev.DecisionUndone:
    version = held.review.version + 1 if held.review else 1
    return ev.DecisionUndone(draft_id=held.draft_id, version=version, by=user.email)


def _claim(review: Review, *, by: str) -> ev.ReviewClaimed:
    return ev.ReviewClaimed(draft_id=review.draft_id, version=review.version + 1, by=by)
