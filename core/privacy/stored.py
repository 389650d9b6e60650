"""The inventory of everything the product stores: each collection and each file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from core.privacy.schema import ANY, Fate, Field, Shape, Stored, StoredFile
from core.privacy.stored_events import ADDRESS, DRAFT, EVENTS, FIGURES, REVIEW, SENDER, SENT

ID, WORD, FIGURE, STAFF, TEXT, OURS, PACKED = Field

_TURN: Shape = {
    "author": WORD, "text": TEXT, "seq": FIGURE, "at": FIGURE, "with_person": FIGURE,
    "sources": [ID], "answers": [FIGURE], "name": TEXT,
}  # fmt: skip
_CONVERSATION: Shape = {
    "id": ID, "seq": FIGURE, "address": ADDRESS, "sender": SENDER, "locale": WORD,
    "status": WORD, "assignee": STAFF, "disclosed": FIGURE, "opted_out": FIGURE,
    "person_requested": FIGURE,
    "consent": {
        "kind": WORD, "opted_out": FIGURE, "source": WORD, "by": STAFF, "reason": TEXT,
        "settles": [FIGURE],
    },
    "consent_at": FIGURE,
    "unanswered": [
        {
            "seq": FIGURE, "text": TEXT, "at": FIGURE, "group_id": ID, "has_attachment": FIGURE,
            "quoted": TEXT, "asked_by": TEXT, "place": ID, "unreadable": FIGURE,
            "files": [TEXT], "read": TEXT, "sent_at": FIGURE,
        }
    ],
    "reviews": [REVIEW],
    "last_decision": {"draft_id": ID, "decision": WORD, "by": STAFF, "at": FIGURE},
    "holds": [
        {"draft_id": ID, "sent": {"kind": WORD, **SENT}, "until": FIGURE, "review": REVIEW}
    ],
    "outgoing": [
        {
            "seq": FIGURE, "at": FIGURE, "author": WORD, "by_person": FIGURE, "state": WORD,
            "attempt": FIGURE, "parts_done": FIGURE, "retry_at": FIGURE, "awaits_customer": FIGURE,
            "place": ID, "fence": FIGURE,
        }
    ],
    "turns": FIGURE, "cited": [ID], "told": WORD, "hint": TEXT,
    "hint_for": [FIGURE], "memory": [_TURN], "started_at": FIGURE, "updated_at": FIGURE,
    "last_customer_at": FIGURE, "erased": FIGURE, "erased_at": FIGURE, "accepted": PACKED,
    "messages": PACKED, "place": ID, "tags": [TEXT],
    "held_since": FIGURE, "held_step": FIGURE, "unknown": FIGURE,
    "assigned": STAFF, "snoozed_by": STAFF, "snoozed_until": FIGURE,
}  # fmt: skip
_APPROVAL: Shape = {
    "id": ID, "conversation_id": ID, "seq": FIGURE, "state": WORD, "version": FIGURE,
    "channel": WORD, "customer": TEXT, "is_invented": FIGURE, "locale": WORD, "question": TEXT,
    "quoted": TEXT, "answers": [FIGURE], "files": FIGURE, "draft": DRAFT,
    "reasons": [WORD], "requested_at": FIGURE, "at": FIGURE, "deadline": FIGURE, "step": FIGURE,
    "told_closed": FIGURE, "opted_out": FIGURE, "outdated": FIGURE, "since": FIGURE,
    "said": [_TURN], "claimed_by": STAFF, "decided_by": STAFF, "decision": WORD,
    "decided_at": FIGURE, "held_until": FIGURE, "seconds": FIGURE, "text": TEXT, "reason": TEXT,
    "arrival": {"seq": FIGURE, "state": WORD, "reason": TEXT, "code": WORD, "settled": FIGURE},
}  # fmt: skip

_ARTICLE: Shape = {
    "title": TEXT, "text": TEXT, "topic": WORD, "locale": WORD, "url": ID, "source": OURS,
    "questions": [TEXT], "file": ID, "digest": ID, "pending": FIGURE, "updated_at": FIGURE,
    "place": TEXT, "content": ID, "withheld": WORD, "valid_from": FIGURE, "valid_until": FIGURE,
}  # fmt: skip

COLLECTIONS: Sequence[Stored] = (
    Stored(
        name="log", fate=Fate.CUT, owner="c",
        fields={
            "_id": ID, "c": ID, "n": FIGURE, "at": FIGURE, "k": ID, "w": FIGURE,
            "last": FIGURE, "events": [EVENTS],
        },
    ),
    Stored(
        name="conversations", fate=Fate.CUT, owner="_id",
        fields={
            "_id": ID, "channel": WORD, "status": WORD, "assignee": STAFF, "updated_at": FIGURE,
            "seq": FIGURE, "projected": FIGURE, "state": _CONVERSATION,
        },
    ),
    Stored(
        name="unsettled", fate=Fate.FIGURES, owner="_id",
        fields={"_id": ID, "mark": FIGURE, "owner": WORD},
    ),
    Stored(
        name="consents", fate=Fate.FIGURES,  # a STOP outlives its person
        fields={"_id": ID, "c": [ID], "out": FIGURE, "at": FIGURE},
    ),
    Stored(
        name="deliveries", fate=Fate.DELETED, owner="c",
        fields={
            "_id": ID, "c": ID, "n": FIGURE, "channel": WORD, "author": WORD, "at": FIGURE,
            "state": WORD, "mark": FIGURE, "external_ids": [ID], "detail": TEXT, "code": WORD,
            "segments": FIGURE, "doubled": FIGURE, "sent_again": FIGURE,
        },
    ),
    Stored(
        name="approvals", fate=Fate.DELETED, owner="c",
        fields={
            "_id": ID, "c": ID, "seq": FIGURE, "mark": FIGURE, "state": WORD, "deadline": FIGURE,
            "next_at": FIGURE, "decided_at": FIGURE, "decided_by": STAFF, "alarm": FIGURE,
            "approval": _APPROVAL,
        },
    ),
    Stored(
        # Words stand there as keyed numbers, and nobody's name: see approvals/inbox/words.py.
        name="inbox", fate=Fate.REDRAWN, part="inbox",
        fields={
            "_id": WORD, "v": FIGURE, "rows": PACKED, "lengths": PACKED, "words": PACKED,
            "key": ID, "pages": {ANY: FIGURE},
        },
    ),
    Stored(
        name="inbox_seen", fate=Fate.DELETED, owner="c",
        fields={"_id": ID, "c": ID, "seq": FIGURE, "at": FIGURE},
    ),
    Stored(
        # No addresses or numbers of people stand in them: approvals/inbox/views.py refuses such.
        name="inbox_views", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "name": OURS, "filters": {ANY: OURS}, "shared": FIGURE, "by": STAFF,
            "at": FIGURE,
        },
    ),
    Stored(
        name="notifications", fate=Fate.DELETED, owner="c",
        fields={
            "_id": ID, "c": ID, "kind": WORD, "to": STAFF, "by": STAFF, "at": FIGURE,
            "seen": FIGURE, "state": WORD, "tries": FIGURE, "next_at": FIGURE,
        },
    ),
    Stored(
        name="presence", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "email": STAFF, "seen_at": FIGURE, "away": FIGURE, "assigned_at": FIGURE,
            "locale": WORD,
        },
    ),
    Stored(
        name="assignment", fate=Fate.NOBODYS,
        fields={
            "_id": WORD, "on": FIGURE, "capacity": FIGURE, "rest": FIGURE, "revision": FIGURE,
            "rules": [{"topic": WORD, "locale": WORD, "to": [STAFF]}],
            "changed_by": STAFF, "changed_at": FIGURE,
        },
    ),
    Stored(
        name="company", fate=Fate.NOBODYS,
        fields={
            "_id": WORD, "name": OURS, "colour": WORD, "greeting": {ANY: OURS},
            "questions": {ANY: [OURS]}, "launcher": {ANY: OURS}, "position": WORD, "theme": WORD,
            "ask_name": WORD, "ask_email": WORD, "hours": OURS, "holidays": OURS, "timezone": WORD,
            "deadline_minutes": FIGURE, "changed_by": STAFF, "changed_at": FIGURE,
            "host": OURS, "port": FIGURE, "user": OURS, "sender": OURS,
            "logo": ID, "png": PACKED, "demonstration": FIGURE,
            # The language model, and what the demonstration shop has brought.
            "source": WORD, "model": OURS, "base_url": OURS, "sealed": {ANY: PACKED},
            "conversations": [ID], "people": [STAFF], "at": FIGURE,
        },
    ),
    Stored(
        name="saved_replies", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "title": OURS, "text": OURS, "locale": WORD, "by": STAFF, "at": FIGURE,
        },
    ),
    Stored(
        name="attachments", fate=Fate.DELETED, owner="c",
        fields={
            "_id": ID, "c": ID, "n": FIGURE, "i": FIGURE, "at": FIGURE, "channel": WORD,
            "state": WORD, "next_at": FIGURE, "tries": FIGURE, "digest": ID, "preview": ID,
            "kind": WORD, "name": TEXT, "media_type": WORD, "size": FIGURE, "by": STAFF,
        },
    ),
    Stored(
        name="lessons", fate=Fate.DELETED, owner="c",
        fields={
            "_id": ID, "c": ID, "state": WORD,
            "lesson": {
                "id": ID, "conversation_id": ID, "by": STAFF, "at": FIGURE, "own_words": FIGURE,
                "opened_sources": FIGURE, "state": WORD, "question": TEXT, "text": TEXT,
                "topic": WORD, "locale": WORD, "article_id": ID, "cited": [ID],
                "conflicts": [TEXT], "masked": FIGURE, "expires_at": FIGURE, "decided_by": STAFF,
                "why": OURS, "doubts": [WORD], "taken_back_at": FIGURE,
            },
        },
    ),
    Stored(
        name="taught", fate=Fate.DELETED, owner="c",
        fields={"_id": ID, "lesson": ID, "c": ID, "at": FIGURE},
    ),
    Stored(
        name="drawn", fate=Fate.DELETED, owner="c",
        fields={
            "_id": ID, "c": ID, "state": WORD,
            "answer": {
                "id": ID, "conversation_id": ID, "at": FIGURE, "text": TEXT, "topic": WORD,
                "confidence": FIGURE, "article": ID, "question": TEXT, "rating": FIGURE,
                "complained": FIGURE, "state": WORD, "by": STAFF, "signals": FIGURES,
            },
        },
    ),
    Stored(
        name="evidence", fate=Fate.FIGURES,
        fields={
            "_id": ID,
            "evidence": {
                "id": ID, "at": FIGURE, "kind": WORD, "topic": WORD, "confidence": FIGURE,
                "right": FIGURE, "weight": FIGURE, "by": STAFF, "article": ID,
                "signals": FIGURES,
            },
            "put": FIGURE,
        },
    ),
    Stored(
        name="cards", fate=Fate.REDRAWN, part="cards", owner="c",
        fields={
            "_id": ID, "c": ID, "channel": ID, "ts": ID, "stamp": ID, "open": FIGURE,
            "told": FIGURE, "head_ts": ID, "head_stamp": ID, "posting": ID, "posting_at": FIGURE,
            "own": [FIGURE], "explained": FIGURE, "changed": [ID], "refused": [ID],
            "files": [ID],
        },
    ),
    Stored(
        name="origins", fate=Fate.REDRAWN, part="origins", owner="c",
        fields={"_id": ID, "article": ID, "part": WORD, "words": ID, "c": ID},
    ),
    Stored(name="articles", fate=Fate.REDRAWN, part="origins", fields={"_id": ID, **_ARTICLE}),
    Stored(
        name="article_versions", fate=Fate.REDRAWN, part="origins",
        fields={"_id": ID, "article": ID, "digest": ID, "at": FIGURE, "was": _ARTICLE},
    ),
    Stored(
        name="article_changes", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "article": ID, "at": FIGURE, "by": STAFF, "deed": WORD, "before": ID,
            "after": ID,
        },
    ),
    Stored(
        # Names of files and what is wrong with their rows, never what stands in them.
        name="past_files", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "name": STAFF, "format": WORD, "by": STAFF, "at": FIGURE, "state": WORD,
            "items": FIGURE, "exchanges": FIGURE, "new": FIGURE, "bad": FIGURE,
            "bad_rows": [OURS], "why": OURS, "total": FIGURE, "path": STAFF,
        },
    ),
    Stored(
        name="past_turns", fate=Fate.NOBODYS, transient=True,
        fields={"_id": WORD, "run": ID, "beat": FIGURE},
    ),
    Stored(
        # Where groups stand in Slack, never what they say.
        name="past_cards", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "channel": ID, "ts": ID, "stamp": ID, "open": FIGURE, "at": FIGURE,
            "skipped_at": FIGURE,
        },
    ),
    Stored(
        # Found by keyed numbers of the contacts that their files named.
        name="past_exchanges", fate=Fate.REDRAWN, part="past_exchanges",
        fields={
            "_id": ID, "g": ID, "file": ID, "question": TEXT, "answer": TEXT, "said": ID,
            "locale": WORD, "who": [ID], "at": FIGURE, "holes": FIGURE, "one_customer": FIGURE,
            "v": PACKED,
        },
    ),
    Stored(
        name="past_groups", fate=Fate.REDRAWN, part="past_exchanges",
        fields={
            "_id": ID, "state": WORD, "version": FIGURE, "due": FIGURE, "size": FIGURE,
            "people": FIGURE, "question": TEXT, "answer": TEXT, "answers": FIGURE,
            "locale": WORD, "said": ID, "conflicts": [[TEXT]], "holes": FIGURE,
            "one_customer": FIGURE, "general": FIGURE, "last_at": FIGURE, "decided_by": STAFF,
            "decided_at": FIGURE, "article_id": ID, "is_new_article": FIGURE, "taught": [TEXT],
            "edited": FIGURE, "work": WORD,
        },
    ),
    Stored(
        # Names of files and what their readers say of them, never what stands in them.
        name="readings", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "characters": FIGURE, "kept": FIGURE, "dropped": {ANY: FIGURE},
            "warnings": [OURS], "at": FIGURE,
        },
    ),
    Stored(
        name="compared", fate=Fate.NOBODYS,
        fields={"_id": ID, "digest": ID, "disagrees": FIGURE, "pairs": [[ID]]},
    ),
    Stored(
        name="reports", fate=Fate.REDRAWN, part="reports",
        fields={
            "_id": ID, "state": WORD, "at": FIGURE, "late": FIGURE, "steps": [WORD],
            "json": TEXT, "conversations": FIGURE, "sent_at": FIGURE, "stale": FIGURE,
            "asked": [{"gap": FIGURE, "c": ID, "n": FIGURE}],
            "slack": {"channel": ID, "thread": ID},
        },
    ),
    Stored(
        name="gap_marks", fate=Fate.REDRAWN, part="gap_marks",
        fields={
            "_id": ID, "kind": WORD, "by": STAFF, "at": FIGURE,
            "questions": [{"c": ID, "n": FIGURE}],
        },
    ),
    Stored(
        name="alerts", fate=Fate.NOBODYS,
        fields={
            "_id": WORD, "limits": {ANY: FIGURE}, "slack": FIGURE, "mail": FIGURE,
            "changed_by": STAFF, "changed_at": FIGURE,
            "over": {ANY: {"since": FIGURE, "value": FIGURE, "calm": FIGURE}},
            "told": [{"at": FIGURE, "name": WORD, "over": FIGURE, "value": FIGURE,
                      "limit": FIGURE, "since": FIGURE}],
            "waits": [{"at": FIGURE, "name": WORD, "over": FIGURE, "value": FIGURE,
                       "limit": FIGURE, "since": FIGURE, "to": [WORD]}],
        },
    ),
    Stored(
        name="quality_reviews", fate=Fate.DELETED, owner="c",
        fields={
            "_id": ID, "c": ID, "week": WORD, "by": STAFF, "at": FIGURE, "solved": WORD,
            "correct": WORD, "tone": WORD, "note": TEXT,
        },
    ),
    Stored(
        name="analytics_pages", fate=Fate.REDRAWN, part="facts",
        fields={
            "_id": ID, "day": FIGURE, "t": FIGURE, "rules": FIGURE, "rows": PACKED,
            "names": TEXT, "ids": PACKED,
        },
    ),
    Stored(
        name="analytics_days", fate=Fate.REDRAWN, part="facts",
        fields={
            "_id": ID, "v": FIGURE, "rules": FIGURE, "head": TEXT, "plain": PACKED,
            "packed": PACKED, "ids": PACKED, "days": {ANY: FIGURE}, "at": WORD,
            "parts": FIGURE, "lengths": [FIGURE],
        },
    ),
    Stored(
        name="analytics_parts", fate=Fate.REDRAWN, part="facts",
        fields={"_id": ID, "day": FIGURE, "at": WORD, "v": FIGURE, "data": PACKED},
    ),
    Stored(
        name="knowledge", fate=Fate.NOBODYS,
        fields={"_id": WORD, "at": FIGURE, "name": WORD, "n": FIGURE},
    ),
    Stored(
        name="fits", fate=Fate.FIGURES,
        fields={
            "_id": WORD, "kinds": [WORD],
            "models": {
                ANY: {
                    "names": [WORD], "means": [FIGURE], "scales": [FIGURE], "weights": [FIGURE],
                    "bias": FIGURE,
                }
            },
        },
    ),
    Stored(
        name="topics", fate=Fate.NOBODYS,
        fields={
            "_id": WORD,
            "topic": {
                "name": WORD, "level": WORD, "threshold": FIGURE, "since": FIGURE,
                "declined": FIGURE, "rev": FIGURE,
                "history": [
                    {
                        "at": FIGURE, "by": STAFF, "level": WORD, "threshold": FIGURE, "why": OURS,
                        "before": {
                            "level": WORD, "threshold": FIGURE, "since": FIGURE,
                            "declined": FIGURE,
                        },
                    }
                ],
            },
        },
    ),
    Stored(
        name="erasures", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "conversations": [ID], "marks": [{"c": ID, "n": FIGURE}], "who": STAFF,
            "at": FIGURE, "rewrite": FIGURE, "done": FIGURE, "removed": {ANY: FIGURE},
            "waits": [ID],
        },
    ),
    Stored(
        name="audit", fate=Fate.NOBODYS,
        fields={
            "_id": FIGURE, "chain": WORD, "n": FIGURE, "key": ID, "at": FIGURE, "what": WORD,
            "who": STAFF, "address": STAFF, "subject": ID, "before": {ANY: OURS},
            "after": {ANY: OURS}, "prev": ID, "hash": ID,
        },
    ),
    Stored(
        name="members", fate=Fate.NOBODYS, transient=True,
        fields={
            "_id": ID, "role": WORD, "host": OURS, "pid": FIGURE, "version": WORD, "secret": ID,
            "schema": FIGURE, "oldest": FIGURE,
            "url": OURS, "started_at": FIGURE, "beat": FIGURE, "alive": FIGURE,
        },
    ),
    Stored(
        name="leases", fate=Fate.NOBODYS, transient=True,
        fields={"_id": ID, "owner": ID, "fence": FIGURE},
    ),
    Stored(name="audit_head", fate=Fate.NOBODYS, fields={"_id": WORD, "n": FIGURE, "hash": ID}),
    Stored(
        name="users", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "email": STAFF, "role": WORD, "name": STAFF, "slack_id": STAFF,
            "password": ID, "created_at": FIGURE, "seen_at": FIGURE, "stamp": FIGURE,
            "leaving": FIGURE, "issuer": STAFF, "subject": STAFF, "password_by_users": [ID],
            "password_by_tokens": [ID], "slack_by_users": [ID], "slack_by_tokens": [ID],
        },
    ),
    Stored(
        name="api_tokens", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "user_id": ID, "name": STAFF, "scope": WORD, "created_at": FIGURE,
            "expires_at": FIGURE, "by_users": [ID], "by_tokens": [ID],
        },
    ),
    Stored(
        name="sign_in_links", fate=Fate.NOBODYS, transient=True,
        fields={
            "_id": ID, "user_id": ID, "expires_at": FIGURE, "used_at": FIGURE, "stamp": FIGURE,
            "by_users": [ID], "by_tokens": [ID],
        },
    ),
    Stored(
        name="used_states", fate=Fate.NOBODYS, transient=True,
        fields={"_id": ID, "ends_at": FIGURE},
    ),
    Stored(
        name="attempts", fate=Fate.NOBODYS, transient=True,
        fields={"_id": ID, "full_at": FIGURE},
    ),
    Stored(
        name="sessions", fate=Fate.NOBODYS, transient=True,
        fields={
            "_id": ID, "user_id": ID, "created_at": FIGURE, "last_at": FIGURE, "address": STAFF,
            "browser": STAFF, "stamp": FIGURE, "by_users": [ID], "by_tokens": [ID],
        },
    ),
    Stored(
        name="model_calls", fate=Fate.NOBODYS,
        fields={
            "_id": WORD, "day": WORD, "topic": WORD, "counted": FIGURE, "calls": FIGURE,
            "quoted": FIGURE, "held": FIGURE,
        },
    ),
    Stored(
        name="desk_viewers", fate=Fate.NOBODYS, transient=True,
        fields={"_id": STAFF, "at": FIGURE},
    ),
    Stored(
        name="meta", fate=Fate.NOBODYS,
        fields={
            "_id": WORD, "version": FIGURE, "release": WORD, "at": FIGURE, "n": FIGURE,
            "schema": FIGURE, "schema_release": WORD,
        },
    ),
    Stored(
        name="plugins", fate=Fate.NOBODYS,
        fields={
            "_id": WORD, "enabled": FIGURE, "settings": {ANY: STAFF}, "sealed": {ANY: PACKED},
            "revision": FIGURE, "changed_by": STAFF, "changed_at": FIGURE,
            "heard_until": FIGURE,
            "contract": {"passed": FIGURE, "failed": FIGURE, "at": FIGURE, "failures": [OURS]},
        },
    ),
    Stored(
        name="sources", fate=Fate.NOBODYS,
        fields={
            "_id": WORD, "plugin": WORD, "name": OURS, "settings": {ANY: STAFF},
            "sealed": {ANY: PACKED}, "vouched": [WORD], "private_hosts": [OURS],
            "every": FIGURE, "topic": WORD, "lang": WORD, "share": FIGURE, "paused": FIGURE,
            "hook": PACKED, "revision": FIGURE, "changed_by": STAFF, "changed_at": FIGURE,
            "state": {
                "run": ID, "beat": FIGURE, "done": FIGURE, "asked": FIGURE, "asked_by": STAFF,
                "started_at": FIGURE, "ended_at": FIGURE, "next_at": FIGURE, "documents": FIGURE,
                "counts": {ANY: FIGURE}, "error": OURS, "failures": FIGURE,
                "whole_at": FIGURE,
            },
        },
    ),
    Stored(
        # What the company's own websites and folders say, as they say it.
        name="source_documents", fate=Fate.NOBODYS,
        fields={
            "_id": ID, "source": WORD, "address": OURS, "etag": ID, "modified": OURS,
            "memo": OURS, "raw": ID, "read_at": FIGURE, "found": ID, "applied": ID,
            "refused": ID, "why": OURS, "run": ID, "waits": [OURS], "wordings": ID,
            "reading": {
                "articles": [
                    {
                        "id": ID, "title": OURS, "text": OURS, "topic": WORD, "locale": WORD,
                        "url": ID, "source": OURS, "place": OURS, "withheld": WORD,
                        "questions": [OURS], "valid_from": FIGURE, "valid_until": FIGURE,
                    }
                ],
                "characters": FIGURE, "dropped": {ANY: FIGURE}, "warnings": [[OURS]],
            },
        },
    ),
)  # fmt: skip

FILES: Sequence[StoredFile] = (
    StoredFile(
        pattern="store/*", fate=Fate.REDRAWN,
        what="the embedded database: written anew without what was deleted",
    ),
    StoredFile(
        pattern="attachments/*", fate=Fate.DELETED,
        what="files of customers and agents by the SHA-256 of their content: go with the last"
        " conversation that has them",
    ),
    StoredFile(pattern="store.fresh/*", fate=Fate.NOBODYS, what="the new files while they fill"),
    StoredFile(pattern="store.old/*", fate=Fate.NOBODYS, what="the old files while they go"),
    StoredFile(
        pattern="vectors/*", fate=Fate.REDRAWN, what="made again from the articles that are left"
    ),
    StoredFile(
        pattern="logs/*", fate=Fate.REDRAWN, what="lines that name or quote the person go"
    ),
    StoredFile(
        pattern="channels/*/*", fate=Fate.REDRAWN,
        what="what a channel notes of its chats: taken out by their addresses",
    ),
    StoredFile(
        pattern="imports/*", fate=Fate.DELETED,
        what="files of past conversations that are being read; deleted once they were",
    ),
    StoredFile(
        pattern="sources/*", fate=Fate.NOBODYS,
        what="what sources fetch and keep of the company's websites and repositories",
    ),
    StoredFile(
        pattern="uploads/*", fate=Fate.NOBODYS,
        what="the company's own documents, as they were dropped on the knowledge page",
    ),
    StoredFile(pattern="plugins/*", fate=Fate.NOBODYS, what="the operator's own plugins"),
    StoredFile(pattern="charts/*.json", fate=Fate.NOBODYS, what="how browsers draw charts"),
    *(
        StoredFile(pattern=name, fate=Fate.NOBODYS, what="the program's own")
        for name in (
            "lock", "control.sock", "secret.key", "store.password", "store.pid", "store.toml",
            "store.door/*", "drafting.marks", "drafting.json", "drafting.new",
        )
    ),
)  # fmt: skip


def stored(name: str) -> Stored:
    """What is known of this collection. Raises LookupError when that is nothing."""
    for one in COLLECTIONS:
        if one.name == name:
            return one
    raise LookupError(f"core/privacy/stored.py does not know the collection {name}")


def with_fate(fate: Fate) -> Iterator[Stored]:
    """The collections that this becomes of."""
    return (one for one in COLLECTIONS if one.fate is fate)


def stored_file(path: str) -> StoredFile | None:
    """What is known of this file, by its path below the data directory."""
    return next((file for file in FILES if fnmatchcase(path, file.pattern)), None)
