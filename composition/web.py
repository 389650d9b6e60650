"""Everything that is served over HTTP: each part with what it needs, under one server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analytics.console import STATIC as ANALYTICS_STATIC
from analytics.console import TEMPLATES as ANALYTICS_TEMPLATES
from analytics.console import DashboardPages
from analytics.gap_pages import GapPages
from analytics.report_pages import ReportPages
from analytics.web import DashboardRoutes
from approvals.console.web import DeskPages
from approvals.trust.incidents import Incidents
from approvals.trust.pages import TEMPLATES as TRUST_TEMPLATES
from approvals.trust.pages import TrustPages
from approvals.web import ApprovalRoutes
from channels.web.pages import STATIC as CHAT
from channels.web.pages import ChatPages
from composition.program import GUIDE, HERE
from composition.ways_in import ways_in
from core.accounts.rules import User
from core.accounts.sign_in import SignIn
from core.errors import ChannelNotReady
from core.privacy.web import PrivacyRoutes
from core.rag.pages import TEMPLATES as KNOWLEDGE_TEMPLATES
from core.rag.pages import KnowledgePages
from core.rag.web import KnowledgeRoutes
from core.storage.listing import ConversationListing
from core.web.assets import Assets
from core.web.console import ConsoleRoutes
from core.web.conversations import ConversationRoutes
from core.web.deliveries import DeliveryRoutes
from core.web.guide import GuideRoutes
from core.web.health import HealthRoutes
from core.web.me import MeRoutes
from core.web.pages import STATIC, Pages
from core.web.routing import Route, Routed
from core.web.server import WebServer
from core.web.settings import WebSettings
from core.web.users import UserRoutes
from core.web.visitors import VisitorTokens
from plugins.pages import STATIC as PLUGIN_STATIC
from plugins.pages import TEMPLATES as PLUGIN_TEMPLATES
from plugins.pages import PluginPages
from plugins.web import routes as plugin_routes

if TYPE_CHECKING:
    from composition.center import Center
    from composition.live import Serving

ASSETS = {
    "core": STATIC,
    "chat": CHAT,
    "analytics": ANALYTICS_STATIC,
    "approvals": HERE / "approvals" / "static",
    "plugins": PLUGIN_STATIC,
}
TEMPLATES = {
    "analytics": ANALYTICS_TEMPLATES,
    "approvals": HERE / "approvals" / "templates",
    "plugins": PLUGIN_TEMPLATES,
    "knowledge": KNOWLEDGE_TEMPLATES,
    "trust": TRUST_TEMPLATES,
}


def web_server(live: Serving) -> WebServer:
    """The server of everything; it does not listen yet."""
    center = live.center
    settings = _settings(center)
    visitors = VisitorTokens(secret_key=center.secret_key)
    assets = Assets(ASSETS)
    pages = Pages(settings, words=center.words, assets=assets, templates=TEMPLATES)
    parts: Sequence[Routed] = (
        ChatPages(center.words, assets=assets),
        ConversationRoutes(
            settings,
            conversations=live.conversations,
            inbox=live.inbox,
            bus=live.bus,
            visitors=visitors,
            clock=center.clock,
        ),
        GuideRoutes(GUIDE, pages=pages),
        *_of_staff(live, settings, pages),
        *_of_the_desk(live, pages),
        *_of_knowledge(live, pages),
        *_of_insight(live, pages),
        PluginPages(center.plugins, pages=pages, words=center.words),
        PrivacyRoutes(center.privacy, pages=pages),
        _health(live),
    )
    return WebServer(
        settings,
        (*(route for part in parts for route in part.routes()), *_of_plugins(center)),
        visitors=visitors,
        staff=live.access,
        clock=center.clock,
        registry=live.registry,
        pages=pages,
        audit=center.audit,
    )


def _settings(center: Center) -> WebSettings:
    server = center.settings.server
    return WebSettings(
        secret_key=center.secret_key,
        host=server.host,
        port=server.port,
        public_url=server.public_url or "",
        frame_ancestors=server.widget_origins or ("*",),
        trusted_proxies=server.trusted_proxies,
        session_idle_seconds=server.session_idle_seconds,
        address_rate=server.rate_per_address,
        address_burst=int(server.rate_per_address * 2),
        conversation_rate=server.rate_per_conversation,
    )


def _of_staff(live: Serving, settings: WebSettings, pages: Pages) -> Sequence[Routed]:
    """Signing in, the accounts, and the console's frame."""
    center = live.center
    sign_in = SignIn(
        center.account_store,
        access=live.access,
        audit=center.audit,
        passwords=center.passwords,
        clock=center.clock,
    )
    return (
        *ways_in(center, settings, sign_in, pages=pages, mailed=live.mailed_links),
        UserRoutes(center.accounts, public_url=settings.public_url, clock=center.clock),
        MeRoutes(center.accounts, clock=center.clock),
        ConsoleRoutes(
            settings, accounts=center.accounts, audit=center.audit, pages=pages, bus=live.bus
        ),
    )


def _of_the_desk(live: Serving, pages: Pages) -> Sequence[Routed]:
    """Approvals, conversations on the console, and what could not be delivered."""
    center = live.center

    async def colleagues() -> Sequence[User]:
        return [account.user for account in await center.account_store.accounts()]

    return (
        ApprovalRoutes(service=live.approvals, deliveries=live.deliveries),
        DeskPages(
            service=live.approvals,
            conversations=live.conversations,
            listing=ConversationListing(center.db["conversations"]),
            pages=pages,
            words=center.words,
            clock=center.clock,
            colleagues=colleagues,
            trouble=live.slack.trouble,
        ),
        DeliveryRoutes(
            live.deliveries, conversations=live.conversations, pages=pages, words=center.words
        ),
    )


def _of_knowledge(live: Serving, pages: Pages) -> Sequence[Routed]:
    """What is known, and how far it is trusted."""
    center, rag = live.center, live.rag
    return (
        KnowledgeRoutes(knowledge=rag.knowledge, confidence=rag.confidence, clock=center.clock),
        KnowledgePages(rag.knowledge, confidence=rag.confidence, pages=pages),
        TrustPages(
            autonomy=live.trust.autonomy,
            learning=live.trust.learning,
            incidents=Incidents(rag.embedder, live.approvals),
            replay=center.replay,
            pages=pages,
            words=center.words,
        ),
    )


def _of_insight(live: Serving, pages: Pages) -> Sequence[Routed]:
    """The dashboard and the reports."""
    center, insight = live.center, live.insight
    return (
        DashboardRoutes(insight.analytics),
        ReportPages(
            insight.reporting,
            analytics=insight.analytics,
            pages=pages,
            words=center.words,
            clock=center.clock,
        ),
        GapPages(insight.analytics, gaps=insight.gaps, knowledge=center.knowledge, pages=pages),
        DashboardPages(
            insight.analytics,
            pages=pages,
            words=center.words,
            studio=center.studio,
            clock=center.clock,
        ),
    )


def _of_plugins(center: Center) -> Sequence[Route]:
    manifests = [found.manifest for found in center.catalog.scan().values()]
    return plugin_routes(
        center.plugins,
        center.host,
        runs=center.conformance,
        public_url=center.settings.server.public_url or "",
        webhooks=[path for manifest in manifests if manifest for path in manifest.webhooks],
    )


def _health(live: Serving) -> HealthRoutes:
    async def store() -> None:
        await live.center.db.command("ping")

    async def vectors() -> None:
        await live.rag.index.count()

    async def web_chat() -> None:
        if live.center.host.get("web") is None:
            raise ChannelNotReady("The channel of the web chat is off.")

    return HealthRoutes(
        checks={"store": store, "vectors": vectors, "web chat": web_chat}, registry=live.registry
    )
