"""Builds the web chat's slice: its page, its widget, and the conversations API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from channels.web.api import ConversationRoutes
from channels.web.channel import OFF, WayIn
from channels.web.files import Files
from channels.web.pages import STATIC, ChatPages
from core.attachments.views import FileViews
from core.domain.messages import WEB_CHAT
from core.engine.ports import ChannelDirectory
from core.errors import ChannelNotReady
from core.slices.slice import Core, Slice, Web
from core.web.http.routing import Routed
from core.web.identity.visitor_identity import VisitorIdentity
from core.web.limits.admission import Admission


def setup(
    core: Core,
    *,
    host: ChannelDirectory,
    under_way: Collection[str],
    demonstrates: Callable[[], Awaitable[bool]],
) -> Slice:
    """The chat; `under_way` are the conversations in which an answer is being made."""

    way_in = WayIn()
    core.shared.on(WEB_CHAT, way_in.opened)

    def is_on() -> bool:
        return host.get(WEB_CHAT) is not None

    async def check() -> None:
        if not is_on():
            raise ChannelNotReady(OFF)

    def routes(web: Web) -> Sequence[Routed]:
        return (
            ChatPages(
                core.words,
                assets=web.assets,
                demonstrates=demonstrates,
                is_on=is_on,
                max_mb=core.settings.attachments.attachment_max_mb,
                company=lambda: core.company.current,
            ),
            ConversationRoutes(
                web.settings,
                conversations=core.conversations,
                receive=way_in.receive,
                bus=core.bus,
                visitors=web.visitors,
                identity=VisitorIdentity(
                    secret_key=core.secret_key, previous_key=core.previous_key
                ),
                admission=Admission(
                    web.settings.limits, under_way=under_way, clock=core.clock, shared=core.rates
                ),
                clock=core.clock,
                is_on=is_on,
                files=Files(library=core.library, views=FileViews(core.links)),
            ),
        )

    return Slice(
        name="web chat", routes=routes, static={"chat": STATIC}, health={"web chat": check}
    )
