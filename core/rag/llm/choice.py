"""The language model as an admin has chosen it in the console, with its key, sealed."""

from __future__ import annotations

import asyncio
import enum
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from config.sections import LlmSettings
from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.accounts.secret_box import SecretBox, SecretUnreadable
from core.clock import Clock
from core.company.sealed_setting import SealedSetting
from core.errors import BadInput, ContactCenterError
from core.rag.llm.chat_model import ModelSettings
from core.storage.client import MongoCollection
from core.storage.following import follow

log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_]{1,40}:[^\s\x00-\x1f\x7f]{1,200}")


class Source(enum.StrEnum):
    """Whose word on the model counts."""

    ENVIRONMENT = "environment"  #: LLM_MODEL and what belongs to it
    NONE = "none"  #: no model, whatever the environment says: answers are quoted
    CONSOLE = "console"  #: the one that is chosen here


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """An admin's choice; the key is sealed, "" where the provider's own variable holds."""

    source: Source = Source.ENVIRONMENT
    model: str = ""  #: "openai:gpt-6-luna", as LangChain names it
    base_url: str = ""  #: another server that speaks the provider's language
    sealed_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedModel:
    """A choice as it is entered, with the key in the clear; an empty one stays as it is."""

    source: Source
    model: str = ""
    base_url: str = ""
    api_key: str = ""


class KeyNeeded(BadInput):
    """Another provider or address needs its key entered, too."""


OnChosen = Callable[[ModelSettings | None], Awaitable[None]]
"""Hears which model to ask from now on; None: none."""

Reach = Callable[[str], Awaitable[None]]
"""Raises BadInput for an address that may not be asked."""


class ModelChoices:
    """Keeps the choice, and tells every process of it.

    What is chosen here stands before the environment, like everything an admin sets; timeouts,
    options and budgets stay the environment's.
    """

    def __init__(
        self,
        collection: MongoCollection,
        *,
        environment: LlmSettings,
        seal: SecretBox,
        audit: Audit,
        clock: Clock,
        reach: Reach,
    ) -> None:
        self._kept = SealedSetting(
            collection,
            name="model",
            field="api_key",
            title="language model",
            seal=seal,
            audit=audit,
            clock=clock,
        )
        self._environment = environment
        self._audit = audit
        self._reach = reach
        self._current = ModelChoice()
        self._in_force = ModelChoice()  #: what is built is what the environment says
        self._applying = asyncio.Lock()
        self._listener: OnChosen | None = None
        #: Why the chosen model is not the one that is asked; "" when it is.
        self.trouble = ""

    @property
    def current(self) -> ModelChoice:
        """The choice as it was last read."""
        return self._current

    @property
    def environment(self) -> LlmSettings:
        """What holds where nothing is chosen."""
        return self._environment

    def on_chosen(self, listener: OnChosen) -> None:
        """Await this after every change; it raises SetupError for a model it cannot have."""
        self._listener = listener

    def settings(self) -> ModelSettings | None:
        """The model to ask; None for none. Raises KeyNeeded for another SECRET_KEY."""
        choice = self._current
        key = self._opened(choice) if choice.sealed_key else ""
        return self._settings(choice, key)

    async def load(self) -> ModelChoice:
        """Read the choice. Raises StoreUnavailable."""
        found = await self._kept.read()
        self._current = self._choice(found) if found else ModelChoice()
        return self._current

    async def tried(self, user: User, wanted: WantedModel) -> ModelSettings:
        """What is entered as it would be asked, and nothing kept. Raises BadInput, Forbidden."""
        user.require(Action.SETTINGS_CHANGE)
        choice, key = await self._checked(wanted)
        settings = self._settings(choice, key)
        if settings is None:
            raise BadInput("No model is set, so there is nothing to test: answers are quoted.")
        return settings

    async def save(self, user: User, wanted: WantedModel, *, address: str = "") -> ModelChoice:
        """Choose this, in every process within seconds. Raises BadInput, Forbidden."""
        user.require(Action.SETTINGS_CHANGE)
        before = await self.load()
        choice, key = await self._checked(wanted)
        if key:
            choice = replace(choice, sealed_key=self._kept.close(key))
        await self._kept.write(
            user,
            {
                "source": choice.source.value,
                "model": choice.model,
                "base_url": choice.base_url,
            },
            sealed=choice.sealed_key,
        )
        await self._audit.record(
            "settings.model",
            who=user.email,
            address=address,
            before=_told(before),
            after=_told(choice),
        )
        self._current = choice
        await self.apply()
        return choice

    async def reseal(self, user: User) -> Mapping[str, int]:
        """Seal the key with the newest SECRET_KEY. Raises SecretUnreadable where none fits."""
        return await self._kept.reseal(user)

    async def apply(self) -> None:
        """Have the choice hold here; what cannot be had is said in `trouble`, and others go on."""
        async with self._applying:
            choice = self._current
            if self._listener is None or choice == self._in_force:
                return
            self._in_force = choice
            try:
                await self._listener(self.settings())
                self.trouble = ""
            except ContactCenterError as error:
                log.error("the chosen language model cannot be used: %s", error.detail)
                self.trouble = error.detail

    async def run(self, *, is_alone: bool = False) -> None:
        """Follow what other processes choose; do it once where there are none."""

        async def look() -> None:
            await self.load()
            await self.apply()

        await follow(look, name="the choice of the language model", is_alone=is_alone)

    def _settings(self, choice: ModelChoice, key: str) -> ModelSettings | None:
        env = self._environment
        match choice.source:
            case Source.NONE:
                return None
            case Source.ENVIRONMENT:
                model, fallbacks, options = env.llm_model, env.llm_fallback_models, {}
            case Source.CONSOLE:
                given = {"api_key": key, "base_url": choice.base_url}
                options = {k: v for k, v in given.items() if v}
                # Another model than the environment's: its fallbacks were chosen for that one.
                model, fallbacks = choice.model, ()
        if not model:
            return None
        provider = model.partition(":")[0]
        return ModelSettings(
            model=model,
            fallbacks=fallbacks,
            timeout_seconds=env.llm_timeout_seconds,
            extra=env.llm_options,
            options={provider: options} if options else {},
        )

    async def _checked(self, wanted: WantedModel) -> tuple[ModelChoice, str]:
        """The choice without its new key sealed, and the key that it would be asked with."""
        if wanted.source is not Source.CONSOLE:
            return ModelChoice(source=wanted.source), ""
        model, base_url = wanted.model.strip(), wanted.base_url.strip().rstrip("/")
        if not _NAME.fullmatch(model):
            raise BadInput("A model is named provider:model, as openai:gpt-6-luna.")
        if base_url:
            parts = urlsplit(base_url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise BadInput("An address begins with https:// and names a server.")
            await self._reach(base_url)
        key = wanted.api_key.strip()
        choice = ModelChoice(source=wanted.source, model=model, base_url=base_url)
        if key:
            return choice, key
        kept = self._current
        same = _where(kept) == _where(choice)
        if kept.sealed_key and same:
            return replace(choice, sealed_key=kept.sealed_key), self._opened(kept)
        # A key goes nowhere but where it was entered for: not the stored one, and not the
        # environment's either, which a provider's library would send to any address.
        if kept.sealed_key or (base_url and base_url != (self._environment.openai_base_url or "")):
            raise KeyNeeded
        return choice, ""

    def _choice(self, document: Mapping[str, Any]) -> ModelChoice:
        return ModelChoice(
            source=Source(document["source"]),
            model=document["model"],
            base_url=document["base_url"],
            sealed_key=self._kept.sealed_in(document),
        )

    def _opened(self, choice: ModelChoice) -> str:
        try:
            return self._kept.open(choice.sealed_key)
        except SecretUnreadable:
            raise KeyNeeded(
                "The model's key was sealed with another SECRET_KEY; enter it again."
            ) from None


def _where(choice: ModelChoice) -> tuple[str, str]:
    """To whom a key goes: a provider, at an address."""
    return choice.model.partition(":")[0], choice.base_url


def _told(choice: ModelChoice) -> Mapping[str, Any]:
    """For the audit, which masks what is called a secret: that there is a key, not which."""
    return {
        "source": choice.source.value,
        "model": choice.model,
        "address": choice.base_url,
        "has key": bool(choice.sealed_key),
    }
