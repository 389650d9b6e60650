"""Builds the slice of the first hour: its steps, and the demonstration shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.accounts.roles import Action, User
from core.console.health import ChannelReady
from core.console.start.pages import PAGE, StartRoutes
from core.console.start.shop import DemonstrationShop
from core.console.start.steps import FirstSteps
from core.privacy.service import PrivacyService
from core.rag.knowledge_base.rag import Rag
from core.runtime.shipped import DEMONSTRATION
from core.slices.slice import Core, Slice, Web
from core.web.http.routing import Routed

QUEUE = "/console/approvals"


def setup(
    core: Core,
    rag: Rag,
    *,
    privacy: PrivacyService,
    channels: Callable[[], Mapping[str, ChannelReady]],
) -> Slice:
    """What a new admin is shown; `channels` are those that are switched on."""
    shop = DemonstrationShop(core, rag=rag, privacy=privacy, folder=DEMONSTRATION)
    steps = FirstSteps(core, rag=rag, shop=shop, channels=channels)

    def routes(web: Web) -> Sequence[Routed]:
        return (StartRoutes(steps, shop=shop, rag=rag, pages=web.pages),)

    return Slice(name="first steps", routes=routes)


async def home_of(user: User, rag: Rag) -> str:
    """Where the console begins: with the first steps, until there is something to answer from."""
    begins = user.may(Action.SETTINGS_CHANGE) and not await rag.knowledge.count()
    return PAGE if begins else QUEUE
