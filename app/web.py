"""The web server over the routes, templates and files of all slices."""

from __future__ import annotations

from collections.abc import Sequence

from core.accounts.sessions import StaffAccess
from core.cluster.model import Role
from core.console.health import Channels, HealthRoutes
from core.console.operators import OperatorAccess
from core.errors import StoreUnavailable
from core.slices.slice import Core, Slice, Web
from core.web.http.assets import Assets
from core.web.http.routing import Route
from core.web.http.settings import Limits, WebSettings
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.pages import Pages
from core.web.server import WebServer

#: Parts without which a process of many is of no use.
HEALTH_OF_ROLE = {
    Role.ALL: ("store", "web chat"),
    Role.WEB: ("store", "web chat"),
    Role.WORKER: ("store",),
}
SHORT_CONNECTIONS = 200  #: of one address, beside its streams


def build_web(
    core: Core, slices: Sequence[Slice], *, access: StaffAccess, health: HealthRoutes
) -> WebServer:
    """The server of everything; it does not listen yet."""
    settings = web_settings(core)
    assets = Assets(
        {name: folder for part in slices for name, folder in part.static.items()},
        base=settings.base,
    )
    web = Web(
        settings=settings,
        pages=Pages(
            settings,
            words=core.words,
            assets=assets,
            templates={n: folder for part in slices for n, folder in part.templates.items()},
            warnings=lambda: ("console.disk_full",) if core.disk.is_full() else (),
        ),
        assets=assets,
        visitors=VisitorTokens(secret_key=core.secret_key, previous_key=core.previous_key),
    )
    routes: list[Route] = []
    for part in (*[made for one in slices if one.routes for made in one.routes(web)], health):
        routes += [part] if isinstance(part, Route) else part.routes()
    server = WebServer(
        settings,
        routes,
        visitors=web.visitors,
        staff=access,
        clock=core.clock,
        registry=core.registry,
        pages=web.pages,
        audit=core.audit,
    )
    core.accounts.on_changed(lambda user: server.end_streams(user_id=user.id))
    access.on_ended(
        lambda user_id, session_id: server.end_streams(user_id=user_id, session_id=session_id)
    )
    return server


def health_of(core: Core, slices: Sequence[Slice], *, channels: Channels) -> HealthRoutes:
    """Whether it lives and can serve, how its channels do, and its numbers."""
    checks = {name: check for part in slices for name, check in part.health.items()}
    if not core.node.is_alone:
        # Whoever can take messages in is worth having, though nothing can be looked up just now.
        checks = {name: checks[name] for name in HEALTH_OF_ROLE[core.node.role]}

        async def member() -> None:
            if not core.node.is_trusted:
                raise StoreUnavailable("the store has not confirmed us for some seconds")

        checks["member"] = member
    return HealthRoutes(
        checks=checks,
        measures=[measure for part in slices for measure in part.measures],
        registry=core.registry,
        operators=OperatorAccess(web_settings(core)),
        channels=channels,
    )


def web_settings(core: Core) -> WebSettings:
    """What the web face is told."""
    server = core.settings.server
    return WebSettings(
        secret_key=core.secret_key,
        host=server.host,
        port=server.port,
        public_url=server.public_url or "",
        frame_ancestors=server.widget_origins or ("*",),
        trusted_proxies=server.trusted_proxies,
        session_idle_seconds=server.session_idle_seconds,
        session_longest_seconds=server.session_longest_seconds,
        metrics_token=server.metrics_token or "",
        metrics_port=server.metrics_port,
        address_rate=server.rate_per_address,
        address_burst=int(server.rate_per_address * 2),
        conversation_rate=server.rate_per_conversation,
        limits=Limits(
            connections_per_address=server.streams_per_address + SHORT_CONNECTIONS,
            streams_per_address=server.streams_per_address,
            streams_per_conversation=server.streams_per_conversation,
            openings_per_address=server.conversations_per_address,
            drafts=server.drafts_at_once,
            drafts_per_address=server.drafts_per_address,
            reads_per_colleague=server.reads_per_colleague,
            reads_per_address=server.reads_per_address,
        ),
    )
