"""The sign-in pages: password form, one-time link, sign-out, language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from config.languages import STAFF
from core.accounts.mail_links import MailedLinks
from core.accounts.roles import Action
from core.accounts.sign_in import SignIn, SignInRefused, TooManyAttempts
from core.i18n import Words
from core.web.http.problems import Problem
from core.web.http.requests import read_form
from core.web.http.routing import (
    Access,
    Fields,
    Route,
    address_of,
    body_of,
    current_user,
    form_route,
    query_of,
    session_of,
)
from core.web.http.settings import WebSettings
from core.web.identity.cookies import LOCALE, SESSION, Cookies
from core.web.pages import Pages

HOME = "/console"
CALLBACK = "/login/oidc/callback"  #: where an OpenID provider sends people back to


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Another way to sign in, offered on the sign-in page."""

    name: str
    path: str


class Credentials(Fields):
    """The sign-in form."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=256)
    next: str = Field(default="", max_length=2_000)


class MailWish(Fields):
    """The form that asks for a link."""

    email: str = Field(max_length=254)
    next: str = Field(default="", max_length=2_000)


class Next(Fields):
    """The page to go to afterwards."""

    next: str = Field(default="", max_length=2_000)


class SignInRoutes:
    """`/login`, `/login/link/{token}`, `/logout`, `/language/{code}`."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        sign_in: SignIn,
        pages: Pages,
        words: Words,
        providers: Sequence[Provider] = (),
        mailed: MailedLinks | None = None,
    ) -> None:
        self.cookies = Cookies(secure=settings.is_https, base=settings.base)
        self._sign_in = sign_in
        self._pages = pages
        self._words = words
        self._providers = tuple(providers)
        self._mailed = mailed

    @property
    def _mails(self) -> bool:
        return self._mailed is not None and self._mailed.is_set

    def routes(self) -> Sequence[Route]:
        """All pages of signing in and out."""
        return (
            Route(
                method="GET",
                path="/login",
                handler=self.form,
                access=Access.PUBLIC,
                summary="The sign-in page",
                query=Next,
                page=True,
            ),
            form_route(
                "/login",
                self.with_password,
                "Sign in by password",
                access=Access.PUBLIC,
                body=Credentials,
            ),
            form_route(
                "/login/mail",
                self.by_mail,
                "Send me a sign-in link",
                access=Access.PUBLIC,
                body=MailWish,
            ),
            Route(
                method="GET",
                path="/login/link/{token}",
                handler=self.link_page,
                access=Access.PUBLIC,
                summary="The page of a one-time link",
                page=True,
            ),
            form_route(
                "/login/link/{token}",
                self.with_link,
                "Sign in by one-time link",
                access=Access.PUBLIC,
            ),
            form_route("/logout", self.sign_out, "Sign out", action=Action.ACCOUNT_OWN),
            form_route(
                "/logout/everywhere",
                self.sign_out_everywhere,
                "Sign out everywhere",
                action=Action.ACCOUNT_OWN,
            ),
            Route(
                method="GET",
                path="/language/{code}",
                handler=self.language,
                access=Access.PUBLIC,
                summary="Choose a language",
                query=Next,
                page=True,
            ),
        )

    async def form(self, request: web.Request) -> web.StreamResponse:
        """GET /login."""
        return self._form(request, target=query_of(request, Next).next)

    async def with_password(self, request: web.Request) -> web.StreamResponse:
        """POST /login."""
        given = body_of(request, Credentials)
        try:
            cookie = await self._sign_in.with_password(
                given.email,
                given.password,
                address=address_of(request),
                browser=browser_of(request),
            )
        except SignInRefused:
            return self._form(
                request,
                target=given.next,
                email=given.email,
                message="console.sign_in.refused",
                status=401,
            )
        except TooManyAttempts as error:
            return self._too_many(request, error, target=given.next, email=given.email)
        return self.enter(cookie, target=given.next)

    async def by_mail(self, request: web.Request) -> web.StreamResponse:
        """POST /login/mail; everybody hears the same."""
        given = body_of(request, MailWish)
        if not self._mails:
            raise Problem(404, "No mail is sent here.")
        try:
            await self._sign_in.count_mail(given.email, address=address_of(request))
        except TooManyAttempts as error:
            return self._too_many(request, error, target=given.next)
        assert self._mailed is not None
        self._mailed.request(
            given.email, address=address_of(request), locale=self._pages.locale(request)
        )
        return self.form_with(request, "mailed", target=given.next, status=200)

    def form_with(
        self, request: web.Request, said: str, *, target: str = "", status: int
    ) -> web.Response:
        """The sign-in page with a word on what came of it (`console.sign_in.…`)."""
        return self._form(request, target=target, message=f"console.sign_in.{said}", status=status)

    async def link_page(self, request: web.Request) -> web.StreamResponse:
        """GET /login/link/{token}: one button, and nothing else.

        Mail scanners and previews open every link: looking uses nothing up, and whether the link
        still works is said to whoever presses the button.
        """
        path = "/login/link/" + quote(request.match_info["token"][:200], safe="")
        return self._pages.render(request, "link.html", {"action": path})

    async def with_link(self, request: web.Request) -> web.StreamResponse:
        """POST /login/link/{token}."""
        try:
            cookie = await self._sign_in.with_link(
                request.match_info["token"][:200],
                address=address_of(request),
                browser=browser_of(request),
            )
        except SignInRefused:
            return self._form(request, target="", message="console.sign_in.link_used", status=401)
        except TooManyAttempts as error:
            return self._too_many(request, error, target="")
        return self.enter(cookie, target="")

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """POST /logout."""
        session = session_of(request)
        if session is not None:
            await self._sign_in.sign_out(session.user, session.id, address=address_of(request))
        return self._leave()

    async def sign_out_everywhere(self, request: web.Request) -> web.StreamResponse:
        """POST /logout/everywhere."""
        await self._sign_in.sign_out_everywhere(
            current_user(request),
            end_tokens=(await read_form(request)).get("tokens") == "yes",
            address=address_of(request),
        )
        return self._leave()

    async def language(self, request: web.Request) -> web.StreamResponse:
        """GET /language/{code}: remembers the choice and goes back."""
        code = request.match_info["code"]
        if code not in STAFF:
            raise Problem(404, "We do not speak this language yet.")
        response = _redirect(safe_target(query_of(request, Next).next, default="/"))
        self.cookies.give(response, LOCALE, code, seconds=365 * 24 * 3600)
        return response

    def enter(self, cookie: str, *, target: str) -> web.Response:
        """Gives the browser its session, and the page it wanted."""
        response = _redirect(safe_target(target, default=HOME))
        self.cookies.give(response, SESSION, cookie)
        return response

    def _leave(self) -> web.Response:
        response = _redirect("/login")
        self.cookies.take_back(response, SESSION)
        return response

    def _too_many(
        self, request: web.Request, error: TooManyAttempts, *, target: str, email: str = ""
    ) -> web.Response:
        response = self._form(
            request, target=target, email=email, message="console.sign_in.too_many", status=429
        )
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
        return response

    def _form(
        self,
        request: web.Request,
        *,
        target: str,
        email: str = "",
        message: str = "",
        status: int = 200,
    ) -> web.Response:
        locale = self._pages.locale(request)
        return self._pages.render(
            request,
            "login.html",
            {
                "next": safe_target(target, default=""),
                "email": email,
                "message": self._words.text(message, locale) if message else "",
                "providers": self._providers,
                "mails": self._mails,
            },
            status=status,
        )


def safe_target(target: str, *, default: str) -> str:
    """The path when it is one of ours, so that nobody is sent to a stranger's site."""
    local = target.startswith("/") and not target.startswith(("//", "/\\"))
    clean = target.isascii() and target.isprintable() and "\\" not in target
    return target if local and clean else default


def _redirect(target: str) -> web.Response:
    return web.Response(status=303, headers={"Location": target})


def browser_of(request: web.Request) -> str:
    """How the browser calls itself."""
    agent = request.headers.get("User-Agent", "")
    return agent.encode("utf-8", "replace").decode()[:200]
