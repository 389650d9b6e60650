"""The secrets of all sources, sealed anew when SECRET_KEY has changed."""

from __future__ import annotations

from collections.abc import Mapping

from core.accounts.roles import Action, User
from core.accounts.secret_box import SecretBox
from plugins.host.service import Records
from plugins.sources.store import SourceStore


class SourceSecrets:
    """Seals what sources keep: the secrets among their settings, and those of their webhooks."""

    def __init__(self, store: SourceStore, *, seal: SecretBox, audit: Records) -> None:
        self._store = store
        self._seal = seal
        self._audit = audit

    async def reseal(self, user: User) -> Mapping[str, int]:
        """Seal every stored secret with the newest key; how many, by source.

        Raises SecretUnreadable, naming the source, where none of the keys fits; what came before
        it is sealed anew.
        """
        user.require(Action.PLUGINS_CHANGE)
        done: dict[str, int] = {}
        for source in await self._store.all():
            sealed = self._seal.anew(source.id, source.sealed)
            hook = self._seal.anew(source.id, {"hook": source.hook} if source.hook else {})
            if not sealed and not hook:
                continue
            await self._store.put_sealed(source, sealed, hook=hook.get("hook", ""))
            done[source.id] = len(sealed) + len(hook)
            await self._audit.record(
                "plugin.reseal",
                who=user.email,
                subject=source.id,
                after={"settings": sorted({*sealed, *hook})},
            )
        return done
