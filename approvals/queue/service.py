"""The approvals service that every face (console, API, Slack) calls."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

from approvals.queue.decisions import (
    Rulings,
    check_exists,
    check_free,
    check_held,
    check_ruling,
    check_text,
    check_version,
    cleaned,
    consent_set,
    is_elsewhere,
    is_supervisor,
    released_now,
    undone,
)
from approvals.queue.model import (
    MAX_TEXT,
    Ruled,
    Ruling,
    TooLate,
    conversation_of,
    given_to,
)
from approvals.queue.queries import Drain, InHands, Reading
from approvals.queue.store import ApprovalStore
from core.accounts.roles import Action, User
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Review, Status
from core.domain.events import Decision, Event, Notice
from core.domain.messages import Attachment
from core.engine.ports import AlreadyAccepted, Signal
from core.engine.processing.draft_merging import wants_nothing
from core.engine.replies import Replies
from core.engine.repository import Change, Conversations
from core.errors import AlreadyDecided, BadInput, NotFound, NotYours, StoreUnavailable
from core.i18n import Words
from core.text.sanitize import is_blank, sanitize

log = logging.getLogger(__name__)

FindUser = Callable[[str], Awaitable[User | None]]
"""A member of staff by e-mail."""

Mentioned = Callable[[str], Awaitable[tuple[str, ...]]]
"""E-mails of the colleagues whom a note names."""


async def nobody_mentioned(text: str) -> tuple[str, ...]:
    """Names are only words."""
    del text
    return ()


class _Gone(NotFound):
    """The draft does not wait any more; why stands in the log."""


class ApprovalService(Reading):
    """Decides drafts and acts in conversations; each method checks the user's right.

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
        replies: Replies,
        words: Words,
        clock: Clock,
        wake: Callable[[str], None],
        find_user: FindUser,
        many_notices: Callable[[str], bool],
        undo_seconds: float = 0.0,
        look: Callable[[str], Awaitable[None]] | None = None,
        mentioned: Mentioned = nobody_mentioned,
    ) -> None:
        """`look` notes whether the sources of a draft have changed, before it is approved.

        `many_notices` says whether a channel (by id) takes notices that are merely polite;
        a decision can be taken back for `undo_seconds`, until which nothing is sent.
        """
        super().__init__(
            conversations=conversations, store=store, in_hands=in_hands, drain=drain, clock=clock
        )
        self._replies = replies
        self._rulings = Rulings(
            replies=replies,
            words=words,
            clock=clock,
            many_notices=many_notices,
            undo_seconds=undo_seconds,
        )
        self._look = look
        self._wake = wake
        self._find_user = find_user
        self._mentioned = mentioned

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
            claimed = _claim(review, by=user.email)
            if c.told is Notice.BEING_REVIEWED:
                return (claimed,)
            # Only now is it true that somebody looks at it.
            looking = self._rulings.polite(c, Notice.BEING_REVIEWED, by=user.email)
            return (claimed, *looking)

        return await self._claimed(approval_id, decide)

    async def supervisors_told(self, approval_id: str) -> None:
        """Supervisors were called about this overdue draft: the customer hears of it, once."""

        def decide(c: Conversation) -> Sequence[Event]:
            if c.review_of(approval_id) is None or c.erased:
                return ()
            return self._rulings.polite(c, Notice.SUPERVISOR_TOLD, by="")

        key = "\x1f".join(("supervisors told", approval_id))
        with contextlib.suppress(AlreadyAccepted):
            await self._act(conversation_of(approval_id), decide, key=key)

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
        claimed the draft, or a source of it changed, after it was read; BadInput when the ruling
        lacks its text. Approved with the version from after a change it stands.
        """
        user.require(Action.DRAFT_DECIDE)
        ruling = cleaned(ruling)
        check_ruling(ruling)
        if self._look is not None and ruling.decision is Decision.APPROVE:
            await self._look(approval_id)

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
            held = c.held_of(approval_id)
            if c.review_of(approval_id) is not None:
                return ()  # the second press
            if held is None or self._clock.now() >= held.until:
                raise TooLate
            by = c.last_decision.by if c.last_decision else ""
            if by != user.email and not is_supervisor(user):
                raise NotYours(held_by=by)
            return (undone(held, user),)

        await self._act(conversation_of(approval_id), decide)

    # The conversation

    async def take_over(self, user: User, conversation_id: str) -> None:
        """Speak with the customer oneself; the assistant is silent until `hand_back`.

        The drafts that wait are decided by it. Raises NotYours when a colleague holds the
        conversation; a supervisor takes it over from them.
        """
        user.require(Action.CONVERSATION_REPLY)

        def decide(c: Conversation) -> Sequence[Event]:
            check_exists(c)
            if c.assignee == user.email:
                return ()
            if c.assignee and not (is_supervisor(user) or is_elsewhere(c.assignee)):
                raise NotYours(held_by=c.assignee)
            happened: list[Event] = []
            if c.status is Status.RESOLVED:
                happened.append(ev.Reopened())
            return [*happened, *self._rulings.taken_over(c, user)]

        await self._act(conversation_id, decide)

    async def reply(
        self,
        user: User,
        conversation_id: str,
        text: str,
        *,
        client_id: str = "",
        attachments: tuple[Attachment, ...] = (),
    ) -> int:
        """Send the customer this text, unchanged, and these files; gives its number.

        The same `client_id` again is the same reply. Raises NotTakenOver, NotYours, BadInput.
        """
        user.require(Action.CONVERSATION_REPLY)
        if not (is_blank(text) and attachments):
            check_text(text)
        key = reply_key(conversation_id, user, client_id=client_id) if client_id else ""

        def decide(c: Conversation) -> Sequence[Event]:
            check_held(c, user, strictly=True)
            return (self._replies.person(c, text, by=user.email, attachments=attachments),)

        try:
            change = await self._act(conversation_id, decide, key=key)
        except AlreadyAccepted as known:
            self._wake(conversation_id)
            return known.commit.base
        assert change.commit is not None
        return change.commit.base

    async def hand_back(self, user: User, conversation_id: str) -> None:
        """Let the assistant speak again, and tell the customer; it takes up what nobody answered.

        Raises NotTakenOver, NotYours.
        """
        user.require(Action.CONVERSATION_REPLY)

        def decide(c: Conversation) -> Sequence[Event]:
            check_held(c, user)
            # Thanks and goodbyes want no answer from the assistant now.
            settles = tuple(u.seq for u in c.unanswered if wants_nothing(u.text))
            return [
                ev.HandedBack(by=user.email, settles=settles),
                *self._rulings.polite(c, Notice.PERSON_LEFT, by=user.email),
            ]

        await self._act(conversation_id, decide)

    async def resolve(self, user: User, conversation_id: str) -> None:
        """Close the matter, and tell the customer; what waits or is closed already ends with it.

        Any agent may, unless a colleague holds the conversation. Raises NotYours.
        """
        user.require(Action.CONVERSATION_REPLY)

        def decide(c: Conversation) -> Sequence[Event]:
            check_free(c, user)
            if c.status is Status.RESOLVED:
                return ()
            # What was decided goes out, whoever might have taken it back.
            return [
                *released_now(c),
                ev.Resolved(by=user.email),
                *self._rulings.polite(c, Notice.RESOLVED, by=user.email),
            ]

        await self._act(conversation_id, decide)

    async def transfer(self, user: User, conversation_id: str, *, to: str, note: str = "") -> None:
        """Give a conversation to a colleague, with a note that only staff sees.

        It is one's own, or nobody's: then the drafts that wait there are decided by it.
        Raises BadInput when there is no such colleague, NotYours.
        """
        user.require(Action.CONVERSATION_TRANSFER)
        colleague = await self._find_user(to.strip().lower())
        if colleague is None:
            raise BadInput(f"There is no colleague {to!r}.")
        words = sanitize(note).strip()[:MAX_TEXT]
        mentions = await self._mentioned(words)

        def decide(c: Conversation) -> Sequence[Event]:
            check_free(c, user)
            if c.assignee == colleague.email:
                return ()
            before: Sequence[Event] = ()
            if not c.assignee:
                reopened = (ev.Reopened(),) if c.status is Status.RESOLVED else ()
                before = (*reopened, *self._rulings.withdrawn(c, user))
            # The customer is not told: who writes next shows by itself, and may be a while.
            moved = ev.Noted(by=user.email, text=given_to(user.email, colleague.email))
            noted = [ev.Noted(by=user.email, text=words, mentions=mentions)] if words else []
            taken = ev.TakenOver(by=colleague.email, given_by=user.email)
            return [*before, taken, moved, *noted]

        await self._act(conversation_id, decide)

    async def note(
        self, user: User, conversation_id: str, text: str, *, client_id: str = ""
    ) -> int:
        """Write something that only staff sees; gives its number. Once for each `client_id`.

        Colleagues whom it names by `@` are told.
        """
        user.require(Action.CONVERSATION_REPLY)
        check_text(text)
        text = sanitize(text)
        mentions = await self._mentioned(text)
        key = "\x1f".join(("note", conversation_id, user.id, client_id)) if client_id else ""

        def decide(c: Conversation) -> Sequence[Event]:
            check_exists(c)
            return (ev.Noted(by=user.email, text=text, mentions=mentions),)

        try:
            change = await self._act(conversation_id, decide, key=key)
        except AlreadyAccepted as known:
            return known.commit.base
        assert change.commit is not None
        return change.commit.base

    async def set_consent(
        self, user: User, conversation_id: str, *, opted_out: bool, reason: str
    ) -> None:
        """Say whether the customer wants messages, and how one knows; audited.

        Of a phone number it holds in all its conversations. Set as it is already, it stays so.
        Raises BadInput without a reason.
        """
        user.require(Action.CONSENT_CHANGE)
        check_text(reason)

        def decide(c: Conversation) -> Sequence[Event]:
            check_exists(c)
            if c.opted_out is opted_out:
                return ()
            return (consent_set(user, opted_out=opted_out, reason=sanitize(reason).strip()),)

        await self._act(conversation_id, decide)

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
        return _waiting(change.after, approval_id).version

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
        try:
            change = await self._conversations.update(conversation_id, decide, key=key)
        except StoreUnavailable:
            # It may be decided nevertheless, and whoever presses again hears only that.
            self._wake(conversation_id)
            raise
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
    review = c.review_of(approval_id)
    if review is None:
        raise _Gone
    return review


def _claim(review: Review, *, by: str) -> ev.ReviewClaimed:
    return ev.ReviewClaimed(draft_id=review.draft_id, version=review.version + 1, by=by)
