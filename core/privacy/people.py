"""Finds a customer's conversations by whatever he is known by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from core.errors import StoreUnavailable
from core.ports import Person
from core.storage.commit_log import MongoCommitLog

Document = Mapping[str, Any]

SAME_DIGITS = 8  #: phone numbers that end in the same eight are one, however they are written
_PHONE = re.compile(r"\+?\d[\d\s().\-]{5,}\d")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


class People:
    """Reads the conversations and the log for traces of one person."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._snapshots = db["conversations"]
        self._log = db["log"]

    async def find(self, contact: str) -> Person:
        """The person behind a conversation id, e-mail, phone number or id at a vendor.

        E-mail addresses and phone numbers are also looked for in what customers wrote. A person
        nobody knows has no conversations.
        """
        wanted = _Contact(contact)
        try:
            ids = [
                document["_id"]
                async for document in self._snapshots.find(
                    {}, {"state.address": 1, "state.sender": 1}
                )
                if wanted.is_at(document["_id"], document.get("state", {}))
            ]
            if wanted.may_be_written:
                ids += await self._writers(wanted)
        except PyMongoError as error:
            raise StoreUnavailable from error
        return await self.person(sorted(set(ids)), contact=wanted.text)

    async def person(self, conversation_ids: Sequence[str], *, contact: str = "") -> Person:
        """All that identifies whoever wrote in these conversations."""
        texts: dict[str, None] = {}
        names: dict[str, None] = {contact: None} if contact else {}
        for conversation_id in conversation_ids:
            for event in await self._events(conversation_id):
                if event["kind"] == "started":
                    names.update(dict.fromkeys(_names(event)))
                if event["kind"] == "address_moved":
                    names[str(event["address"]["chat"])] = None
                if event["kind"] == "received" and event.get("text"):
                    texts[event["text"]] = None
                if event["kind"] == "rated" and event.get("comment"):
                    texts[event["comment"]] = None
        return Person(
            conversation_ids=tuple(conversation_ids),
            texts=tuple(texts),
            names=tuple(name for name in names if name and name not in conversation_ids),
            mentions=tuple(
                {m for text in texts for m in (*_EMAIL.findall(text), *_PHONE.findall(text))}
            ),
        )

    async def _events(self, conversation_id: str) -> list[Document]:
        commits = await MongoCommitLog(self._log).documents(conversation_id)
        return [event for commit in commits for event in commit["events"]]

    async def _writers(self, wanted: _Contact) -> list[str]:
        found = []
        async for commit in self._log.find({}, {"c": 1, "events": 1}):
            said = (e.get("text", "") for e in commit["events"] if e.get("kind") == "received")
            if any(wanted.is_in(text) for text in said):
                found.append(str(commit["c"]))
        return found


class _Contact:
    """What an operator typed, and how it is compared."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._folded = self.text.casefold()
        digits = re.sub(r"\D", "", self.text)
        is_phone = bool(_PHONE.fullmatch(self.text)) and len(digits) >= SAME_DIGITS
        self._digits = digits[-SAME_DIGITS:] if is_phone else ""
        self.may_be_written = is_phone or bool(_EMAIL.fullmatch(self.text))

    def is_at(self, conversation_id: str, state: Document) -> bool:
        """Whether this conversation is known by it."""
        if self.text == conversation_id:
            return True
        address, sender = state.get("address") or {}, state.get("sender") or {}
        channel, known = address.get("channel", ""), {address.get("chat"), sender.get("id")}
        for value in known:
            if not value:
                continue
            value = str(value)
            if self._folded in (value.casefold(), f"{channel}:{value}".casefold()):
                return True
            if self._digits and channel == "sms" and _ends(value) == self._digits:
                return True
        return False

    def is_in(self, text: str) -> bool:
        """Whether somebody wrote it here."""
        if self._digits:
            return any(_ends(match.group()) == self._digits for match in _PHONE.finditer(text))
        return self._folded in text.casefold()


def _ends(number: str) -> str:
    return re.sub(r"\D", "", number)[-SAME_DIGITS:]


def _names(started: Document) -> Iterable[str]:
    address, sender = started.get("address", {}), started.get("sender", {})
    return (str(address.get("chat", "")), str(sender.get("id", "")), str(sender.get("name", "")))
