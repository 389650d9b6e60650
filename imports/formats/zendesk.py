"""Zendesk: tickets with their comments, as its export and its API give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imports.formats.conversations import BadRow, Gathered, Item, PastMessage, Role
from imports.formats.json_stream import items
from imports.formats.values import dict_of, flag_of, list_of, text_of, time_of, word_of

LISTS = ("tickets", "results")
_MACHINES = frozenset({"rule", "system", "trigger", "automation", "answer_bot_for_web_widget"})
_STAFF = frozenset({"agent", "admin", "owner"})
MOST_USERS = 1_000_000


def read(path: Path) -> Iterator[Item]:
    """The tickets; users may stand beside them, in whatever order."""
    users = _users(path)
    for number, item in enumerate(items(path, lists=LISTS), start=1):
        if isinstance(item, BadRow):
            yield item
            continue
        ticket = dict_of(item.get("ticket")) or item
        if not isinstance(ticket.get("comments"), list | dict):
            yield BadRow(place=number, why="a ticket without its comments")
            continue
        yield _conversation({**ticket, "comments": _comments(ticket)}, users).done()


def is_ours(item: Mapping[str, Any]) -> bool:
    """Whether an object of a file is a ticket of Zendesk's."""
    return "comments" in item and ("requester_id" in item or "requester" in item)


def _comments(ticket: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    comments = ticket["comments"]
    return list_of(comments.get("comments") if isinstance(comments, dict) else comments)


def _conversation(ticket: Mapping[str, Any], users: Mapping[str, Mapping[str, str]]) -> Gathered:
    requester = {**users.get(word_of(ticket.get("requester_id")), {})}
    requester |= {k: word_of(v) for k, v in dict_of(ticket.get("requester")).items()}
    asker = word_of(ticket.get("requester_id")) or requester.get("id", "")
    found = Gathered(
        id=word_of(ticket.get("id")),
        subject=text_of(ticket.get("subject") or ticket.get("raw_subject")),
        at=time_of(ticket.get("created_at")),
    )
    found.names[requester.get("name", "")] = None
    for key in ("email", "phone"):
        found.contacts[requester.get(key, "")] = None
    for comment in ticket["comments"]:
        author = dict_of(comment.get("author"))
        author_id = word_of(comment.get("author_id")) or word_of(author.get("id"))
        known = {**users.get(author_id, {}), **{k: word_of(v) for k, v in author.items()}}
        found.names[known.get("name", "")] = None
        # Who wrote a note takes part, too: colleagues call each other by name.
        if not flag_of(comment.get("public"), missing=True):
            continue
        body = comment.get("plain_body") or comment.get("html_body") or comment.get("body")
        if text := text_of(body):
            is_asker = author_id == asker if author_id and asker else False
            found.messages.append(
                PastMessage(role=_role(comment, known, author_id, is_asker=is_asker), text=text)
            )
    return found


def _role(
    comment: Mapping[str, Any], author: Mapping[str, str], author_id: str, *, is_asker: bool
) -> Role:
    via = dict_of(comment.get("via"))
    rel = word_of(dict_of(via.get("source")).get("rel"))
    if _MACHINES & {word_of(via.get("channel")), rel} or author_id.startswith("-"):
        return Role.MACHINE
    if author.get("role") in _STAFF:
        return Role.AGENT
    if is_asker or author.get("role") == "end-user":
        return Role.CUSTOMER
    return Role.AGENT


def _users(path: Path) -> Mapping[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for item in items(path, lists=("users",), alone=False):
        # Without such a list the items are the tickets themselves, or their lines.
        if isinstance(item, BadRow) or "role" not in item or "comments" in item:
            break
        keys = ("id", "name", "email", "phone", "role")
        found[word_of(item.get("id"))] = {key: word_of(item.get(key)) for key in keys}
        if len(found) >= MOST_USERS:
            break
    return found
