"""Keeps the company's settings, and tells every process of changes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.clock import Clock
from core.company.model import FORM, Company, checked
from core.errors import ContactCenterError
from core.storage.client import MongoCollection
from core.storage.errors import store_errors
from core.storage.following import follow

log = logging.getLogger(__name__)

_ID, _LOGO = "company", "logo"
_NAMES = tuple(f.name for f in fields(Company))

Listener = Callable[[Company], None]


class CompanyStore:
    """The settings in force, as last read; `current` costs nothing."""

    def __init__(self, collection: MongoCollection, *, audit: Audit, clock: Clock) -> None:
        self._collection = collection
        self._audit = audit
        self._clock = clock
        self._current = Company()
        self._checks: list[Listener] = []
        self._listeners: list[Listener] = []

    @property
    def current(self) -> Company:
        """What is set now."""
        return self._current

    def on_check(self, check: Listener) -> None:
        """Ask this before anything is saved; it raises BadInput for what it cannot use."""
        self._checks.append(check)

    def on_changed(self, listener: Listener) -> None:
        """Call this with what is set now, and after every change."""
        self._listeners.append(listener)
        listener(self._current)

    async def load(self) -> Company:
        """Read what is set. Raises StoreUnavailable."""
        with store_errors():
            document = await self._collection.find_one({"_id": _ID})
        self._take(_company(document) if document else Company())
        return self._current

    async def save(self, user: User, company: Company, *, address: str = "") -> Company:
        """Set this, in every process within seconds. Raises BadInput, Forbidden."""
        user.require(Action.SETTINGS_CHANGE)
        company = checked(company)
        for check in self._checks:
            check(company)
        known = await self.load()
        before, after = _plain(known), _plain(company)
        await self._set(user, {name: after[name] for name in FORM})
        changed = {name for name in FORM if before[name] != after[name]}
        if changed:
            await self._audit.record(
                "settings.change",
                who=user.email,
                address=address,
                before={name: before[name] for name in sorted(changed)},
                after={name: after[name] for name in sorted(changed)},
            )
        company = replace(company, logo=known.logo, demonstration=known.demonstration)
        self._take(company)
        return company

    async def set_logo(self, user: User, picture: bytes, *, address: str = "") -> Company:
        """Show this PNG in the chat, b"" for none; see `core.company.logo.drawn_anew`."""
        user.require(Action.SETTINGS_CHANGE)
        before = (await self.load()).logo
        digest = hashlib.sha256(picture).hexdigest()[:16] if picture else ""
        # First the picture, then its name: nobody is sent to what is not there yet.
        with store_errors():
            if picture:
                document = {"_id": _LOGO, "png": picture, "logo": digest}
                await self._collection.replace_one({"_id": _LOGO}, document, upsert=True)
            else:
                await self._collection.delete_one({"_id": _LOGO})
        await self._set(user, {"logo": digest})
        await self._audit.record(
            "settings.logo",
            who=user.email,
            address=address,
            before={"logo": before},
            after={"logo": digest},
        )
        return await self.load()

    async def logo(self) -> bytes:
        """The picture as PNG, b"" where there is none."""
        with store_errors():
            found = await self._collection.find_one({"_id": _LOGO})
        return bytes(found["png"]) if found else b""

    async def set_demonstration(self, user: User, *, is_here: bool) -> None:
        """Whether the demonstration shop is here, in every process within seconds."""
        user.require(Action.SETTINGS_CHANGE)
        await self._set(user, {"demonstration": is_here})
        await self.load()

    async def _set(self, user: User, values: Mapping[str, Any]) -> None:
        change = {**values, "changed_by": user.email, "changed_at": self._clock.now()}
        with store_errors():
            await self._collection.update_one({"_id": _ID}, {"$set": change}, upsert=True)

    async def run(self, *, is_alone: bool = False) -> None:
        """Follow what other processes set; read it once where there are none."""
        await follow(self.load, name="the company's settings", is_alone=is_alone)

    def _take(self, company: Company) -> None:
        if company == self._current:
            return
        self._current = company
        for listener in self._listeners:
            try:
                listener(company)
            except ContactCenterError as error:
                # Another process took it, with another environment or release: here it stays as
                # it was, and an admin can still set something else.
                log.error("what is set for the company cannot be used here: %s", error.detail)


def _plain(company: Company) -> dict[str, Any]:
    plain = asdict(company)
    plain["questions"] = {code: list(lines) for code, lines in company.questions.items()}
    return plain


def _company(document: Mapping[str, Any]) -> Company:
    # It was checked when it was saved; whoever checks more strictly now must be able to change it.
    return Company(**{name: document[name] for name in _NAMES if name in document})
