"""The `doctor` checks of enabled channels."""

from __future__ import annotations

from collections.abc import Sequence

from core.accounts.service import OPERATOR
from core.errors import SetupError
from core.runtime.checks import Check
from plugins.host.host import Plugin
from plugins.host.service import PluginService
from plugins.host.states import State

HEARS = "What customers write is taken in; answers wait."
DEAF = "What customers write is not taken in."


async def channel_checks(service: PluginService) -> Sequence[Check]:
    """A check for every plugin there is."""
    return [_check(service, plugin) for plugin in await service.plugins(OPERATOR)]


def _check(service: PluginService, plugin: Plugin) -> Check:
    async def attempt() -> str:
        if plugin.found.problem:
            raise SetupError(plugin.found.problem)
        if not plugin.wanted.enabled:
            return "off"
        status = plugin.status
        if service.live and status.state in (State.RETRYING, State.NEEDS_ADMIN, State.BROKEN):
            # It tried by itself, and knows more than a connection of its own would tell.
            raise SetupError(f"{status.reason} {HEARS if status.hears else DEAF}")
        checked = await service.check(OPERATOR, plugin.id, recorded=False)
        if not checked.ok:
            raise SetupError(checked.detail)
        return checked.detail

    remedy = f"Change it: bot.py plugins enable {plugin.id} --set KEY=VALUE"
    return Check(name=f"channel {plugin.id}", attempt=attempt, remedy=remedy)
