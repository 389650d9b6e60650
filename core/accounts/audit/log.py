"""The audit log: a chain in which every entry carries the hash of the one before it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from core.clock import Clock
from core.errors import StoreUnavailable
from core.storage.client import Database
from core.storage.errors import KeyTaken, store_errors

NOBODY_KNOWN = "somebody"  #: who did it, where nobody has said who they are
CHAIN = "main"
GENESIS = "0" * 64
BLOCK = 1_000  #: entries read at once
ATTEMPTS = 50
MASK = "•••"
_SECRET_NAMES = ("password", "secret", "token", "api_key", "apikey", "signing", "credential")
_CONTENT_NAMES = frozenset({"text", "question", "answer", "comment", "note", "quote", "hint"})
_HASHED = ("n", "key", "at", "who", "what", "address", "subject", "before", "after", "prev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit."""

    n: int
    at: str  #: ISO 8601 UTC
    who: str  #: e-mail, "operator" for the command line, "system"
    what: str  #: "user.role", "sign_in.link", "access.refused", "draft.approve" …
    address: str  #: from where, "" when it did not come over the network
    subject: str  #: what it was done to
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A filter over audit entries; "" leaves a field open."""

    who: str = ""  #: part of it
    what: str = ""  #: its beginning: "sign_in" finds "sign_in.link"
    deeds: frozenset[str] = frozenset()  #: or one of these names, with _ for the dot
    subject: str = ""  #: part of it
    since: str = ""  #: ISO 8601, or the beginning of it: "2026-11"
    until: str = ""  #: the same; its last day counts

    def includes(self, document: Mapping[str, Any]) -> bool:
        """Whether the entry is one of them."""
        return (
            self.who.casefold() in str(document["who"]).casefold()
            and self._is_meant(str(document["what"]))
            and self.subject.casefold() in str(document["subject"]).casefold()
            and document["at"] >= self.since
            and (not self.until or document["at"][: len(self.until)] <= self.until)
        )

    def _is_meant(self, what: str) -> bool:
        return what.startswith(self.what) or what.replace(".", "_") in self.deeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The outcome of checking the chain; `faults` name what is wrong, oldest first."""

    entries: int
    faults: Sequence[str] = ()

    @property
    def is_intact(self) -> bool:
        """Whether nothing was changed, removed or put in between."""
        return not self.faults


class Audit:
    """Appends to the chain and reads it; entries are never changed.

    The number is unique in the store: of two writers who both saw n, one appends n + 1 and the
    other reads on and tries again, so the chain never forks.
    """

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._entries = db["audit"]
        self._heads = db["audit_head"]
        self._clock = clock
        self._head: tuple[int, str] | None = None
        self._lock = asyncio.Lock()

    async def record(
        self,
        what: str,
        *,
        who: str,
        address: str = "",
        subject: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        key: str = "",
    ) -> None:
        """Append an entry, secrets masked; the same `key` again appends nothing."""
        async with self._lock:
            try:
                with store_errors():
                    await self._append(
                        what=what,
                        who=_text(who),
                        address=_text(address),
                        subject=_text(subject),
                        before=_masked(before or {}),
                        after=_masked(after or {}),
                        key=key,
                    )
            except StoreUnavailable:
                self._head = None
                raise

    async def _append(self, *, key: str, **said: Any) -> None:
        for _ in range(ATTEMPTS):
            n, prev = self._head or await self._find_head()
            at = self._clock.now().astimezone(UTC).isoformat(timespec="milliseconds")
            document = {"n": n + 1, "key": key or f"#{n + 1}", "at": at, **said, "prev": prev}
            document["hash"] = _hash(document)
            try:
                with store_errors():
                    await self._entries.insert_one({"_id": n + 1, "chain": CHAIN, **document})
            except KeyTaken:
                if key and await self._entries.find_one({"key": key}) is not None:
                    return
                self._head = None
                continue
            self._head = (n + 1, str(document["hash"]))
            await self._remember_head(n + 1, str(document["hash"]))
            return
        raise StoreUnavailable("The audit is too busy; nothing was recorded.")

    async def _remember_head(self, n: int, hash_: str) -> None:
        # The chain alone cannot show that its last entries were cut off.
        updated = await self._heads.update_one(
            {"_id": CHAIN, "n": {"$lt": n}}, {"$set": {"n": n, "hash": hash_}}
        )
        if updated.matched_count == 0 and n == 1:
            await self._heads.insert_one({"_id": CHAIN, "n": n, "hash": hash_})

    async def _find_head(self) -> tuple[int, str]:
        head = await self._heads.find_one({"_id": CHAIN})
        after = int(head["n"]) - 1 if head else 0
        # The head may lag by what a killed process wrote last, never by much.
        newest = await self._entries.find({"chain": CHAIN, "n": {"$gt": after}}).to_list()
        if not newest:
            return (after + 1, str(head["hash"])) if head else (0, GENESIS)
        last = max(newest, key=lambda d: int(d["n"]))
        return int(last["n"]), str(last["hash"])

    async def page(
        self, *, before: int | None = None, limit: int = 50, wanted: Wanted | None = None
    ) -> list[Entry]:
        """Up to `limit` entries older than number `before` that are wanted, newest first."""
        found: list[Entry] = []
        async for entry in self.entries(before=before, wanted=wanted, at_once=limit):
            found.append(entry)
            if len(found) == limit:
                break
        return found

    async def entries(
        self, *, before: int | None = None, wanted: Wanted | None = None, at_once: int = BLOCK
    ) -> AsyncIterator[Entry]:
        """All wanted entries older than number `before`, newest first."""
        wanted = wanted or Wanted()
        with store_errors():
            end = (await self._find_head())[0] + 1 if before is None else before
            while end > 1:
                block = await self._entries.find(
                    {"chain": CHAIN, "n": {"$gte": end - at_once, "$lt": end}}
                ).to_list()
                for document in sorted(block, key=lambda d: int(d["n"]), reverse=True):
                    if wanted.since and document["at"] < wanted.since:
                        return
                    if wanted.includes(document):
                        yield _entry(document)
                end, at_once = end - at_once, BLOCK

    async def verify(self) -> Verification:
        """Read the whole chain and say what is wrong with it."""
        with store_errors():
            return await self._verify()

    async def _verify(self) -> Verification:
        faults: list[str] = []
        expected, prev, count = 1, GENESIS, 0
        total = await self._entries.count_documents({})
        head = await self._heads.find_one({"_id": CHAIN})
        last = max(int(head["n"]) if head else 0, (await self._find_head())[0])
        start = 0
        while start < last:
            block = await self._entries.find(
                {"chain": CHAIN, "n": {"$gt": start, "$lte": start + BLOCK}}
            ).to_list()
            for document in sorted(block, key=lambda d: int(d["n"])):
                n = int(document["n"])
                if n > expected:
                    faults.append(_missing(expected, n - 1))
                elif _changed(document):
                    faults.append(f"entry {n} was changed")
                elif document["prev"] != prev:
                    faults.append(f"entry {n} does not follow the one before it")
                expected, prev, count = n + 1, str(document.get("hash")), count + 1
            start += BLOCK
        if expected <= last:
            faults.append(_missing(expected, last))
        if total != count:
            faults.append(f"{total - count} entries stand outside the chain")
        return Verification(entries=count, faults=tuple(faults))


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first}-{last} are missing"


def _hash(document: Mapping[str, Any]) -> str:
    said = {name: document.get(name) for name in _HASHED}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _changed(document: Mapping[str, Any]) -> bool:
    try:
        if set(document) != {"_id", "chain", "hash", *_HASHED}:
            return True
        return bool(document["_id"] != document["n"] or document["hash"] != _hash(document))
    except (TypeError, orjson.JSONEncodeError):
        return True


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()


def _masked(values: Mapping[str, Any]) -> dict[str, Any]:
    masked: dict[str, Any] = {}
    for name, value in values.items():
        if any(secret in name.lower() for secret in _SECRET_NAMES):
            masked[name] = MASK
        elif name.lower() in _CONTENT_NAMES and isinstance(value, str):
            # The chain cannot be changed, so what a customer may want forgotten stays outside.
            masked[name] = f"{len(value)} characters"
        elif isinstance(value, Mapping):
            masked[name] = _masked(value)
        elif isinstance(value, datetime):
            masked[name] = value.isoformat()
        elif isinstance(value, (list, tuple, set, frozenset)):
            masked[name] = [_masked(v) if isinstance(v, Mapping) else _text(v) for v in value]
        elif value is None or isinstance(value, (bool, int, float)):
            masked[name] = value
        else:
            masked[name] = _text(value)
    return masked


def _entry(document: Mapping[str, Any]) -> Entry:
    names = ("n", "at", "who", "what", "address", "subject", "before", "after")
    return Entry(**{name: document[name] for name in names})
