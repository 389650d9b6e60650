"""The users API: staff, their roles, links and sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from config.languages import DEFAULT
from core.accounts.emails import LONGEST, PATTERN
from core.accounts.mail_links import MailedLinks
from core.accounts.records import Account
from core.accounts.roles import Action, Role, User
from core.accounts.service import LINK_LIFE, LONGEST_LINK, AccountsService
from core.clock import Clock
from core.runtime.mail import MailFailed
from core.web.http.problems import Problem
from core.web.http.responses import iso, json_answer, read_cursor, write_cursor
from core.web.http.routing import (
    Fields,
    Route,
    Strict,
    address_of,
    body_of,
    current_user,
    query_of,
)

#: How a person or a token is called: one line.
Name = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
_SLACK = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9]*$")]


class NewUser(Strict):
    """A colleague to be."""

    email: str = Field(max_length=LONGEST, pattern=PATTERN)
    role: Role = Role.AGENT
    name: Name = ""


class UserChange(Strict):
    """A change of a user; fields left out stay as they are."""

    role: Role | None = None
    name: Name | None = None
    slack_id: _SLACK | None = None


class UserList(Fields):
    """A page of the list of users."""

    cursor: str | None = Field(default=None, max_length=400)
    limit: int = Field(default=50, ge=1, le=200)


class EndedSessions(Fields):
    """The extent of a sign-out: sessions and links, and tokens if wished."""

    tokens: bool = Field(default=False, description="Withdraw the user's API tokens, too.")


class UserView(BaseModel):
    """A member of staff."""

    email: str
    name: str
    role: Role
    slack_id: str
    provider: str = Field(description="The OpenID provider that knows this user; may be empty.")
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    seen_at: str | None = Field(json_schema_extra={"format": "date-time"})


class UserListView(BaseModel):
    """Users by e-mail address."""

    items: list[UserView]
    next: str | None


class LinkQuery(Fields):
    """The time for which a sign-in link lasts."""

    minutes: int = Field(
        default=int(LINK_LIFE.total_seconds() / 60),
        ge=15,
        le=int(LONGEST_LINK.total_seconds() / 60),
    )

    @property
    def life(self) -> timedelta:
        """The same as a duration."""
        return timedelta(minutes=self.minutes)


class InvitationView(BaseModel):
    """An invitation that the mail server has taken."""

    sent_to: str
    expires_at: str = Field(json_schema_extra={"format": "date-time"})


class LinkView(BaseModel):
    """A sign-in link that works once."""

    url: str
    expires_at: str = Field(json_schema_extra={"format": "date-time"})


class UserRoutes:
    """The handlers behind `/api/users`."""

    def __init__(
        self,
        accounts: AccountsService,
        *,
        base_url: Callable[[], str],
        clock: Clock,
        mailed: MailedLinks | None = None,
        locale: Callable[[web.Request], str] = lambda _: DEFAULT,
    ) -> None:
        """`base_url` is where sign-in links lead; what a request calls us has no say in it.

        `mailed` sends invitations, in the `locale` of who sends them; None: no mail is sent.
        """
        self._mailed = mailed
        self._locale = locale
        self._accounts = accounts
        self._base_url = base_url
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        """All routes about colleagues."""
        one = "/api/users/{email}"
        return (
            Route(
                method="GET",
                path="/api/users",
                handler=self.list_users,
                action=Action.USERS_READ,
                summary="List users",
                query=UserList,
                responses={200: UserListView},
            ),
            Route(
                method="POST",
                path="/api/users",
                handler=self.add,
                action=Action.USERS_CHANGE,
                summary="Add a user",
                body=NewUser,
                responses={201: UserView, 409: None},
            ),
            Route(
                method="PATCH",
                path=one,
                handler=self.change,
                action=Action.USERS_CHANGE,
                summary="Change a user's role, name or Slack identity",
                body=UserChange,
                responses={200: UserView, 409: None},
            ),
            Route(
                method="DELETE",
                path=one,
                handler=self.remove,
                action=Action.USERS_CHANGE,
                summary="Remove a user",
                responses={204: None, 409: None},
            ),
            Route(
                method="POST",
                path=one + "/link",
                handler=self.issue_link,
                action=Action.USERS_CHANGE,
                summary="Make a sign-in link",
                query=LinkQuery,
                responses={201: LinkView},
            ),
            Route(
                method="POST",
                path=one + "/invitation",
                handler=self.invite,
                action=Action.USERS_CHANGE,
                summary="Send a user a sign-in link by mail",
                query=LinkQuery,
                responses={201: InvitationView, 502: None},
            ),
            Route(
                method="DELETE",
                path=one + "/sessions",
                handler=self.end_sessions,
                action=Action.USERS_CHANGE,
                summary="Sign a user out everywhere; sign-in links end too",
                query=EndedSessions,
                responses={204: None},
            ),
            Route(
                method="DELETE",
                path=one + "/provider",
                handler=self.forget_provider,
                action=Action.USERS_CHANGE,
                summary="Let another identity at the OpenID provider be this user",
                responses={204: None},
            ),
        )

    async def list_users(self, request: web.Request) -> web.StreamResponse:
        """GET /api/users."""
        query = query_of(request, UserList)
        accounts = await self._accounts.accounts(current_user(request))
        if query.cursor:
            [after] = read_cursor(query.cursor, str)
            accounts = [a for a in accounts if a.user.email > after]
        page = accounts[: query.limit]
        more = len(accounts) > len(page)
        return json_answer(
            {
                "items": [user_view(account) for account in page],
                "next": write_cursor(page[-1].user.email) if more else None,
            }
        )

    async def add(self, request: web.Request) -> web.StreamResponse:
        """POST /api/users."""
        body = body_of(request, NewUser)
        user = await self._accounts.add(
            current_user(request),
            body.email,
            role=body.role,
            name=body.name,
            address=address_of(request),
        )
        return json_answer(await self._view(user), status=201)

    async def change(self, request: web.Request) -> web.StreamResponse:
        """PATCH /api/users/{email}."""
        body = body_of(request, UserChange)
        user = await self._accounts.change(
            current_user(request),
            request.match_info["email"],
            role=body.role,
            name=body.name,
            slack_id=body.slack_id,
            address=address_of(request),
        )
        return json_answer(await self._view(user))

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/users/{email}."""
        await self._accounts.remove(
            current_user(request), request.match_info["email"], address=address_of(request)
        )
        return web.Response(status=204)

    async def issue_link(self, request: web.Request) -> web.StreamResponse:
        """POST /api/users/{email}/link."""
        life = query_of(request, LinkQuery).life
        user = await self._accounts.find(request.match_info["email"])
        token = await self._accounts.issue_link(
            user, actor=current_user(request), life=life, address=address_of(request)
        )
        url = f"{self._base_url().rstrip('/')}/login/link/{token}"
        return json_answer({"url": url, "expires_at": iso(self._clock.now() + life)}, status=201)

    async def invite(self, request: web.Request) -> web.StreamResponse:
        """POST /api/users/{email}/invitation."""
        if self._mailed is None or not self._mailed.is_set:
            raise Problem(404, "No mail server is set; make a link and pass it on.")
        life = query_of(request, LinkQuery).life
        user = await self._accounts.find(request.match_info["email"])
        try:
            await self._mailed.invite(
                current_user(request),
                user,
                life=life,
                locale=self._locale(request),
                address=address_of(request),
            )
        except MailFailed as error:
            raise Problem(502, error.detail) from error
        view = InvitationView(sent_to=user.email, expires_at=iso(self._clock.now() + life))
        return json_answer(view, status=201)

    async def end_sessions(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/users/{email}/sessions."""
        await self._accounts.end_sessions(
            current_user(request),
            request.match_info["email"],
            end_tokens=query_of(request, EndedSessions).tokens,
            address=address_of(request),
        )
        return web.Response(status=204)

    async def forget_provider(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/users/{email}/provider."""
        await self._accounts.forget_provider(
            current_user(request), request.match_info["email"], address=address_of(request)
        )
        return web.Response(status=204)

    async def _view(self, user: User) -> dict[str, object]:
        return user_view(await self._accounts.account_of(user))


def user_view(account: Account) -> dict[str, object]:
    """A user as the API shows them."""
    return {
        "email": account.user.email,
        "name": account.user.name,
        "role": account.user.role.value,
        "slack_id": account.user.slack_id,
        "provider": account.issuer,
        "created_at": iso(account.created_at),
        "seen_at": iso(account.seen_at) if account.seen_at else None,
    }
