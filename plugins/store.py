"""What admins decided about plugins: on or off, settings, sealed secrets, last check-ups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, PyMongoError

from core.errors import BadInput, StoreUnavailable

Document = dict[str, Any]


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
    """An admin's word on one plugin."""

    id: str
    enabled: bool | None = None  #: None: nobody said anything, the environment decides
    settings: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)  #: secrets by name, unreadable
    revision: int = 0  #: grows with every change; 0 is not stored yet
    changed_by: str = ""
    changed_at: datetime | None = None
    contract: ContractResult | None = None


class PluginStore:
    """One document a plugin, changed by compare-and-set on its revision."""

    def __init__(self, collection: AsyncCollection[Document]) -> None:
        self._collection = collection

    async def all(self) -> Mapping[str, Choice]:
        """Every stored choice by plugin id. Raises StoreUnavailable."""
        try:
            documents = await self._collection.find({}).to_list()
        except PyMongoError as error:
            raise StoreUnavailable from error
        return {d["_id"]: _from_document(d) for d in documents}

    async def get(self, plugin_id: str) -> Choice:
        """The choice, an empty one when nobody made any. Raises StoreUnavailable."""
        try:
            document = await self._collection.find_one({"_id": plugin_id})
        except PyMongoError as error:
            raise StoreUnavailable from error
        return _from_document(document) if document else Choice(id=plugin_id)

    async def put(self, choice: Choice) -> Choice:
        """Store it as the next revision. Raises ChangedMeanwhile when it was not the newest."""
        document: Document = {
            "enabled": choice.enabled,
            "settings": dict(choice.settings),
            "sealed": dict(choice.sealed),
            "revision": choice.revision + 1,
            "changed_by": choice.changed_by,
            "changed_at": choice.changed_at,
        }
        try:
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
        except DuplicateKeyError:
            won = False
        except PyMongoError as error:
            raise StoreUnavailable from error
        if not won:
            raise ChangedMeanwhile
        return await self.get(choice.id)

    async def put_contract(self, plugin_id: str, result: ContractResult) -> None:
        """Remember the last conformance run; no change that anybody has to act upon."""
        document = {
            "passed": result.passed,
            "failed": result.failed,
            "at": result.at,
            "failures": list(result.failures),
        }
        try:
            await self._collection.update_one(
                {"_id": plugin_id}, {"$set": {"contract": document}}, upsert=True
            )
        except PyMongoError as error:
            raise StoreUnavailable from error


def _from_document(document: Mapping[str, Any]) -> Choice:
    contract = document.get("contract")
    return Choice(
        id=document["_id"],
        enabled=document.get("enabled"),
        settings=document.get("settings", {}),
        sealed=document.get("sealed", {}),
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
