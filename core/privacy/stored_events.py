"""The inventory of event fields in the log."""

from __future__ import annotations

from core.privacy.schema import ANY, Field, Kinds, Shape

ID, WORD, FIGURE, STAFF, TEXT, _OURS, PACKED = Field

ADDRESS: Shape = {"channel": WORD, "account": ID, "chat": ID, "thread": ID}
SENDER: Shape = {"id": ID, "name": TEXT, "locale": WORD, "kind": WORD, "email": TEXT}
_QUOTES = [{"text": TEXT, "kind": WORD, "author": TEXT}]
_CITATION: Shape = {
    "id": ID, "title": TEXT, "url": ID, "quote": TEXT, "digest": ID, "known": TEXT,
}  # fmt: skip
FIGURES: Shape = {ANY: FIGURE}
DRAFT: Shape = {
    "text": TEXT, "citations": [_CITATION], "confidence": FIGURE, "signals": FIGURES,
    "reasons": [WORD], "topic": WORD, "locale": WORD, "answerer": WORD, "prompt_version": WORD,
    "demonstration": FIGURE, "sendable": FIGURE, "stages": FIGURES,
    "parts": [
        {
            "question": TEXT, "text": TEXT, "citations": [_CITATION], "confidence": FIGURE,
            "topic": WORD,
        }
    ],
    "findings": [{"reason": WORD, "values": {ANY: TEXT}, "wording": WORD}],
}  # fmt: skip
ATTACHMENT: Shape = {
    "kind": WORD, "name": TEXT, "url": TEXT, "media_type": WORD, "size": FIGURE, "ref": ID,
    "digest": ID, "content": PACKED,
}  # fmt: skip
SENT: Shape = {
    "author": WORD, "text": TEXT, "citations": [_CITATION], "by": STAFF, "notice": WORD,
    "draft": DRAFT, "answers": [FIGURE], "draft_id": ID, "disclosure": _OURS, "pulled": FIGURE,
    "message_id": ID,
    "attachments": [ATTACHMENT],
}  # fmt: skip
REVIEW: Shape = {
    "draft_id": ID, "version": FIGURE, "question": TEXT, "draft": DRAFT, "reasons": [WORD],
    "requested_at": FIGURE, "deadline": FIGURE, "answers": [FIGURE], "since": FIGURE,
    "claimed_by": STAFF, "written": FIGURE, "outdated": FIGURE, "step": FIGURE,
    "quoted": TEXT,
}  # fmt: skip

EVENTS = Kinds({
    "started": {"address": ADDRESS, "sender": SENDER, "locale": WORD},
    "received": {
        "text": TEXT, "external_id": ID, "group_id": ID, "sent_at": FIGURE, "silent": FIGURE,
        "attachments": [ATTACHMENT], "message_id": ID, "sender": SENDER, "quotes": _QUOTES,
        "place": ID, "unreadable": WORD,
    },
    "attachment_fetched": {
        "seq": FIGURE, "index": FIGURE, "attachment": ATTACHMENT, "problem": WORD,
        "detail": TEXT,
    },
    "attachment_read": {
        "seq": FIGURE, "index": FIGURE, "name": TEXT, "text": TEXT, "spoken": FIGURE,
        "problem": WORD,
    },
    "edited": {
        "seq": FIGURE, "text": TEXT, "attachments": [ATTACHMENT], "quotes": _QUOTES,
        "asks": FIGURE,
    },
    "deleted": {"seq": FIGURE, "about": ID},
    "reacted": {
        "sign": TEXT, "removed": FIGURE, "about": ID, "words": TEXT, "sender": SENDER,
    },
    "locale_chosen": {"locale": WORD},
    "consent_changed": {
        "opted_out": FIGURE, "source": WORD, "by": STAFF, "reason": TEXT, "settles": [FIGURE],
    },
    "person_requested": {},
    "rated": {"score": FIGURE, "comment": TEXT},
    "sent": SENT,
    "review_requested": {
        "draft_id": ID, "version": FIGURE, "question": TEXT, "draft": DRAFT, "reasons": [WORD],
        "deadline": FIGURE, "answers": [FIGURE], "since": FIGURE,
        "quoted": TEXT, "asked_by": TEXT,
    },
    "review_extended": {
        "draft_id": ID, "version": FIGURE, "answers": [FIGURE], "reasons": [WORD],
    },
    "review_outdated": {"draft_id": ID, "version": FIGURE, "titles": [TEXT]},
    "review_redrafted": {
        "draft_id": ID, "version": FIGURE, "draft": DRAFT, "reasons": [WORD],
    },
    "review_claimed": {"draft_id": ID, "version": FIGURE, "by": STAFF},
    "review_reminded": {"draft_id": ID, "step": FIGURE},
    "review_escalated": {"draft_id": ID},
    "review_superseded": {"draft_id": ID},
    "review_decided": {
        "draft_id": ID, "version": FIGURE, "decision": WORD, "by": STAFF, "text": TEXT,
        "reason": TEXT, "seconds": FIGURE, "opened_sources": FIGURE, "remember": FIGURE,
    },
    "send_held": {"draft_id": ID, "sent": {"kind": WORD, **SENT}, "until": FIGURE},
    "send_released": {"draft_id": ID},
    "decision_undone": {"draft_id": ID, "version": FIGURE, "by": STAFF},
    "retry_requested": {"by": STAFF, "hint": TEXT, "answers": [FIGURE]},
    "taken_over": {"by": STAFF, "given_by": STAFF},
    "holder_reminded": {"holder": STAFF, "step": FIGURE},
    "handed_back": {"by": STAFF, "settles": [FIGURE]},
    "resolved": {"by": STAFF},
    "reopened": {},
    "noted": {"by": STAFF, "text": TEXT, "mentions": [STAFF]},
    "tagged": {"by": STAFF, "added": [TEXT], "removed": [TEXT]},
    "assigned": {"to": STAFF, "by": STAFF},
    "snoozed": {"by": STAFF, "until": FIGURE},
    "woken": {"by": STAFF, "set_by": STAFF},
    "delivery_started": {"seq": FIGURE, "attempt": FIGURE, "disclosure": _OURS, "fence": FIGURE},
    "delivery_recorded": {
        "seq": FIGURE, "state": WORD, "external_ids": [ID], "detail": TEXT, "code": WORD,
        "segments": FIGURE, "retry_at": FIGURE, "parts_done": FIGURE, "doubled": FIGURE,
        "awaits_customer": FIGURE,
    },
    "delivery_requeued": {"seq": FIGURE, "by": STAFF, "author": WORD},
    "address_moved": {"address": ADDRESS},
    "erased": {"opted_out": FIGURE},
})  # fmt: skip
"""Every kind of event, as the log holds it."""
