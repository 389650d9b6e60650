"""Builds the console slice: sign-in, staff, audit, undelivered messages, guide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from core.accounts import cli as accounts_cli
from core.accounts.audit import cli as audit_cli
from core.accounts.audit.projection import AuditedDecisions
from core.accounts.mail_links import MailedLinks
from core.accounts.oidc.doctor import oidc_checks
from core.accounts.sessions import StaffAccess
from core.accounts.sign_in import SignIn
from core.console.deliveries import DeliveryRoutes
from core.console.guide import GuideRoutes
from core.console.logo import LogoRoutes
from core.console.mail_api import MailRoutes
from core.console.me import MeRoutes
from core.console.pages import ConsoleRoutes, Home
from core.console.settings import SettingsRoutes
from core.console.sign_in import CALLBACK, Provider, SignInRoutes
from core.console.tokens import TokenRoutes
from core.console.users import UserRoutes
from core.engine.outbound import cli as deliveries_cli
from core.rag.llm.choice import ModelChoices
from core.runtime.checks import Check
from core.runtime.shipped import GUIDE
from core.slices.slice import Core, Job, Slice, Web
from core.storage.errors import store_errors
from core.web.http.routing import Routed
from core.web.identity.visitor_identity import VisitorIdentity
from core.web.pages import STATIC

if TYPE_CHECKING:
    from core.accounts.oidc.provider import OpenIdConnect


def setup(core: Core, access: StaffAccess, *, home: Home, models: ModelChoices) -> Slice:
    """Everything by which staff come in and see what the core itself keeps."""
    mailed = MailedLinks(core.accounts, mailer=core.mail, words=core.words, base_url=core.site.url)

    async def checks() -> Sequence[Check]:
        callback = core.site.url() + CALLBACK
        mail = Check(
            name="mail",
            attempt=_mail_check(core),
            remedy="Look at the mail server under Settings, or at SMTP_HOST and SMTP_PORT.",
        )
        return (mail, *oidc_checks(core.settings.oidc, _open_id(core), callback=callback))

    def routes(web: Web) -> Sequence[Routed]:
        return (
            *_ways_in(core, access, mailed, web),
            UserRoutes(
                core.accounts,
                base_url=core.site.url,
                clock=core.clock,
                mailed=mailed,
                locale=web.pages.locale,
            ),
            MeRoutes(core.accounts, clock=core.clock),
            TokenRoutes(core.accounts.api_tokens, pages=web.pages),
            ConsoleRoutes(
                web.settings,
                accounts=core.accounts,
                audit=core.audit,
                pages=web.pages,
                bus=core.bus,
                home=home,
                mails=lambda: mailed.is_set,
            ),
            DeliveryRoutes(
                core.deliveries,
                conversations=core.conversations,
                pages=web.pages,
                words=core.words,
            ),
            GuideRoutes(GUIDE, pages=web.pages),
            LogoRoutes(core.company),
            MailRoutes(core.mail, audit=core.audit, pages=web.pages, words=core.words),
            SettingsRoutes(
                core.company,
                pages=web.pages,
                words=core.words,
                environment=core.settings.approvals,
                site=core.site.url,
                identity=VisitorIdentity(
                    secret_key=core.secret_key, previous_key=core.previous_key
                ),
                models=models,
                mail=core.mail,
                is_public=bool(core.settings.server.public_url),
            ),
        )

    async def store() -> None:
        # A store may answer and take nothing, as on a disk of its own that is full.
        now = {"$set": {"at": core.clock.now()}}
        with store_errors():
            await core.db["meta"].update_one({"_id": "probe"}, now, upsert=True)

    return Slice(
        name="console",
        routes=routes,
        static={"core": STATIC},
        projections=(AuditedDecisions(core.audit),),
        jobs=(
            Job(work=access.sweep, every=timedelta(hours=1)),
            Job(work=core.attempts.sweep, every=timedelta(hours=1)),
        ),
        tasks={
            "company": partial(core.company.run, is_alone=core.node.is_alone),
            "mail server": partial(core.mail.run, is_alone=core.node.is_alone),
        },
        everywhere=("company", "mail server"),
        closing=(mailed.stop,),
        commands={
            **accounts_cli.commands(core.accounts, base_url=core.site.url),
            **audit_cli.commands(core.audit),
            **deliveries_cli.commands(core.deliveries),
        },
        checks=checks,
        health={"store": store, "disk": core.disk.check},
    )


def _mail_check(core: Core) -> Callable[[], Awaitable[str]]:
    async def attempt() -> str:
        await core.mail.load()
        return await core.mail.check()

    return attempt


def _ways_in(core: Core, access: StaffAccess, mailed: MailedLinks, web: Web) -> Sequence[Routed]:
    """The sign-in page and what it leads to: links, passwords, mail, OpenID Connect."""
    sign_in = SignIn(
        core.account_store,
        access=access,
        audit=core.audit,
        passwords=core.passwords,
        attempts=core.attempts,
        clock=core.clock,
    )
    provider = _open_id(core)
    ways = SignInRoutes(
        web.settings,
        sign_in=sign_in,
        pages=web.pages,
        words=core.words,
        providers=[]
        if provider is None
        else [Provider(name=core.settings.oidc.oidc_name, path="/login/oidc")],
        mailed=mailed,
    )
    if provider is None:
        return (ways,)
    from core.console.oidc import OidcRoutes

    return (ways, OidcRoutes(provider=provider, sign_in=sign_in, pages=ways))


def _open_id(core: Core) -> OpenIdConnect | None:
    """The provider that the settings name, if they do."""
    oidc = core.settings.oidc
    if not (oidc.oidc_issuer and oidc.oidc_client_id):
        return None
    # Imported here: it brings an HTTP client that only this needs.
    from core.accounts.oidc.claims import EmailClaimPolicy
    from core.accounts.oidc.provider import OidcWishes, OpenIdConnect

    return OpenIdConnect(
        OidcWishes(
            issuer=oidc.oidc_issuer,
            client_id=oidc.oidc_client_id,
            client_secret=oidc.oidc_client_secret or "",
            scopes=oidc.oidc_scopes,
            trust=EmailClaimPolicy(claim=oidc.oidc_email_claim, domains=oidc.oidc_trusted_domains),
        ),
        store=core.account_store,
        redirect_uri=lambda: core.site.url() + CALLBACK,
        keys=(core.secret_key, core.previous_key),
        clock=core.clock,
    )
