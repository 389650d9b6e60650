"""What `doctor` tries of the channels: each one that is on, with its own settings."""

from __future__ import annotations

from collections.abc import Sequence

from core.accounts.service import OPERATOR
from core.doctor import Check
from core.errors import SetupError
from plugins.host import Plugin
from plugins.service import PluginService


async def channel_checks(service: PluginService) -> Sequence[Check]:
    """A check for every plugin there is."""
    return [_check(service, plugin) for plugin in await service.plugins(OPERATOR)]


def _check(service: PluginService, plugin: Plugin) -> Check:
    async def attempt() -> str:
        if plugin.found.problem:
            raise SetupError(plugin.found.problem)
        if not plugin.wanted.enabled:
            return "off"
        checked = await service.check(OPERATOR, plugin.id)
        if not checked.ok:
            raise SetupError(checked.detail)
        return checked.detail

    remedy = f"Change it: bot.py plugins enable {plugin.id} --set KEY=VALUE"
    return Check(name=f"channel {plugin.id}", attempt=attempt, remedy=remedy)
