"""Admins' choices about plugins: on or off, settings, sealed secrets, last results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.errors import BadInput
from core.storage.client import Document, MongoCollection
from core.storage.errors import KeyTaken, store_errors


class ChangedMeanwhile(BadInput):
    """Somebody else changed this plugin meanwhile; look at it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractResult:
    """The last run of a plugin's conformance tests."""

    passed: int
    failed: int
    at: datetime
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An admin's choice for one plugin."""

    id: str
    enabled: bool | None = None  #: None: nobody said anything, the environment decides
    settings: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)  #: secrets by name, unreadable
    vouched: tuple[str, ...] = ()  #: places that the operator has named at the machine
    revision: int = 0  #: grows with every change; 0 is not stored yet
    changed_by: str = ""
    changed_at: datetime | None = None
    contract: ContractResult | None = None


class PluginStore:
    """One document a plugin, changed by compare-and-set on its revision."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def all(self) -> Mapping[str, Choice]:
        """Every stored choice by plugin id. Raises StoreUnavailable."""
        with store_errors():
            documents = await self._collection.find({}).to_list()
        return {d["_id"]: _from_document(d) for d in documents}

    async def get(self, plugin_id: str) -> Choice:
        """The choice, an empty one when nobody made any. Raises StoreUnavailable."""
        with store_errors():
            document = await self._collection.find_one({"_id": plugin_id})
        return _from_document(document) if document else Choice(id=plugin_id)

    async def put(self, choice: Choice) -> Choice:
        """Store it as the next revision. Raises ChangedMeanwhile when it was not the newest."""
        document: Document = {
            "enabled": choice.enabled,
            "settings": dict(choice.settings),
            "sealed": dict(choice.sealed),
            "vouched": list(choice.vouched),
            "revision": choice.revision + 1,
            "changed_by": choice.changed_by,
            "changed_at": choice.changed_at,
        }
        try:
            with store_errors():
                if choice.revision == 0:
                    # The contract's result may have made the document before anybody chose.
                    result = await self._collection.update_one(
                        {"_id": choice.id, "revision": {"$in": [0, None]}},
                        {"$set": document},
                        upsert=True,
                    )
                    won = bool(result.matched_count or result.upserted_id)
                else:
                    result = await self._collection.update_one(
                        {"_id": choice.id, "revision": choice.revision}, {"$set": document}
                    )
                    won = bool(result.matched_count)
        except KeyTaken:
            won = False
        if not won:
            raise ChangedMeanwhile
        return await self.get(choice.id)

    async def put_sealed(self, choice: Choice, sealed: Mapping[str, str]) -> None:
        """The same secrets, sealed otherwise: no change that anybody has to act upon.

        Raises ChangedMeanwhile when this was not the newest choice.
        """
        with store_errors():
            result = await self._collection.update_one(
                {"_id": choice.id, "revision": choice.revision}, {"$set": {"sealed": dict(sealed)}}
            )
        if not result.matched_count:
            raise ChangedMeanwhile

    async def put_contract(self, plugin_id: str, result: ContractResult) -> None:
        """Remember the last conformance run; no change that anybody has to act upon."""
        document = {
            "passed": result.passed,
            "failed": result.failed,
            "at": result.at,
            "failures": list(result.failures),
        }
        with store_errors():
            await self._collection.update_one(
                {"_id": plugin_id}, {"$set": {"contract": document}}, upsert=True
            )

    async def heard_until(self, plugin_id: str) -> datetime | None:
        """Until when all that came by this channel is known to be taken in; None: never asked.

        Raises StoreUnavailable.
        """
        with store_errors():
            document = await self._collection.find_one({"_id": plugin_id}, {"heard_until": 1})
        at = document.get("heard_until") if document else None
        return at if isinstance(at, datetime) else None

    async def put_heard_until(self, plugin_id: str, at: datetime) -> None:
        """Remember it; no change that anybody has to act upon. Raises StoreUnavailable."""
        with store_errors():
            await self._collection.update_one(
                {"_id": plugin_id}, {"$set": {"heard_until": at}}, upsert=True
            )


def _from_document(document: Mapping[str, Any]) -> Choice:
    contract = document.get("contract")
    return Choice(
        id=document["_id"],
        enabled=document.get("enabled"),
        settings=document.get("settings", {}),
        sealed=document.get("sealed", {}),
        vouched=tuple(document.get("vouched", ())),
        revision=document.get("revision", 0),
        changed_by=document.get("changed_by", ""),
        changed_at=document.get("changed_at"),
        contract=None
        if contract is None
        else ContractResult(
            passed=contract["passed"],
            failed=contract["failed"],
            at=contract["at"],
            failures=tuple(contract["failures"]),
        ),
    )
