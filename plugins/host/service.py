"""The plugins service that every face (console, API, command line) calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

from pydantic import BaseModel, ValidationError

from core.accounts.roles import Action, User
from core.accounts.secret_box import SecretBox
from core.accounts.service import OPERATOR
from core.clock import Clock
from core.errors import BadInput, ContactCenterError
from core.sdk.channel import Channel, ChecksConnection
from plugins.conformance.runner import ContractRun, run_contract, tests_of
from plugins.host.host import Plugin, PluginHost
from plugins.host.states import Wanted, settings_sentence, shown
from plugins.registry.catalog import Found, PluginBroken
from plugins.registry.egress import changed_places
from plugins.registry.forms import SettingsForm, form_of, own_settings, secret_names
from plugins.registry.settings_changes import refuse_unknown, require_secrets, with_changes
from plugins.registry.store import Choice, ContractResult, PluginStore


class Records(Protocol):
    """The port to the audit (`core.accounts.audit.log.Audit`)."""

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
    """The outcome of a connection check."""

    ok: bool
    detail: str


class PluginService:
    """Lists, switches, configures and tries plugins, each with the right it needs."""

    def __init__(
        self,
        host: PluginHost,
        *,
        store: PluginStore,
        seal: SecretBox,
        audit: Records,
        clock: Clock,
        beside: Callable[[], Mapping[str, Found]] = dict,
    ) -> None:
        """`beside` finds plugins of other kinds, whose tests are run here as well."""
        self._host = host
        self._beside = beside
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
        self,
        user: User,
        plugin_id: str,
        *,
        settings: Mapping[str, Any] | None = None,
        address: str = "",
        recorded: bool = True,
    ) -> Checked:
        """Try the connection with what is stored, or with these settings before storing them.

        Where an admin has named the address, what answers there is not repeated. It is recorded:
        whoever may try addresses may look around by it.
        """
        user.require(Action.PLUGINS_CHANGE)
        plugin = await self._known(plugin_id)
        if plugin.found.problem:
            return Checked(ok=False, detail=plugin.found.problem)
        given = settings or {}
        wanted, checked = plugin.wanted, Checked(ok=False, detail="")
        try:
            model = await self._model(plugin_id)
            secrets = secret_names(model)
            choice = self._chosen(plugin.choice, given, secrets=secrets, user=user)
            wanted = self._host.wanted(plugin.found, choice)
            self._require_secrets(plugin, given, wanted, secrets=secrets, user=user)
            await self._host.reach.require(wanted.places)
            checked = await self._checked(plugin_id, model, wanted, trial=bool(given))
        except ValidationError as error:
            checked = Checked(ok=False, detail=settings_sentence(error))
        except BadInput as error:
            checked = Checked(ok=False, detail=error.detail)
        except Exception as error:
            checked = Checked(ok=False, detail=wanted.said_of(error))
        if recorded:
            await self._audit.record(
                "plugin.check",
                who=user.email,
                address=address,
                subject=plugin_id,
                after={"ok": checked.ok, "places": wanted.places, "changed": sorted(given)},
            )
        return checked

    async def _checked(
        self, plugin_id: str, model: type[BaseModel], wanted: Wanted, *, trial: bool
    ) -> Checked:
        channel = self._host.get(plugin_id)
        if channel is not None and not trial:
            return await _try(channel, wanted)
        values = model.model_validate(own_settings(model, wanted.settings))
        async with self._host.on_trial(plugin_id, values, places=wanted.places) as made:
            return await _try(made, wanted)

    async def reseal(self, user: User) -> Mapping[str, int]:
        """Seal every stored secret with the newest key; how many, by plugin.

        Whatever runs goes on. Raises SecretUnreadable, naming the plugin, where none of the keys
        fits; what came before it is sealed anew.
        """
        user.require(Action.PLUGINS_CHANGE)
        done: dict[str, int] = {}
        for choice in (await self._store.all()).values():
            if not choice.sealed:
                continue
            anew = self._seal.anew(choice.id, choice.sealed)
            await self._store.put_sealed(choice, anew)
            done[choice.id] = len(anew)
            await self._audit.record(
                "plugin.reseal",
                who=user.email,
                subject=choice.id,
                after={"settings": sorted(anew)},
            )
        return done

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
        found = {**await asyncio.to_thread(self._beside), **self._host.found()}
        run = await run_contract(plugin_id, found=found, folder=folder)
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
            refuse_unknown(model, settings)
            if enabled or settings:
                chosen = self._chosen(choice, settings, secrets=secrets, user=user)
                wanted = self._host.wanted(plugin.found, chosen)
                self._require_secrets(plugin, settings, wanted, secrets=secrets, user=user)
                try:
                    model.model_validate(own_settings(model, wanted.settings))
                except ValidationError as error:
                    raise BadInput(settings_sentence(error)) from error
                await self._host.reach.require(wanted.places)
        changed = self._chosen(choice, settings, secrets=secrets, user=user)
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

    def _require_secrets(
        self,
        plugin: Plugin,
        settings: Mapping[str, Any],
        wanted: Wanted,
        *,
        secrets: frozenset[str],
        user: User,
    ) -> None:
        """Whoever takes their word on an address back leads where the operator has pointed, and
        needs no secret."""
        if user.id == OPERATOR.id:
            return
        now = self._host.wanted(plugin.found, plugin.choice).settings
        before = {n: v for n, v in now.items() if n not in secrets}
        after = {n: v for n, v in wanted.settings.items() if n not in secrets}
        moved = [n for n in changed_places(before, after) if settings.get(n) is not None]
        kept = {*plugin.choice.sealed, *self._host.from_environment(plugin.id)} & secrets
        require_secrets(moved, settings, kept=kept)

    def _chosen(
        self,
        choice: Choice,
        settings: Mapping[str, Any],
        *,
        secrets: frozenset[str],
        user: User,
    ) -> Choice:
        stored = with_changes(
            choice, settings, secrets=secrets, seal=self._seal, by_operator=user.id == OPERATOR.id
        )
        return replace(
            choice, settings=stored.settings, sealed=stored.sealed, vouched=stored.vouched
        )


async def _try(channel: Channel, wanted: Wanted) -> Checked:
    if not isinstance(channel, ChecksConnection):
        return Checked(
            ok=True, detail="The settings are complete; this channel has no other check."
        )
    said = await cast("ChecksConnection", channel).check()
    return Checked(ok=True, detail="The connection works." if wanted.places else shown(said))


def _told(choice: Choice) -> dict[str, Any]:
    """A choice as the audit may show it: of secrets only the names."""
    return {
        "enabled": choice.enabled,
        "settings": dict(choice.settings),
        "sealed": sorted(choice.sealed),
        "revision": choice.revision,
    }
