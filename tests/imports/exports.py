"""Exports as help desks make them, with one question each that a person answered in public."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NOTE = "Private: the customer is difficult."
AUTOMATIC = "This is an automated message: we have received your request."


def zendesk(pairs: Sequence[tuple[str, str]], *, first: int = 1) -> list[dict[str, Any]]:
    """Tickets with a private note and an automatic reply beside the answer."""
    return [
        {
            "id": n,
            "subject": "A question",
            "created_at": "2024-03-01T10:00:00Z",
            "requester_id": 100 + n,
            "requester": {"id": 100 + n, "name": f"Jo Doe{n}", "email": f"jo{n}@mail.example"},
            "comments": [
                {"author_id": 100 + n, "public": True, "plain_body": f"Hi,\n\n{question}"},
                {"author_id": 9, "public": True, "plain_body": AUTOMATIC},
                {"author_id": 9, "public": False, "plain_body": NOTE},
                {
                    "author_id": 9,
                    "author": {"id": 9, "name": "Ana Frost"},
                    "public": True,
                    "html_body": f"<p>Hi Jo,</p><p>{answer}</p><p>Best regards,<br>Ana Frost</p>",
                },
            ],
        }
        for n, (question, answer) in enumerate(pairs, start=first)
    ]


def intercom(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A list of conversations, with a note and a bot."""
    return {
        "type": "conversation.list",
        "conversations": [
            {
                "type": "conversation",
                "id": str(n),
                "created_at": 1709287200,
                "source": {
                    "body": f"<p>{question}</p>",
                    "author": {"type": "user", "name": "Jo Doe", "email": f"jo{n}@mail.example"},
                },
                "conversation_parts": {
                    "conversation_parts": [
                        part("note", NOTE, "admin"),
                        part("comment", "I am a bot. Pick a topic, please.", "bot"),
                        part("comment", answer, "admin"),
                    ]
                },
            }
            for n, (question, answer) in enumerate(pairs, start=1)
        ],
    }


def part(kind: str, body: str, author: str) -> dict[str, Any]:
    """One part of a conversation of Intercom's."""
    return {
        "part_type": kind,
        "body": f"<p>{body}</p>",
        "author": {"type": author, "name": "Ana Frost"},
    }


def chatwoot(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Conversations with their messages, with a note and a template."""
    return {
        "data": {
            "meta": {"all_count": len(pairs)},
            "payload": [
                {
                    "id": n,
                    "meta": {"sender": {"name": "Jo Doe", "email": f"jo{n}@mail.example"}},
                    "messages": [
                        {"content": question, "message_type": 0, "private": False},
                        {"content": "Pick a topic.", "message_type": 3, "private": False},
                        {"content": NOTE, "message_type": 1, "private": True},
                        {"content": answer, "message_type": 1, "private": False},
                    ],
                }
                for n, (question, answer) in enumerate(pairs, start=1)
            ],
        }
    }


def chatwoot_table(pairs: Sequence[tuple[str, str]]) -> str:
    """The same, a message a row."""
    rows = [["conversation_id", "message_type", "content", "private", "sender_name"]]
    for n, (question, answer) in enumerate(pairs, start=1):
        rows += [
            [str(n), "incoming", question, "false", "Jo Doe"],
            [str(n), "outgoing", NOTE, "true", "Ana Frost"],
            [str(n), "outgoing", answer, "false", "Ana Frost"],
        ]
    return table(rows, ",")


def table(rows: Sequence[Sequence[str]], separator: str) -> str:
    """Separated values."""
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(rows)
    return out.getvalue()


def written(path: Path, content: object) -> Path:
    """The file with this content, as JSON where it is no text."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return path


def lines(items: Sequence[object]) -> str:
    """JSON Lines."""
    return "".join(json.dumps(item) + "\n" for item in items)
