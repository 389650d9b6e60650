"""What staff may do with plugins; every face (console, API, command line) calls this."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

from pydantic import BaseModel, ValidationError

from core.accounts.rules import Action, User
from core.channel import Channel, ChecksConnection
from core.clock import Clock
from core.errors import BadInput, ChannelError, ContactCenterError
from plugins.catalog import PluginBroken
from plugins.contract import ContractRun, run_contract, tests_of
from plugins.forms import SettingsForm, form_of, plain_values, secret_names
from plugins.host import Plugin, PluginHost
from plugins.lane import TookTooLong
from plugins.sealing import Seal
from plugins.states import settings_sentence
from plugins.store import Choice, ContractResult, PluginStore


class Records(Protocol):
    """Whoever keeps the audit (`core.accounts.audit.Audit`)."""

    async def record(
        self,
        what: str,
        *,
        who: str,
        address: str = "",
        subject: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Append one entry."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What trying the connection showed."""

    ok: bool
    detail: str


class PluginService:
    """Lists, switches, configures and tries plugins, each with the right it needs."""

    def __init__(
        self, host: PluginHost, *, store: PluginStore, seal: Seal, audit: Records, clock: Clock
    ) -> None:
        self._host = host
        self._store = store
        self._seal = seal
        self._audit = audit
        self._clock = clock

    @property
    def live(self) -> bool:
        """Whether this process runs the channels."""
        return self._host.live

    async def plugins(self, user: User) -> Sequence[Plugin]:
        """Every plugin there is at this moment, also one installed a second ago."""
        user.require(Action.PLUGINS_READ)
        await self._host.refresh()
        return self._host.plugins()

    async def plugin(self, user: User, plugin_id: str) -> Plugin:
        """One of them. Raises NotFound."""
        user.require(Action.PLUGINS_READ)
        return await self._known(plugin_id)

    async def form(self, user: User, plugin_id: str) -> SettingsForm:
        """Its settings as a form; imports the plugin. Raises NotFound, BadInput."""
        user.require(Action.PLUGINS_READ)
        plugin = await self._known(plugin_id)
        return form_of(
            await self._model(plugin_id),
            values=plugin.wanted.settings,
            from_environment=self._host.from_environment(plugin_id),
            chosen={*plugin.choice.settings, *plugin.choice.sealed},
            words=plugin.found.manifest.words if plugin.found.manifest else None,
        )

    async def enable(
        self,
        user: User,
        plugin_id: str,
        *,
        settings: Mapping[str, Any] | None = None,
        address: str = "",
    ) -> Plugin:
        """Switch it on with these settings changed; it is up a moment later.

        Raises BadInput naming what is wrong with the settings; then nothing is changed.
        """
        return await self._change(
            user, plugin_id, enabled=True, settings=settings or {}, address=address
        )

    async def disable(self, user: User, plugin_id: str, *, address: str = "") -> Plugin:
        """Switch it off; what is under way is finished, what comes later waits."""
        return await self._change(user, plugin_id, enabled=False, settings={}, address=address)

    async def configure(
        self, user: User, plugin_id: str, *, settings: Mapping[str, Any], address: str = ""
    ) -> Plugin:
        """Change these settings; None takes the admin's word back, "" leaves a secret alone."""
        return await self._change(user, plugin_id, enabled=None, settings=settings, address=address)

    async def check(
        self, user: User, plugin_id: str, *, settings: Mapping[str, Any] | None = None
    ) -> Checked:
        """Try the connection with what is stored, or with these settings before storing them."""
        user.require(Action.PLUGINS_CHANGE)
        plugin = await self._known(plugin_id)
        if plugin.found.problem:
            return Checked(ok=False, detail=plugin.found.problem)
        channel = self._host.get(plugin_id)
        try:
            if channel is not None and not settings:
                return await _try(channel)
            model = await self._model(plugin_id)
            values = _known(model, self._merged(plugin, settings or {}, secret_names(model)))
            async with contextlib.AsyncExitStack() as stack:
                made = await stack.enter_async_context(
                    self._host.on_trial(plugin_id, model.model_validate(values))
                )
                return await _try(made)
        except ValidationError as error:
            return Checked(ok=False, detail=settings_sentence(error))
        except (ChannelError, TookTooLong, BadInput) as error:
            return Checked(ok=False, detail=error.detail)
        except Exception as error:
            return Checked(ok=False, detail=f"{type(error).__name__}: {error}")

    async def require_tests(self, user: User, plugin_id: str) -> None:
        """Raises Forbidden, NotFound, and BadInput when it names no tests."""
        user.require(Action.PLUGINS_CHANGE)
        await self._host.refresh()
        tests_of(plugin_id, found=self._host.found(), folder=None)

    async def test(self, user: User, plugin_id: str, *, folder: Path | None = None) -> ContractRun:
        """Run the plugin's conformance tests in a process of their own and keep the result.

        `folder` is where a plugin that is not installed may lie. Raises NotFound, BadInput.
        """
        user.require(Action.PLUGINS_CHANGE)
        await self._host.refresh()
        run = await run_contract(plugin_id, found=self._host.found(), folder=folder)
        if self._host.found().get(plugin_id) is not None:
            await self._store.put_contract(
                plugin_id,
                ContractResult(
                    passed=run.passed,
                    failed=run.failed,
                    at=self._clock.now(),
                    failures=tuple(line.name for line in run.lines if line.failed),
                ),
            )
            await self._host.refresh()
        return run

    async def _known(self, plugin_id: str) -> Plugin:
        try:
            return self._host.plugin(plugin_id)
        except ContactCenterError:
            # It may have been installed since.
            await self._host.refresh()
            return self._host.plugin(plugin_id)

    async def _model(self, plugin_id: str) -> type[BaseModel]:
        try:
            return (await self._host.code(plugin_id)).settings
        except PluginBroken as error:
            raise BadInput(error.detail) from error

    async def _change(
        self,
        user: User,
        plugin_id: str,
        *,
        enabled: bool | None,
        settings: Mapping[str, Any],
        address: str,
    ) -> Plugin:
        user.require(Action.PLUGINS_CHANGE)
        plugin = await self._known(plugin_id)
        choice = await self._store.get(plugin_id)
        plugin = replace(plugin, choice=choice)
        secrets: frozenset[str] = frozenset()
        if enabled is not False:
            if plugin.found.problem:
                raise BadInput(plugin.found.problem)
            model = await self._model(plugin_id)
            secrets = secret_names(model)
            _refuse_unknown(model, settings)
            if enabled or settings:
                try:
                    model.model_validate(_known(model, self._merged(plugin, settings, secrets)))
                except ValidationError as error:
                    raise BadInput(settings_sentence(error)) from error
        changed = self._chosen(choice, settings, secrets=secrets)
        changed = replace(
            changed,
            enabled=choice.enabled if enabled is None else enabled,
            changed_by=user.email,
            changed_at=self._clock.now(),
        )
        stored = await self._store.put(changed)
        what = {True: "plugin.enable", False: "plugin.disable", None: "plugin.configure"}[enabled]
        await self._audit.record(
            what,
            who=user.email,
            address=address,
            subject=plugin_id,
            before=_told(choice),
            after=_told(stored) | {"changed": sorted(settings)},
        )
        await self._host.refresh()
        return self._host.plugin(plugin_id)

    def _merged(
        self, plugin: Plugin, settings: Mapping[str, Any], secrets: frozenset[str]
    ) -> dict[str, Any]:
        """What the plugin would get: the environment, the admin's word, then these."""
        choice = self._chosen(plugin.choice, settings, secrets=secrets)
        return dict(self._host.wanted(plugin.found, choice).settings)

    def _chosen(
        self, choice: Choice, settings: Mapping[str, Any], *, secrets: frozenset[str]
    ) -> Choice:
        plain, sealed = dict(choice.settings), dict(choice.sealed)
        for name, value in settings.items():
            if name in secrets:
                if value is None:
                    sealed.pop(name, None)
                elif value != "":
                    sealed[name] = self._seal.close(choice.id, name, str(value))
            elif value is None:
                plain.pop(name, None)
            else:
                plain[name] = value
        return replace(choice, settings=plain, sealed=sealed)


async def _try(channel: Channel) -> Checked:
    if not isinstance(channel, ChecksConnection):
        return Checked(
            ok=True, detail="The settings are complete; this channel has no other check."
        )
    return Checked(ok=True, detail=await cast("ChecksConnection", channel).check())


def _known(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    names = plain_values(model)
    return {name: value for name, value in values.items() if name in names}


def _refuse_unknown(model: type[BaseModel], settings: Mapping[str, Any]) -> None:
    known = set(plain_values(model))
    unknown = sorted(set(settings) - known)
    if unknown:
        raise BadInput(
            f"{unknown[0]}: there is no such setting; known: {', '.join(sorted(known))}."
        )


def _told(choice: Choice) -> dict[str, Any]:
    """A choice as the audit may show it: of secrets only the names."""
    return {
        "enabled": choice.enabled,
        "settings": dict(choice.settings),
        "sealed": sorted(choice.sealed),
        "revision": choice.revision,
    }
