"""What a refused act is told to the one who tried it: true, polite, in his language; pure."""

from __future__ import annotations

from approvals.blocks import safe
from approvals.cards import Looks
from approvals.model import ApprovalState, ChangedSince, NotTakenOver, TooLate, Withdrawn
from core.errors import (
    AlreadyDecided,
    BadInput,
    Forbidden,
    NotFound,
    NotYours,
    StoreUnavailable,
)


def truth(error: Exception, looks: Looks, *, me: str = "") -> str:
    """Why nothing was changed; `me` is the reader's e-mail."""
    match error:
        case ChangedSince() if error.decision == "claim":
            return looks.say("tell.claimed", by=safe(error.decided_by, 300))
        case ChangedSince():
            return looks.say("tell.changed")
        case Withdrawn() if error.decision == ApprovalState.SUPERSEDED.value:
            return looks.say("tell.superseded")
        case Withdrawn():
            return looks.say("tell.closed")
        case TooLate():
            return looks.say("tell.too_late")
        case AlreadyDecided():
            what = looks.say(f"done.{error.decision}") if error.decision else ""
            if error.decided_by == me:
                return looks.say("tell.first_you", what=what)
            return looks.say("tell.first", by=safe(error.decided_by, 300), what=what)
        case Forbidden():
            return looks.say("tell.forbidden")
        case NotTakenOver():
            return looks.say("tell.not_taken")
        case NotYours():
            return looks.say("tell.held", by=safe(error.held_by, 300))
        case NotFound():
            return looks.say("tell.gone")
        case BadInput():
            return looks.say("tell.bad", why=safe(error.detail, 500))
        case StoreUnavailable():
            return looks.say("tell.store")
        case _:
            return looks.say("tell.broken")
