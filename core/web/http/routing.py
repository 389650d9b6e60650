"""Routes as data: a slice declares each, the frame serves, guards and documents it."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Protocol, TypeVar, cast

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict

from core.accounts.roles import RIGHTS, Action, Role, User
from core.accounts.sessions import SignedIn

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_LIMIT = 262_144  #: bytes; 20,000 characters fit, each written as an escaped surrogate pair


class Access(enum.Enum):
    """The callers that a route admits; the frame refuses all others."""

    PUBLIC = "public"  #: anyone
    VISITOR = "visitor"  #: the visitor whose token opens the conversation `{id}`
    PARTICIPANT = "participant"  #: that visitor, or any member of staff
    STAFF = "staff"  #: agents and above
    SUPERVISOR = "supervisor"  #: supervisors and admins
    ADMIN = "admin"  #: admins
    OPERATOR = "operator"  #: whoever runs this; the handler asks for the token or the address
    PROVIDER = "provider"  #: a vendor; the handler verifies the signature itself


#: What a route is open to whose action needs this role; a new role has its `Access` here alone.
BY_ROLE: Mapping[Role, Access] = {
    Role.AGENT: Access.STAFF,
    Role.SUPERVISOR: Access.SUPERVISOR,
    Role.ADMIN: Access.ADMIN,
}
_BY_ACTION = cast(Access, None)  # until the route is made, and never after


class Strict(BaseModel):
    """A strict JSON body: no unknown fields, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_max_length=20_000)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: A number as JSON Schema counts whole ones: 9.0 is the integer 9, however it is written.
Whole = Annotated[int, BeforeValidator(_whole)]


class Fields(BaseModel):
    """Query parameters or form fields: everything comes as text and is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)


MENU_GROUPS = (("work", 40), ("insight", 60), ("assistant", 90), ("setup", 1_000))
"""The groups of the console's menu, each with the first place after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEntry:
    """A page's place in the console's menu; shown to those who may open the page."""

    words: str  #: the name of what it is called, as the page's own heading has it
    place: int  #: the smaller, the further up; below 40 work, then insight, assistant, set-up

    @property
    def group(self) -> str:
        """Whose page it is: `console.menu_groups` has the words."""
        return next(name for name, end in MENU_GROUPS if self.place < end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path.

    The handler asks `current_user`, `body_of`, `query_of` and `address_of` below for what the frame
    has found out. Who may come in follows from `action`; `access` says so where there is none, or
    where more than staff may. `responses` names the good answers; the refusals that follow from
    the other fields are documented by themselves, further ones (409) are named with None.
    """

    method: str
    path: str  #: as aiohttp takes it, "/api/approvals/{id}/decision"
    handler: Handler
    summary: str
    action: Action | None = None  #: the right it needs; checked here and again in the service
    access: Access = _BY_ACTION
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    responses: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    page: bool = False  #: HTML: errors are shown as pages, no session leads to /login
    form: bool = False  #: the body is an HTML form, not JSON
    upload: bool = False  #: the body is a file, read by the handler piece by piece
    stream: bool = False  #: server-sent events
    framed: bool = False  #: other sites (by settings) may show this page in a frame
    passive: bool = False  #: calling it does not keep a session alive (typing, polling)
    max_body: int = BODY_LIMIT
    media_type: str = ""  #: of a good answer that is neither JSON, a page nor a stream
    dear: bool = False  #: counts, draws or collects much: worth ten pages (`core.web.limits.reads`)
    menu: MenuEntry | None = None
    unlimited: bool = False  #: does not count against its address's rate: health checks
    hidden: bool = False  #: left out of the OpenAPI document (pages and assets always are)

    def __post_init__(self) -> None:
        """Raises ValueError when nobody says who may come in."""
        if self.access is _BY_ACTION:
            if self.action is None:
                raise ValueError(f"{self.method} {self.path} says neither action nor access")
            object.__setattr__(self, "access", BY_ROLE[RIGHTS[self.action]])

    def in_menu(self, words: str, place: int) -> Route:
        """The same, with an entry in the console's menu."""
        return replace(self, menu=MenuEntry(words=words, place=place))


def page_route(
    path: str,
    handler: Handler,
    summary: str,
    *,
    action: Action,
    query: type[Fields] | None = None,
    passive: bool = False,
    dear: bool = False,
) -> Route:
    """A page of the console."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        action=action,
        summary=summary,
        query=query,
        page=True,
        passive=passive,
        dear=dear,
    )


def form_route(
    path: str,
    handler: Handler,
    summary: str,
    *,
    action: Action | None = None,
    access: Access = _BY_ACTION,
    body: type[Fields] | None = None,
    dear: bool = False,
) -> Route:
    """Where a form of a page is sent."""
    return Route(
        method="POST",
        path=path,
        handler=handler,
        action=action,
        access=access,
        summary=summary,
        body=body,
        form=True,
        page=True,
        dear=dear,
    )


class Routed(Protocol):
    """The protocol of a part that has routes."""

    def routes(self) -> Sequence[Route]: ...


class Call:
    """A request as the frame has validated it: caller, body, query, address."""

    __slots__ = ("address", "body", "csrf", "query", "recheck", "route", "session", "user")

    def __init__(self, *, address: str) -> None:
        self.address = address  #: from where it came, for the audit and for limits
        self.route: Route | None = None  #: None while none is known, and for what matches none
        self.user: User | None = None
        self.session: SignedIn | None = None
        self.body: BaseModel | None = None
        self.query: BaseModel | None = None
        self.csrf = ""  #: as a form carried it
        self.recheck: Callable[[], Awaitable[User | None]] | None = None  #: for long streams


CALL = web.RequestKey("call", Call)
Model = TypeVar("Model", bound=BaseModel)


def current_user(request: web.Request) -> User:
    """The signed-in member of staff; for routes whose access guarantees one."""
    user = request[CALL].user
    assert user is not None
    return user


def user_of(request: web.Request) -> User | None:
    """The member of staff who calls, None for visitors and strangers."""
    return request[CALL].user


def session_of(request: web.Request) -> SignedIn | None:
    """The browser session of the call, None for API tokens."""
    return request[CALL].session


def body_of(request: web.Request, model: type[Model]) -> Model:
    """The validated body."""
    body = request[CALL].body
    assert isinstance(body, model)
    return body


def query_of(request: web.Request, model: type[Model]) -> Model:
    """The validated query."""
    query = request[CALL].query
    assert isinstance(query, model)
    return query


def address_of(request: web.Request) -> str:
    """From where the request came, for the audit and for limits."""
    return request[CALL].address
