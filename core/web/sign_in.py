"""The ways in and out for staff: password form, one-time link, sign-out, and language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from pydantic import Field

from core.accounts.mail_links import MailedLinks
from core.accounts.rules import Action
from core.accounts.sign_in import SignIn, SignInRefused, TooManyAttempts
from core.web.authentication import SESSION_COOKIE
from core.web.pages import LOCALE_COOKIE, Pages
from core.web.problems import Problem
from core.web.routing import (
    Access,
    Fields,
    Route,
    address_of,
    body_of,
    current_user,
    query_of,
    session_of,
)
from core.web.settings import WebSettings
from core.wording import Words

HOME = "/console"


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
    """Where to go afterwards."""

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
        self._settings = settings
        self._sign_in = sign_in
        self._pages = pages
        self._words = words
        self._providers = tuple(providers)
        self._mailed = mailed

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
            Route(
                method="POST",
                path="/login",
                handler=self.with_password,
                access=Access.PUBLIC,
                summary="Sign in by password",
                body=Credentials,
                form=True,
                page=True,
            ),
            Route(
                method="POST",
                path="/login/mail",
                handler=self.by_mail,
                access=Access.PUBLIC,
                summary="Send me a sign-in link",
                body=MailWish,
                form=True,
                page=True,
            ),
            Route(
                method="GET",
                path="/login/link/{token}",
                handler=self.with_link,
                access=Access.PUBLIC,
                summary="Sign in by one-time link",
                page=True,
            ),
            Route(
                method="POST",
                path="/logout",
                handler=self.sign_out,
                access=Access.STAFF,
                action=Action.ACCOUNT_OWN,
                summary="Sign out",
                form=True,
                page=True,
            ),
            Route(
                method="POST",
                path="/logout/everywhere",
                handler=self.sign_out_everywhere,
                access=Access.STAFF,
                action=Action.ACCOUNT_OWN,
                summary="Sign out everywhere",
                form=True,
                page=True,
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
            response = self._form(
                request,
                target=given.next,
                email=given.email,
                message="console.sign_in.too_many",
                status=429,
            )
            response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
            return response
        return self.enter(cookie, target=given.next)

    async def by_mail(self, request: web.Request) -> web.StreamResponse:
        """POST /login/mail; everybody hears the same."""
        given = body_of(request, MailWish)
        if self._mailed is None:
            raise Problem(404, "No mail is sent here.")
        try:
            self._sign_in.count_mail(given.email, address=address_of(request))
        except TooManyAttempts:
            return self.form_with(request, "too_many", target=given.next, status=429)
        self._mailed.request(
            given.email, address=address_of(request), locale=self._pages.locale(request)
        )
        return self.form_with(request, "mailed", target=given.next, status=200)

    def form_with(
        self, request: web.Request, said: str, *, target: str = "", status: int
    ) -> web.Response:
        """The sign-in page with a word on what came of it (`console.sign_in.…`)."""
        return self._form(request, target=target, message=f"console.sign_in.{said}", status=status)

    async def with_link(self, request: web.Request) -> web.StreamResponse:
        """GET /login/link/{token}; a look by HEAD does not use it up."""
        if request.method == "HEAD":
            return web.Response()
        try:
            cookie = await self._sign_in.with_link(
                request.match_info["token"][:200],
                address=address_of(request),
                browser=browser_of(request),
            )
        except SignInRefused:
            return self._form(request, target="", message="console.sign_in.link_used", status=401)
        return self.enter(cookie, target="")

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """POST /logout."""
        session = session_of(request)
        if session is not None:
            await self._sign_in.sign_out(session.user, session.id, address=address_of(request))
        return _leave()

    async def sign_out_everywhere(self, request: web.Request) -> web.StreamResponse:
        """POST /logout/everywhere."""
        await self._sign_in.sign_out_everywhere(current_user(request), address=address_of(request))
        return _leave()

    async def language(self, request: web.Request) -> web.StreamResponse:
        """GET /language/{code}: remembers the choice and goes back."""
        code = request.match_info["code"]
        if code not in self._words.languages:
            raise Problem(404, "We do not speak this language yet.")
        response = _redirect(safe_target(query_of(request, Next).next, default="/"))
        response.set_cookie(
            LOCALE_COOKIE,
            code,
            max_age=365 * 24 * 3600,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.is_https,
        )
        return response

    def enter(self, cookie: str, *, target: str) -> web.Response:
        """Gives the browser its session, and the page it wanted."""
        response = _redirect(safe_target(target, default=HOME))
        response.set_cookie(
            SESSION_COOKIE,
            cookie,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.is_https,
        )
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
                "mails": self._mailed is not None,
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


def _leave() -> web.Response:
    response = _redirect("/login")
    response.del_cookie(SESSION_COOKIE, path="/")
    return response


def browser_of(request: web.Request) -> str:
    """How the browser calls itself."""
    agent = request.headers.get("User-Agent", "")
    return agent.encode("utf-8", "replace").decode()[:200]
