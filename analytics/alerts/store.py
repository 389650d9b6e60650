"""The one document of the alerts: their limits, those that last, and what was and is to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analytics.alerts.model import Limits, Over, Telling, Watched
from core.storage.client import MongoCollection
from core.storage.errors import store_errors

ID = "alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A telling that has not reached all it should."""

    telling: Telling
    to: tuple[str, ...]  #: "slack", "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """All of it as it stands."""

    limits: Limits = field(default_factory=Limits)
    over: Mapping[Watched, Over] = field(default_factory=dict)
    told: Sequence[Telling] = ()
    waits: Sequence[Waiting] = ()


class AlertStore:
    """Limits are written by the page, the rest by whoever watches: neither overwrites the other."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def load(self) -> Alerts:
        """How it stands. Raises StoreUnavailable."""
        with store_errors():
            found = await self._collection.find_one({"_id": ID})
        return _alerts(found or {})

    async def set_limits(self, limits: Limits) -> None:
        """These hold from now on. Raises StoreUnavailable."""
        await self._set(
            {
                "limits": {name.value: limit for name, limit in limits.limits.items()},
                "slack": limits.slack,
                "mail": limits.mail,
                "changed_by": limits.changed_by,
                "changed_at": limits.changed_at,
            }
        )

    async def note(
        self, over: Mapping[Watched, Over], told: Sequence[Telling], waits: Sequence[Waiting]
    ) -> None:
        """What lasts, was told and has to be told yet. Raises StoreUnavailable."""
        await self._set(
            {
                "over": {
                    name.value: {"since": one.since, "value": one.value, "calm": one.calm}
                    for name, one in over.items()
                },
                "told": [_telling_document(one) for one in told],
                "waits": [{**_telling_document(w.telling), "to": list(w.to)} for w in waits],
            }
        )

    async def _set(self, fields: Mapping[str, Any]) -> None:
        with store_errors():
            await self._collection.update_one({"_id": ID}, {"$set": dict(fields)}, upsert=True)


def _alerts(document: Mapping[str, Any]) -> Alerts:
    return Alerts(
        limits=Limits(
            limits={Watched(name): v for name, v in document.get("limits", {}).items()},
            slack=document.get("slack", True),
            mail=document.get("mail", True),
            changed_by=document.get("changed_by", ""),
            changed_at=document.get("changed_at"),
        ),
        over={Watched(name): Over(**one) for name, one in document.get("over", {}).items()},
        told=[_telling(one) for one in document.get("told", ())],
        waits=[
            Waiting(telling=_telling(one), to=tuple(one["to"])) for one in document.get("waits", ())
        ],
    )


def _telling_document(one: Telling) -> dict[str, Any]:
    return {
        "name": one.name.value,
        "over": one.over,
        "value": one.value,
        "limit": one.limit,
        "since": one.since,
        "at": one.at,
    }


def _telling(document: Mapping[str, Any]) -> Telling:
    return Telling(
        name=Watched(document["name"]),
        over=document["over"],
        value=document["value"],
        limit=document["limit"],
        since=document["since"],
        at=document["at"],
    )
