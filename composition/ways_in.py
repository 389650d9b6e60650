"""Every way in for staff that the settings open: links, passwords, mail, OpenID Connect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.accounts.mail_links import MailedLinks
from core.accounts.sign_in import SignIn
from core.mail import Mailer
from core.web.pages import Pages
from core.web.routing import Routed
from core.web.settings import WebSettings
from core.web.sign_in import Provider, SignInRoutes

if TYPE_CHECKING:
    from composition.center import Center


def mailed_links(center: Center) -> MailedLinks | None:
    """Sign-in links by mail, when there is a server to send them."""
    mail = center.settings.mail
    if not mail.smtp_host:
        return None
    mailer = Mailer(
        host=mail.smtp_host,
        port=mail.smtp_port,
        sender=mail.smtp_from or mail.smtp_user or "desk@localhost",
        user=mail.smtp_user or "",
        password=mail.smtp_password or "",
    )
    return MailedLinks(
        center.accounts, mailer=mailer, words=center.words, base_url=lambda: center.base_url
    )


def ways_in(
    center: Center,
    settings: WebSettings,
    sign_in: SignIn,
    *,
    pages: Pages,
    mailed: MailedLinks | None,
) -> Sequence[Routed]:
    """The sign-in page and what it leads to."""
    oidc = center.settings.oidc
    has_oidc = bool(oidc.oidc_issuer and oidc.oidc_client_id)
    ways = SignInRoutes(
        settings,
        sign_in=sign_in,
        pages=pages,
        words=center.words,
        providers=[Provider(name=oidc.oidc_name, path="/login/oidc")] if has_oidc else [],
        mailed=mailed,
    )
    if not (oidc.oidc_issuer and oidc.oidc_client_id):
        return (ways,)
    # Imported here: it brings an HTTP client that only this needs.
    from core.accounts.oidc import OidcWishes, OpenIdConnect
    from core.web.oidc import CALLBACK, OidcRoutes

    provider = OpenIdConnect(
        OidcWishes(
            issuer=oidc.oidc_issuer,
            client_id=oidc.oidc_client_id,
            client_secret=oidc.oidc_client_secret or "",
            scopes=oidc.oidc_scopes,
        ),
        store=center.account_store,
        redirect_uri=lambda: center.base_url + CALLBACK,
        clock=center.clock,
    )
    return (ways, OidcRoutes(settings, provider=provider, sign_in=sign_in, pages=ways))
