"""Chatwoot: conversations with their messages, or messages one by one, as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imports.formats.conversations import BadRow, Gathered, Item, PastMessage, Role
from imports.formats.json_stream import items
from imports.formats.together import Together
from imports.formats.values import dict_of, flag_of, list_of, text_of, time_of, word_of

LISTS = ("payload", "conversations")
_ROLES = {
    "0": Role.CUSTOMER, "incoming": Role.CUSTOMER, "1": Role.AGENT, "outgoing": Role.AGENT,
}  # fmt: skip


def read(path: Path) -> Iterator[Item]:
    """The conversations; messages of one that lie apart are put together."""
    together = Together()
    for number, item in enumerate(items(path, lists=LISTS), start=1):
        if isinstance(item, BadRow):
            yield item
        elif isinstance(item.get("messages"), list):
            yield _whole(item)
        elif "message_type" in item and "conversation_id" in item:
            found, ended = together.at(word_of(item["conversation_id"]))
            _take(found, item)
            yield from ended
        else:
            yield BadRow(place=number, why="neither a conversation with its messages nor a message")
    yield from together.rest()


def is_ours(item: Mapping[str, Any]) -> bool:
    """Whether an object of a file is of Chatwoot's."""
    messages = list_of(item.get("messages"))
    return "message_type" in (messages[0] if messages else item)


def _whole(item: Mapping[str, Any]) -> Item:
    found = Gathered(id=word_of(item.get("id") or item.get("display_id")))
    found.at = time_of(item.get("created_at"))
    _note(found, dict_of(dict_of(item.get("meta")).get("sender")), is_customer=True)
    for message in list_of(item.get("messages")):
        _take(found, message)
    return found.done()


def _take(found: Gathered, message: Mapping[str, Any]) -> None:
    role = _ROLES.get(word_of(message.get("message_type")).lower(), Role.MACHINE)
    sender = dict_of(message.get("sender"))
    _note(found, sender, is_customer=role is Role.CUSTOMER)
    found.at = found.at or time_of(message.get("created_at"))
    if flag_of(message.get("private"), missing=False):
        return
    kind = word_of(sender.get("type") or message.get("sender_type")).lower()
    if role is Role.AGENT and (kind == "agent_bot" or _is_campaign(message)):
        role = Role.MACHINE
    if text := text_of(message.get("content")):
        found.messages.append(PastMessage(role=role, text=text))


def _is_campaign(message: Mapping[str, Any]) -> bool:
    more = {
        **dict_of(message.get("content_attributes")),
        **dict_of(message.get("additional_attributes")),
    }
    return bool(more.get("campaign_id") or more.get("automation_rule_id"))


def _note(found: Gathered, person: Mapping[str, Any], *, is_customer: bool) -> None:
    for key in ("name", "available_name"):
        found.names[word_of(person.get(key))] = None
    if is_customer:
        for key in ("email", "phone_number", "identifier"):
            found.contacts[word_of(person.get(key))] = None
