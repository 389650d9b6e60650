"""Keeps one setting of an admin's that holds a secret: a document, its secret sealed in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.accounts.secret_box import SecretBox
from core.clock import Clock
from core.storage.client import MongoCollection
from core.storage.errors import store_errors


class SealedSetting:
    """The document of this name; what its fields mean is its owner's matter."""

    def __init__(
        self,
        collection: MongoCollection,
        *,
        name: str,
        field: str,
        title: str,
        seal: SecretBox,
        audit: Audit,
        clock: Clock,
    ) -> None:
        """`name` is the document's id, `field` its secret's, `title` the setting's in the audit."""
        self._collection = collection
        self._name = name
        self._field = field
        self._title = title
        self._seal = seal
        self._audit = audit
        self._clock = clock

    async def read(self) -> Mapping[str, Any] | None:
        """Its fields, None where nothing is set. Raises StoreUnavailable."""
        with store_errors():
            return await self._collection.find_one({"_id": self._name})

    def sealed_in(self, document: Mapping[str, Any]) -> str:
        """The sealed secret of such a document, "" for none."""
        return str(document.get("sealed", {}).get(self._field, ""))

    def close(self, secret: str) -> str:
        """The secret, sealed."""
        return self._seal.close(self._name, self._field, secret)

    def open(self, sealed: str) -> str:
        """The secret. Raises SecretUnreadable."""
        return self._seal.open(self._name, self._field, sealed)

    async def write(
        self,
        user: User,
        fields: Mapping[str, Any],
        *,
        sealed: str,
    ) -> None:
        """Set this, with its secret sealed ("" for none). Raises StoreUnavailable."""
        document = {
            "_id": self._name,
            **fields,
            "sealed": {self._field: sealed} if sealed else {},
            "changed_by": user.email,
            "changed_at": self._clock.now(),
        }
        with store_errors():
            await self._collection.replace_one({"_id": self._name}, document, upsert=True)

    async def reseal(self, user: User) -> Mapping[str, int]:
        """Seal the secret with the newest SECRET_KEY; how many there were, by title.

        Raises SecretUnreadable where no key fits.
        """
        user.require(Action.PLUGINS_CHANGE)
        sealed = self.sealed_in(await self.read() or {})
        if not sealed:
            return {}
        anew = self._seal.anew(self._name, {self._field: sealed})
        with store_errors():
            await self._collection.update_one({"_id": self._name}, {"$set": {"sealed": anew}})
        await self._audit.record("plugin.reseal", who=user.email, subject=self._title)
        return {self._title: 1}
