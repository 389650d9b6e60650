"""Intercom: conversations with their parts, as its export and its API give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imports.formats.conversations import BadRow, Gathered, Item, PastMessage, Role
from imports.formats.json_stream import items
from imports.formats.values import dict_of, list_of, text_of, time_of, word_of

LISTS = ("conversations", "pages")
_PUBLIC = frozenset({"comment", "open", "close", "quick_reply", "conversation"})
_CUSTOMERS = frozenset({"user", "lead", "contact", "visitor"})
_AGENTS = frozenset({"admin", "teammate"})
_AUTOMATIC = frozenset({"automated", "operator_initiated", "campaign"})


def read(path: Path) -> Iterator[Item]:
    """The conversations."""
    for number, item in enumerate(items(path, lists=LISTS), start=1):
        if isinstance(item, BadRow):
            yield item
        elif is_ours(item):
            yield _conversation(item)
        else:
            yield BadRow(place=number, why="a conversation without its parts")


def is_ours(item: Mapping[str, Any]) -> bool:
    """Whether an object of a file is a conversation of Intercom's."""
    return "conversation_parts" in item or ("source" in item and item.get("type") == "conversation")


def _conversation(item: Mapping[str, Any]) -> Item:
    source = dict_of(item.get("source")) or dict_of(item.get("conversation_message"))
    found = Gathered(
        id=word_of(item.get("id")),
        subject=text_of(source.get("subject") or item.get("title")),
        at=time_of(item.get("created_at")),
    )
    contacts = item.get("contacts")
    for contact in list_of(dict_of(contacts).get("contacts") if contacts else None):
        _note(found, contact, is_customer=True)
    parts = item.get("conversation_parts")
    inner = dict_of(parts).get("conversation_parts") if isinstance(parts, dict) else parts
    for part in ({**source, "part_type": "conversation"}, *list_of(inner)):
        author = dict_of(part.get("author"))
        kind = word_of(author.get("type"))
        _note(found, author, is_customer=kind in _CUSTOMERS)
        if word_of(part.get("part_type")) not in _PUBLIC or part.get("redacted") is True:
            continue
        if text := text_of(part.get("body")):
            found.messages.append(PastMessage(role=_role(part, author, kind), text=text))
    return found.done()


def _note(found: Gathered, person: Mapping[str, Any], *, is_customer: bool) -> None:
    found.names[word_of(person.get("name"))] = None
    if is_customer:
        for key in ("email", "phone"):
            found.contacts[word_of(person.get(key))] = None


def _role(part: Mapping[str, Any], author: Mapping[str, Any], kind: str) -> Role:
    if author.get("from_ai_agent") is True or author.get("is_ai_answer") is True:
        return Role.MACHINE
    if word_of(part.get("delivered_as")) in _AUTOMATIC and kind not in _CUSTOMERS:
        return Role.MACHINE
    if kind in _CUSTOMERS:
        return Role.CUSTOMER
    return Role.AGENT if kind in _AGENTS else Role.MACHINE
