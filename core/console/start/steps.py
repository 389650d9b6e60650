"""The first hour's steps, each with its true state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.console.health import ChannelReady
from core.console.start.shop import DemonstrationShop
from core.domain.conversation import Status
from core.domain.messages import DEMONSTRATION, WEB_CHAT
from core.rag.knowledge_base.rag import Rag
from core.slices.slice import Core
from core.storage.errors import store_errors

FEW = 20  #: more conversations of one status than the demonstration has


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step; `start.steps.NAME` has its words, `start.steps.NAME_hint` what to do."""

    name: str
    done: bool
    path: str  #: where it is done
    count: int = 0  #: of what is there already


class FirstSteps:
    """Looks at what there is; nothing is ticked by hand."""

    def __init__(
        self,
        core: Core,
        *,
        rag: Rag,
        shop: DemonstrationShop,
        channels: Callable[[], Mapping[str, ChannelReady]],
    ) -> None:
        self._core = core
        self._rag = rag
        self._shop = shop
        self._channels = channels

    async def steps(self) -> Sequence[Step]:
        """All of them, in their order. Raises StoreUnavailable."""
        articles = await self._rag.knowledge.count()
        brought = await self._shop.brought()
        invented = brought.people if brought else ()
        accounts = await self._core.account_store.accounts()
        people = [one for one in accounts if one.user.email not in invented]
        speaking = [i for i, one in self._channels().items() if i != WEB_CHAT and one.speaks]
        public = bool(self._core.settings.server.public_url)
        return (
            Step(name="knowledge", done=articles > 0, path="/console/knowledge", count=articles),
            Step(name="try", done=await self._was_tried(), path="/"),
            Step(name="people", done=len(people) > 1, path="/console/users", count=len(people)),
            Step(
                name="channel",
                done=bool(speaking),
                path="/console/plugins",
                count=len(speaking),
            ),
            Step(
                name="live",
                done=public and articles > 0 and brought is None,
                path="/console/settings#website",
            ),
        )

    async def _was_tried(self) -> bool:
        """Whether there is a conversation that the demonstration has not brought."""
        conversations = self._core.db["conversations"]
        account = {"state.address.account": 1}
        for status in Status:
            with store_errors():
                found = await conversations.find({"status": status.value}, account).to_list(FEW)
            accounts = [(one.get("state", {}).get("address") or {}).get("account") for one in found]
            if any(one not in (None, DEMONSTRATION) for one in accounts):
                return True
        return False
