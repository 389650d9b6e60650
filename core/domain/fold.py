"""The fold of a conversation: its state after each event; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from core.domain import events as ev
from core.domain import fold_messages as messages
from core.domain import fold_reviews as reviews
from core.domain.conversation import (
    Conversation,
    Held,
    LastDecision,
    Outgoing,
    Review,
    Status,
)
from core.domain.messages import DeliveryState
from core.domain.standing import KEEPS_STATUS, status_after


def fold_commit(state: Conversation, commit: ev.Commit) -> Conversation:
    """The state after these events. The commit must follow this state directly."""
    after = state
    for item in commit.numbered():
        after = _apply(after, item)
    accepted = after.accepting(commit.key) if commit.key else after.accepted
    # Within one commit a draft may be replaced by another: what counts is how it ends.
    assigned = after.assigned if after.status is Status.REVIEW else ""
    return replace(
        after, seq=commit.last, updated_at=commit.at, accepted=accepted, assigned=assigned
    )


def _apply(c: Conversation, item: ev.Numbered) -> Conversation:
    after = _folded(c, item)
    if type(item.event) in KEEPS_STATUS:
        return after
    waits = bool(after.reviews or after.holds)
    return replace(after, status=status_after(c.status, item.event, waits=waits))


def _folded(c: Conversation, item: ev.Numbered) -> Conversation:
    """All but the status, which `status_after` says."""
    match item.event:
        case ev.Received() as e:
            after = messages.received(c, item, e)
            return after if e.silent else _awake(after)
        case ev.AttachmentFetched():
            return c
        case ev.AttachmentRead() as e:
            return messages.read(c, e)
        case ev.Sent() as e:
            return messages.sent(c, item, e)
        case ev.Edited() as e:
            return messages.edited(c, item, e)
        case ev.Deleted() as e:
            return messages.deleted(c, e)
        case ev.Started() as e:
            return replace(
                c,
                address=e.address,
                sender=e.sender,
                locale=e.locale,
                started_at=item.at,
                erased=False,
            )
        case ev.LocaleChosen() as e:
            return replace(c, locale=e.locale)
        case ev.ConsentChanged() as e:
            return replace(
                c,
                opted_out=e.opted_out,
                consent=e,
                consent_at=item.at,
                unanswered=tuple(u for u in c.unanswered if u.seq not in e.settles),
            )
        case ev.PersonRequested():
            return replace(c, person_requested=True)
        case ev.ReviewRequested() as e:
            review = Review(
                draft_id=e.draft_id,
                version=e.version,
                question=e.question,
                draft=e.draft,
                reasons=e.reasons,
                requested_at=item.at,
                deadline=e.deadline,
                answers=e.answers,
                since=e.since,
                quoted=e.quoted,
            )
            return replace(c, reviews=(*c.reviews, review), hint="", hint_for=())
        case ev.ReviewExtended() as e:
            return reviews.extended(c, e)
        case ev.ReviewOutdated() as e:
            return reviews.outdated(c, e)
        case ev.ReviewRedrafted() as e:
            return reviews.redrafted(c, e)
        case ev.ReviewClaimed() as e:
            return reviews.with_review(c, e.draft_id, claimed_by=e.by, version=e.version)
        case ev.ReviewReminded() as e:
            return reviews.with_review(c, e.draft_id, step=e.step)
        case ev.ReviewEscalated() as e:
            return reviews.with_review(c, e.draft_id, step=3)
        case ev.ReviewSuperseded() as e:
            return replace(c, reviews=reviews.without(c.reviews, e.draft_id))
        case ev.ReviewDecided() as e:
            decided = LastDecision(
                draft_id=e.draft_id, decision=e.decision.value, by=e.by, at=item.at
            )
            rest = reviews.without(c.reviews, e.draft_id)
            return replace(c, reviews=rest, last_decision=decided, turns=0, cited=())
        case ev.SendHeld() as e:
            review_of = c.review_of(e.draft_id)
            held = Held(draft_id=e.draft_id, sent=e.sent, until=e.until, review=review_of)
            return replace(c, holds=tuple(sorted((*c.holds, held), key=lambda h: h.until)))
        case ev.SendReleased() as e:
            return replace(c, holds=reviews.without(c.holds, e.draft_id))
        case ev.DecisionUndone() as e:
            return reviews.undone(c, e)
        case ev.RetryRequested() as e:
            return replace(c, hint=e.hint, hint_for=e.answers)
        case ev.TakenOver() as e:
            # What nobody has answered stays so until this person does.
            return replace(
                _awake(c),
                assignee=e.by,
                held_since=item.at,
                held_step=0,
                reviews=(),
                holds=(),
                hint="",
                hint_for=(),
                person_requested=False,
                turns=0,
                cited=(),
            )
        case ev.HandedBack() as e:
            left = tuple(u for u in c.unanswered if u.seq not in e.settles)
            return replace(
                _awake(c),
                assignee="",
                held_since=None,
                held_step=0,
                unanswered=left,
                turns=0,
                cited=(),
            )
        case ev.HolderReminded() as e:
            return replace(c, held_step=e.step)
        case ev.Resolved() as e:
            return replace(
                _awake(c),
                assignee="",
                held_since=None,
                held_step=0,
                reviews=(),
                holds=(),
                hint="",
                hint_for=(),
                unanswered=(),
                person_requested=False,
                turns=0,
                cited=(),
            )
        case ev.Reopened():
            # What was closed is no part of what comes now.
            return replace(c, memory=())
        case ev.DeliveryStarted() as e:
            c = replace(c, disclosed=e.seq if e.disclosure else c.disclosed)
            return _with_outgoing(
                c,
                e.seq,
                state=DeliveryState.SENDING,
                attempt=e.attempt,
                retry_at=None,
                fence=e.fence,
            )
        case ev.DeliveryRecorded() as e:
            if e.seq == c.disclosed and e.state in (DeliveryState.FAILED, DeliveryState.DROPPED):
                c = replace(c, disclosed=0)  # nobody has read it
            if e.state in (DeliveryState.QUEUED, DeliveryState.SENDING):
                return _with_outgoing(
                    c,
                    e.seq,
                    state=e.state,
                    retry_at=e.retry_at,
                    parts_done=e.parts_done,
                    awaits_customer=e.awaits_customer,
                )
            return replace(c, outgoing=tuple(o for o in c.outgoing if o.seq != e.seq))
        case ev.DeliveryRequeued() as e:
            again = Outgoing(
                seq=e.seq, at=item.at, author=e.author, by_person=bool(e.by), place=c.place
            )
            return replace(c, outgoing=(*c.outgoing, again))
        case ev.AddressMoved() as e:
            return replace(c, address=e.address)
        case ev.Erased() as e:
            return Conversation(
                id=c.id,
                locale=c.locale,
                opted_out=e.opted_out,
                erased=True,
                erased_at=item.at,
            )
        case ev.Tagged() as e:
            tags = {*c.tags, *e.added}.difference(e.removed)
            return replace(c, tags=tuple(sorted(tags)))
        case ev.Assigned() as e:
            return replace(c, assigned=e.to)
        case ev.Snoozed() as e:
            return replace(c, snoozed_by=e.by, snoozed_until=e.until)
        case ev.Woken():
            return _awake(c)
        case ev.Rated() | ev.Noted() | ev.Reacted():
            return c
        case ev.UnknownEvent():
            return replace(c, unknown=c.unknown or item.seq)
        case ev.Event():
            raise AssertionError(f"no rule folds {type(item.event).__name__}")
        case _:
            assert_never(item.event)


def _awake(c: Conversation) -> Conversation:
    return replace(c, snoozed_by="", snoozed_until=None) if c.snoozed_by else c


def _with_outgoing(
    c: Conversation,
    seq: int,
    *,
    state: DeliveryState,
    attempt: int | None = None,
    retry_at: datetime | None = None,
    parts_done: int | None = None,
    awaits_customer: bool = False,
    fence: int | None = None,
) -> Conversation:
    return replace(
        c,
        outgoing=tuple(
            replace(
                o,
                state=state,
                attempt=o.attempt if attempt is None else attempt,
                retry_at=retry_at,
                parts_done=o.parts_done if parts_done is None else max(parts_done, o.parts_done),
                awaits_customer=awaits_customer,
                fence=o.fence if fence is None else fence,
            )
            if o.seq == seq
            else o
            for o in c.outgoing
        ),
    )
